package eureka

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// xmlWriter writes elements the way XStream does, two spaces per level and nothing before the root; or, when
// compact, the way Jackson's XML does, all on one line.
type xmlWriter struct {
	dst     []byte
	level   int
	compact bool
	lines   bool // something stands before: the next tag begins a new line
}

const spaces = "                " // eight levels; five is the most that is used

func (w *xmlWriter) indent() {
	if w.lines && !w.compact {
		w.dst = append(w.dst, '\n')
		w.dst = append(w.dst, spaces[:2*w.level]...)
	}
	w.lines = true
}

// open writes a start tag as it stands, with its attributes.
func (w *xmlWriter) open(tag string) {
	w.indent()
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, tag...)
	w.dst = append(w.dst, '>')
	w.level++
}

func (w *xmlWriter) end(name string) {
	w.level--
	w.indent()
	w.endTag(name)
}

func (w *xmlWriter) endTag(name string) {
	w.dst = append(w.dst, '<', '/')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '>')
}

// leaf writes an element that holds text only, unless the text is absent.
func (w *xmlWriter) leaf(name, text string, blank bool) {
	if text != "" || blank {
		w.startLeaf(name)
		w.text(text)
		w.endTag(name)
	}
}

func (w *xmlWriter) startLeaf(tag string) {
	w.indent()
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, tag...)
	w.dst = append(w.dst, '>')
}

func (w *xmlWriter) number(name string, n int64) {
	w.startLeaf(name)
	w.dst = strconv.AppendInt(w.dst, n, 10)
	w.endTag(name)
}

func (w *xmlWriter) port(name string, p Port) {
	w.indent()
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, ` enabled="`...)
	w.dst = strconv.AppendBool(w.dst, p.Enabled)
	w.dst = append(w.dst, `">`...)
	w.dst = strconv.AppendInt(w.dst, int64(p.Number), 10)
	w.endTag(name)
}

// metadata writes a child element per entry. An entry without a key is left out.
// Compat: upstream writes <>…</> for it, which nobody can read.
func (w *xmlWriter) metadata(m Metadata) {
	w.open("metadata")
	for i := range m {
		if m[i].Key == "" {
			continue
		}
		w.indent()
		w.dst = append(w.dst, '<')
		start := len(w.dst)
		w.dst = appendName(w.dst, m[i].Key)
		length := len(w.dst) - start
		w.dst = append(w.dst, '>')
		w.text(m[i].Value)
		w.dst = append(w.dst, '<', '/')
		w.dst = append(w.dst, w.dst[start:start+length]...)
		w.dst = append(w.dst, '>')
	}
	w.end("metadata")
}

// attribute values are class names; they hold nothing that text would not escape.
func (w *xmlWriter) dataCenter(d *DataCenterInfo) {
	if d == nil {
		return
	}
	w.indent()
	w.dst = append(w.dst, `<dataCenterInfo class="`...)
	w.text(d.class())
	w.dst = append(w.dst, `">`...)
	w.level++
	w.leaf("name", d.Name, false)
	if d.Name == Amazon {
		w.metadata(d.shown(w.compact))
	}
	w.end("dataCenterInfo")
}

// text writes character data. XStream escapes all five special characters, carriage returns, and what Java counts as
// control or undefined, tabs and newlines not; Jackson only what it must (PrettyPrintWriter.java: writeText).
func (w *xmlWriter) text(text string) {
	for i, r := range text {
		switch {
		case r == '&':
			w.dst = append(w.dst, "&amp;"...)
		case r == '<':
			w.dst = append(w.dst, "&lt;"...)
		case r == '>' && (!w.compact || i >= 2 && text[i-2:i] == "]]"):
			w.dst = append(w.dst, "&gt;"...)
		case r == '"' && !w.compact:
			w.dst = append(w.dst, "&quot;"...)
		case r == '\'' && !w.compact:
			w.dst = append(w.dst, "&apos;"...)
		case r == '\t' || r == '\n' || ' ' <= r && r < 0x7F || r > 0xFFFF:
			w.dst = utf8.AppendRune(w.dst, r)
		case r < ' ' || r <= 0x9F && !w.compact || r >= 0xFFFE || !w.compact && !defined(r):
			w.dst = append(w.dst, "&#x"...)
			w.dst = strconv.AppendInt(w.dst, int64(r), 16)
			w.dst = append(w.dst, ';')
		default:
			w.dst = utf8.AppendRune(w.dst, r)
		}
	}
}

// defined says whether the character is assigned, as Java's Character.isDefined.
func defined(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co)
}
