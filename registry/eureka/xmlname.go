package eureka

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Metadata keys are element names in XML. XStream codes what no name may hold (XmlFriendlyNameCoder.java):
// "_" is "__", "$" is "_-", and every other UTF-16 unit that may not stand there is "_." and four hex digits.

// appendName writes a metadata key as an element name.
func appendName(dst []byte, key string) []byte {
	first := true
	for _, r := range key {
		switch {
		case r == '_':
			dst = append(dst, '_', '_')
		case r == '$':
			dst = append(dst, '_', '-')
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			dst = appendNameHex(appendNameHex(dst, high), low)
		case isNameStart(r) || !first && isNameChar(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = appendNameHex(dst, r)
		}
		first = false
	}
	return dst
}

const lowerHex = "0123456789abcdef"

func appendNameHex(dst []byte, unit rune) []byte {
	return append(dst, '_', '.', lowerHex[unit>>12&15], lowerHex[unit>>8&15], lowerHex[unit>>4&15], lowerHex[unit&15])
}

// parseName is the inverse of appendName. What looks like a code but is none stays as it is.
func parseName(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	key := make([]byte, 0, len(name))
	for i := 0; i < len(name); {
		rest := name[i:]
		switch {
		case strings.HasPrefix(rest, "_-"):
			key = append(key, '$')
			i += 2
		case strings.HasPrefix(rest, "__"):
			key = append(key, '_')
			i += 2
		case strings.HasPrefix(rest, "_."):
			r, n := parseNameHex(rest)
			key = append(key, r...)
			i += n
		default:
			key = append(key, rest[0])
			i++
		}
	}
	return string(key)
}

// parseNameHex reads one code, or two that make a character beyond the Basic Multilingual Plane.
func parseNameHex(name string) (text string, length int) {
	unit, ok := nameHex(name)
	if !ok {
		return "_.", 2
	}
	if utf16.IsSurrogate(unit) {
		if low, ok := nameHex(name[6:]); ok {
			if r := utf16.DecodeRune(unit, low); r != utf8.RuneError {
				return string(r), 12
			}
		}
	}
	return string(unit), 6
}

func nameHex(name string) (rune, bool) {
	if len(name) < 6 || !strings.HasPrefix(name, "_.") {
		return 0, false
	}
	n, err := strconv.ParseUint(name[2:6], 16, 16)
	return rune(n), err == nil
}

// isNameStart and isNameChar are the classes of XML 1.0, as XStream has them.
func isNameStart(r rune) bool {
	switch {
	case r < 0x80:
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == ':' || r == '_'
	case r < 0x300:
		return r >= 0xC0 && r != 0xD7 && r != 0xF7
	case r < 0x2000:
		return r >= 0x370 && r != 0x37E
	case r < 0x3001:
		return r == 0x200C || r == 0x200D || 0x2070 <= r && r <= 0x218F || 0x2C00 <= r && r <= 0x2FEF
	}
	return r <= 0xD7FF || 0xF900 <= r && r <= 0xFDCF || 0xFDF0 <= r && r <= 0xFFFD
}

func isNameChar(r rune) bool {
	return isNameStart(r) || r == '-' || r == '.' || '0' <= r && r <= '9' || r == 0xB7 ||
		0x300 <= r && r <= 0x36F || r == 0x203F || r == 0x2040
}
