package eureka

// Format is one of the four shapes in which lists and instances travel.
type Format uint8

// Full forms carry everything; compact ones (header X-Eureka-Accept: compact) what a load balancer needs.
const (
	JSON Format = iota
	JSONCompact
	XML
	XMLCompact
)

// NumFormats is how many formats there are.
const NumFormats = 4

// IsXML says whether the format is XML, else it is JSON.
func (f Format) IsXML() bool { return f == XML || f == XMLCompact }

// Compact says whether the format leaves out what a load balancer does not need.
func (f Format) Compact() bool { return f == JSONCompact || f == XMLCompact }

// ContentType is the media type of a body in this format.
func (f Format) ContentType() string {
	if f.IsXML() {
		return "application/xml"
	}
	return "application/json"
}

// String names the format for logs and test names.
func (f Format) String() string {
	switch f {
	case JSONCompact:
		return "compact json"
	case XML:
		return "xml"
	case XMLCompact:
		return "compact xml"
	}
	return "json"
}

// Form is the way upstream writes JSON text beyond the Basic Multilingual Plane. It differs by where the text comes
// from, and only there: XML and compact forms ignore it.
type Form uint8

const (
	// List is how cached lists are written: such characters stand raw, as UTF-8.
	List Form = iota
	// Live is how single instances are written, and the entities inside batch answers: two escapes, \uD83D\uDE00.
	Live
)
