package remoting

import "strconv"

// Command is a frame with everything of its own: what a client or a test sends and what it gets.
type Command struct {
	Code, Version int32
	Language      Language
	Opaque, Flag  int32
	Remark        string  // "" for none
	Fields        []Field // nil for none; empty for a JSON header that says {}
	Body          []byte  // nil for none
	Codec         Codec
}

// Field is one extField.
type Field struct{ Name, Value string }

// Field returns the value of an extField.
func (c *Command) Field(name string) (string, bool) {
	for i := len(c.Fields) - 1; i >= 0; i-- {
		if c.Fields[i].Name == name {
			return c.Fields[i].Value, true
		}
	}
	return "", false
}

// Decode reads a frame without its length field, as ReadFrame returns it, and keeps nothing of it. The error is a *WireError.
func Decode(frame []byte) (*Command, error) {
	var q Request
	if err := q.Parse(frame); err != nil {
		return nil, err
	}
	c := &Command{
		Code: q.Code, Version: q.Version, Language: q.Language, Opaque: q.Opaque, Flag: q.Flag,
		Remark: string(q.Remark), Codec: q.Codec,
	}
	if q.Body != nil {
		c.Body = append([]byte(nil), q.Body...)
	}
	if q.hasFields {
		c.Fields = make([]Field, 0, len(q.fields))
		for name, value := range q.Fields() {
			c.Fields = append(c.Fields, Field{name, value})
		}
	}
	return c, nil
}

// Append appends a whole frame, with its length field. A JSON header has its keys in alphabetical order, as Java writes them; extFields
// keep theirs.
func Append(dst []byte, c *Command) []byte {
	start := len(dst)
	dst = beginFrame(dst)
	dst = appendHeader(dst, c)
	endFrame(dst, start, c.Codec, len(c.Body))
	return append(dst, c.Body...)
}

func appendHeader(dst []byte, c *Command) []byte {
	if c.Codec == Binary {
		return appendBinaryHeader(dst, c)
	}
	return appendJSONHeader(dst, c)
}

func appendJSONHeader(dst []byte, c *Command) []byte {
	dst = strconv.AppendInt(append(dst, `{"code":`...), int64(c.Code), 10)
	if c.Fields != nil {
		dst = appendFields(append(dst, `,"extFields":`...), c.Fields)
	}
	dst = strconv.AppendInt(append(dst, `,"flag":`...), int64(c.Flag), 10)
	if name := c.Language.String(); name != "" {
		dst = appendString(append(dst, `,"language":`...), name)
	}
	dst = strconv.AppendInt(append(dst, `,"opaque":`...), int64(c.Opaque), 10)
	if c.Remark != "" {
		dst = appendString(append(dst, `,"remark":`...), c.Remark)
	}
	dst = strconv.AppendInt(append(dst, `,"serializeTypeCurrentRPC":"JSON","version":`...), int64(c.Version), 10)
	return append(dst, '}')
}

// appendFields writes names and values as a JSON object.
func appendFields(dst []byte, fields []Field) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, f.Name), ':')
		dst = appendString(dst, f.Value)
	}
	return append(dst, '}')
}
