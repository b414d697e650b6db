package httpapi

import (
	"net/http"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

const (
	typeJSON = "application/json"
	typeXML  = "application/xml"
)

// negotiated is what an Accept header came to.
type negotiated struct {
	// json is the outcome of the ordinary negotiation; live answers follow it.
	json bool
	// listJSON is how cached lists choose their body: by the letters "json" anywhere in the header.
	// Compat: Netflix/eureka ApplicationsResource.java: getContainers tests acceptHeader.contains("json"), so that
	// "application/xml, application/json" brings JSON labelled XML.
	listJSON bool
	// label is the Content-Type: the client's own spelling where it named a type, else ours.
	label string
}

// The outcomes of the headers that nearly all requests have.
var (
	wantsJSON = negotiated{json: true, listJSON: true, label: typeJSON}
	wantsXML  = negotiated{label: typeXML}
)

// negotiate reads the Accept header as JAX-RS does, with XML offered first: quality decides, then a named type before a
// wildcard, then the client's order, then XML. ok is false if neither type will do, which is answered 406.
func negotiate(h http.Header) (_ negotiated, ok bool) {
	accept := headerText(h, "Accept")
	switch accept {
	case "", "*/*", typeXML:
		return wantsXML, true
	case typeJSON, "application/json, application/*+json":
		return wantsJSON, true
	}
	best := choice{quality: 0}
	rest := accept
	for more := true; more; {
		var text string
		text, rest, more = strings.Cut(rest, ",")
		if c, ok := parseRange(text); ok && c.betterThan(best) {
			best = c
		}
	}
	if best.quality == 0 {
		return negotiated{}, false
	}
	return negotiated{json: best.json, listJSON: strings.Contains(accept, "json"), label: best.label}, true
}

// choice is the better of our two types under one media range.
type choice struct {
	json     bool
	label    string
	quality  int // thousandths
	distance int // wildcards in the range
}

func (c choice) betterThan(d choice) bool {
	if c.quality != d.quality {
		return c.quality > d.quality
	}
	return c.quality > 0 && c.distance < d.distance
}

// parseRange reads one element of an Accept header. ok is false if it is no media range or covers neither of our types.
func parseRange(text string) (c choice, ok bool) {
	mediaType, params, _ := strings.Cut(text, ";")
	mediaType = strings.TrimSpace(mediaType)
	major, minor, isType := strings.Cut(mediaType, "/")
	if !isType {
		return choice{}, false
	}
	c.quality = 1000
	switch {
	case major == "*" && minor == "*":
		c.distance, c.label = 2, typeXML
	case !strings.EqualFold(major, "application"):
		return choice{}, false
	case minor == "*":
		c.distance, c.label = 1, typeXML
	case strings.EqualFold(minor, "json"):
		c.json, c.label = true, mediaType
	case strings.EqualFold(minor, "xml"):
		c.label = mediaType
	default:
		return choice{}, false
	}
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		param = strings.TrimSpace(param)
		name, value, _ := strings.Cut(param, "=")
		switch {
		case strings.EqualFold(name, "q"):
			c.quality = parseQuality(value)
		case c.distance == 0 && param != "" && len(c.label)+len(param) < 200:
			c.label += ";" + param
		}
	}
	return c, true
}

// parseQuality reads a q value, "0.5", into thousandths. What cannot be read counts as 0.
func parseQuality(s string) int {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > 3 {
		fraction = fraction[:3]
	}
	switch whole {
	case "1":
		return 1000
	case "0", "":
	default:
		return 0
	}
	q := 0
	for i := range 3 {
		q *= 10
		if i < len(fraction) {
			d := fraction[i] - '0'
			if d > 9 {
				return 0
			}
			q += int(d)
		}
	}
	return q
}

// listFormat is the format of a cached list: X-Eureka-Accept is read without regard to case, and what is unknown means full.
func (n negotiated) listFormat(h http.Header) eureka.Format {
	compact := false
	if v := h["X-Eureka-Accept"]; len(v) > 0 {
		compact = strings.EqualFold(v[0], "compact")
	}
	switch {
	case n.listJSON && compact:
		return eureka.JSONCompact
	case n.listJSON:
		return eureka.JSON
	case compact:
		return eureka.XMLCompact
	}
	return eureka.XML
}

// liveFormat is the format of a single instance, which has no compact form.
func (n negotiated) liveFormat() eureka.Format {
	if n.json {
		return eureka.JSON
	}
	return eureka.XML
}

// wantsGzip reports whether a full list or a delta goes out compressed.
// Compat: Netflix/eureka ApplicationsResource.java: isGzipEncoded tests for the letters "gzip", so "gzip;q=0" and "x-gzip" get it
// and "GZIP" and "*" do not.
func wantsGzip(h http.Header) bool {
	for _, v := range h["Accept-Encoding"] {
		if strings.Contains(v, "gzip") {
			return true
		}
	}
	return false
}

// headerText is a header's value, several lines joined as HTTP allows.
func headerText(h http.Header, canonical string) string {
	switch v := h[canonical]; len(v) {
	case 0:
		return ""
	case 1:
		return v[0]
	default:
		return strings.Join(v, ", ")
	}
}
