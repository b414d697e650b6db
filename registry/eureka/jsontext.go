package eureka

import "unicode/utf8"

// verbatim are the bytes that stand in a JSON string as they are: ASCII but for controls, quote and backslash.
var verbatim = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends text as a JSON string, escaped as Jackson does: short escapes where JSON has them, upper-case
// \u00XX for other controls, everything else raw. What is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, text string, form Form) []byte {
	dst = append(dst, '"')
	for i := range len(text) {
		if !verbatim[text[i]] {
			dst = append(dst, text[:i]...)
			return append(appendEscaped(dst, text[i:], form), '"')
		}
	}
	dst = append(dst, text...)
	return append(dst, '"')
}

const upperHex = "0123456789ABCDEF"

func appendEscaped(dst []byte, text string, form Form) []byte {
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
			dst = append(dst, '\\', 'u', '0', '0', upperHex[r>>4], upperHex[r&15])
		case r > 0xFFFF && form == Live:
			dst = appendSurrogates(dst, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// appendSurrogates writes a character beyond the Basic Multilingual Plane as two escapes.
func appendSurrogates(dst []byte, r rune) []byte {
	r -= 0x10000
	for _, half := range [2]rune{0xD800 + r>>10, 0xDC00 + r&0x3FF} {
		dst = append(dst, '\\', 'u',
			upperHex[half>>12&15], upperHex[half>>8&15], upperHex[half>>4&15], upperHex[half&15])
	}
	return dst
}
