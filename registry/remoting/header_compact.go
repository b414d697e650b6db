package remoting

// parseCompact reads what practically all peers send: no white space, nothing bare, no escapes, no number beyond 32 bits, and
// ASCII. It is false where the header is anything else, which says nothing about whether it is good.
func (q *Request) parseCompact(h []byte) bool {
	c := cursor{b: h}
	q.text = h
	if !c.take('{') {
		return false
	}
	for {
		if !q.compactMember(&c) {
			return false
		}
		if !c.take(',') {
			return c.take('}') && c.i == len(c.b)
		}
	}
}

// compactMember takes one member. To look for where a short name ends costs more than to compare it with the one it must be,
// which its first letter tells.
func (q *Request) compactMember(c *cursor) (ok bool) {
	if len(c.b) < c.i+2 {
		return false
	}
	switch letter := c.b[c.i+1]; {
	case letter == 'c' && c.literal(`"code":`):
		q.Code, ok = c.number()
	case letter == 'e' && c.literal(`"extFields":{`):
		ok = q.compactFields(c)
	case letter == 'f' && c.literal(`"flag":`):
		q.Flag, ok = c.number()
	case letter == 'l' && c.literal(`"language":`):
		var name span
		name, ok = c.quoted()
		q.Language = languageByName(q.at(name))
	case letter == 'o' && c.literal(`"opaque":`):
		q.Opaque, ok = c.number()
	case letter == 'r' && c.literal(`"remark":`):
		var remark span
		if remark, ok = c.quoted(); remark.from < remark.to {
			q.Remark = q.at(remark)
		}
	case letter == 's' && c.literal(`"serializeTypeCurrentRPC":"JSON"`):
		ok = true
	case letter == 'v' && c.literal(`"version":`):
		q.Version, ok = c.number()
	}
	return ok
}

func (q *Request) compactFields(c *cursor) bool {
	q.hasFields, q.fields = true, q.fields[:0]
	if c.take('}') {
		return true
	}
	for {
		name, ok := c.quoted()
		if !ok || !c.take(':') {
			return false
		}
		value, ok := c.quoted()
		if !ok || !q.addField(name, value, plain) {
			return false
		}
		if !c.take(',') {
			return c.take('}')
		}
	}
}

// cursor walks through a compact header.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) take(want byte) bool {
	if c.i < len(c.b) && c.b[c.i] == want {
		c.i++
		return true
	}
	return false
}

func (c *cursor) literal(want string) bool {
	if len(c.b)-c.i >= len(want) && string(c.b[c.i:c.i+len(want)]) == want {
		c.i += len(want)
		return true
	}
	return false
}

// quoted takes a string of plain ASCII.
func (c *cursor) quoted() (span, bool) {
	if !c.take('"') {
		return span{}, false
	}
	start := c.i
	end := plainEnd(c.b, start)
	c.i = end
	return span{uint32(start), uint32(end)}, c.take('"')
}

// number takes a whole number of at most ten digits that fits 32 bits.
func (c *cursor) number() (int32, bool) {
	negative := c.take('-')
	n, start := int64(0), c.i
	for c.i < len(c.b) {
		d := c.b[c.i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + int64(d)
		c.i++
	}
	if negative {
		n = -n
	}
	return int32(n), c.i > start && c.i-start <= 10 && inInt32(n)
}

func inInt32(n int64) bool { return int64(int32(n)) == n }
