package remoting

import "unicode/utf8"

// verbatim are the bytes that stand in a JSON string as they are: ASCII but for controls, quote and backslash.
var verbatim = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends text as a JSON string, escaped as fastjson2 does: short escapes where JSON has them, lower-case
// \u00xx for other controls, everything else raw, the slash too. What is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		if !verbatim[text[i]] {
			dst = append(dst, text[:i]...)
			return append(appendEscaped(dst, text[i:]), '"')
		}
	}
	dst = append(dst, text...)
	return append(dst, '"')
}

const lowerHex = "0123456789abcdef"

func appendEscaped(dst []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\b':
			dst = append(dst, '\\', 'b')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\f':
			dst = append(dst, '\\', 'f')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[r>>4], lowerHex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}
