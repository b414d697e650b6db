package remoting

import (
	"bytes"
	"strconv"
	"unicode/utf16"
)

// ParseProperties reads the text of a java.util.Properties: lines of key and value with = or : or white space between, comments
// from # or !, lines that go on after a backslash, \t \n \f \r \uXXXX and the like. Bytes are Latin-1, as Java reads them there.
// A key that comes again replaces its first value. The error is a *FieldError.
func ParseProperties(text []byte) ([]Field, error) {
	var entries []Field
	place := make(map[string]int)
	for len(text) > 0 {
		var line []byte
		line, text = logicalLine(text)
		if len(line) == 0 {
			continue
		}
		key, value, err := splitProperty(line)
		if err != nil {
			return nil, err
		}
		if i, ok := place[key]; ok {
			entries[i].Value = value
			continue
		}
		if len(entries) >= MaxProperties {
			return nil, &FieldError{Field: "properties", Reason: "are too many: " + strconv.Itoa(MaxProperties) + " are the most"}
		}
		place[key] = len(entries)
		entries = append(entries, Field{key, value})
	}
	return entries, nil
}

// AppendProperties appends key=value and a line feed for each entry, nothing escaped, as upstream shows its settings
// (apache/rocketmq MixAll.java: properties2String).
func AppendProperties(dst []byte, entries []Field) []byte {
	for _, e := range entries {
		dst = append(append(dst, e.Name...), '=')
		dst = append(append(dst, e.Value...), '\n')
	}
	return dst
}

// logicalLine takes a line with those that continue it, without the white space they begin with; nothing for blanks and comments.
func logicalLine(text []byte) (line, rest []byte) {
	natural, rest := naturalLine(text)
	if len(natural) == 0 || natural[0] == '#' || natural[0] == '!' {
		return nil, rest
	}
	if !continues(natural) {
		return natural, rest
	}
	line = append([]byte(nil), natural[:len(natural)-1]...)
	for len(rest) > 0 {
		natural, rest = naturalLine(rest)
		if !continues(natural) {
			return append(line, natural...), rest
		}
		line = append(line, natural[:len(natural)-1]...)
	}
	return line, rest
}

func naturalLine(text []byte) (line, rest []byte) {
	text = bytes.TrimLeft(text, " \t\f")
	end := bytes.IndexAny(text, "\r\n")
	if end < 0 {
		return text, nil
	}
	line, rest = text[:end], text[end+1:]
	if text[end] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest
}

// continues says whether a line ends in an odd number of backslashes.
func continues(line []byte) bool {
	return (len(line)-len(bytes.TrimRight(line, `\`)))%2 == 1
}

func splitProperty(line []byte) (key, value string, err error) {
	end := 0
	for ; end < len(line) && bytes.IndexByte([]byte("=: \t\f"), line[end]) < 0; end++ {
		if line[end] == '\\' {
			end++
		}
	}
	end = min(end, len(line))
	rest := bytes.TrimLeft(line[end:], " \t\f")
	if len(rest) > 0 && (rest[0] == '=' || rest[0] == ':') {
		rest = bytes.TrimLeft(rest[1:], " \t\f")
	}
	if key, err = unescapeProperty(line[:end]); err != nil {
		return "", "", err
	}
	value, err = unescapeProperty(rest)
	return key, value, err
}

func unescapeProperty(text []byte) (string, error) {
	units := make([]uint16, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			units = append(units, uint16(text[i]))
			continue
		}
		if i++; i == len(text) {
			break
		}
		switch c := text[i]; c {
		case 't':
			units = append(units, '\t')
		case 'n':
			units = append(units, '\n')
		case 'f':
			units = append(units, '\f')
		case 'r':
			units = append(units, '\r')
		case 'u':
			r, ok := hex(text[i+1:], 4)
			if !ok {
				return "", &FieldError{Field: "properties", Value: excerpt(text), Reason: `has a malformed \uXXXX: four hexadecimal digits are needed`}
			}
			units = append(units, uint16(r))
			i += 4
		default:
			units = append(units, uint16(c))
		}
	}
	return string(utf16.Decode(units)), nil
}
