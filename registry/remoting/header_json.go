package remoting

// parseJSON reads a JSON header in all that fastjson takes. It copies what has escapes.
func (q *Request) parseJSON(header []byte) error {
	s := scanner{data: header}
	for name := range s.document {
		q.member(&s, name)
	}
	if s.err != nil {
		field := s.err.path
		if field == "" {
			field = "header"
		}
		return &WireError{Field: field, Offset: s.err.offset, Reason: s.err.reason}
	}
	return nil
}

func (q *Request) member(s *scanner, name []byte) {
	switch string(name) {
	case "code":
		q.Code = s.int32Or("code", 0)
	case "version":
		q.Version = s.int32Or("version", 0)
	case "opaque":
		q.Opaque = s.int32Or("opaque", 0)
	case "flag":
		q.Flag = s.int32Or("flag", 0)
	case "language":
		q.Language = UnknownLanguage
		if text, ok := s.scalar(); ok {
			q.Language = languageByName(text)
		}
	case "remark":
		q.Remark = nil
		if text, ok := s.scalar(); ok && len(text) > 0 {
			q.Remark = append([]byte(nil), text...)
		}
	case "extFields":
		q.jsonFields(s)
	default:
		s.skip() // serializeTypeCurrentRPC, and what later versions may add
	}
}

// jsonFields reads extFields. Values that are no strings count as their text: fastjson coerces them.
func (q *Request) jsonFields(s *scanner) {
	q.fields, q.text = q.fields[:0], nil
	q.hasFields = s.peek() == '{'
	s.enter("extFields")
	defer s.leave()
	for key := range s.members {
		name := q.keep(key)
		var value []byte
		f := plain
		switch s.peek() {
		case '{', '[':
			value, f = s.literal(), raw
		default:
			var ok bool
			if value, ok = s.scalar(); !ok {
				f = null
			}
		}
		if !q.addField(name, q.keep(value), f) {
			s.fail(nil, "are too many")
		}
	}
}

// keep copies a part of a field to where it stays.
func (q *Request) keep(text []byte) span {
	from := len(q.text)
	q.text = append(q.text, text...)
	return span{uint32(from), uint32(len(q.text))}
}
