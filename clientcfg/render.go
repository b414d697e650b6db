package clientcfg

import (
	"encoding/json"
	"strings"
)

// Format is a form in which a server list is handed out. Each is one path of
// the server: /zone, /zone.json, /zone.env, /zone.properties, /zone.yml.
type Format uint8

// The formats, the zero value first.
const (
	// Text is one URL a line.
	Text Format = iota
	// JSON is a ServerList.
	JSON
	// Env is a line for dotenv files and for a shell's "source":
	// EUREKA_DEFAULT_ZONE=http://…,http://….
	Env
	// Properties is a Java properties line with Spring's key.
	Properties
	// YAML is the same key as nested mappings.
	YAML
)

var formats = [...]struct{ extension, contentType string }{
	Text:       {"", "text/plain; charset=utf-8"},
	JSON:       {".json", "application/json"},
	Env:        {".env", "text/plain; charset=utf-8"},
	Properties: {".properties", "text/plain; charset=utf-8"},
	YAML:       {".yml", "application/yaml"},
}

// Formats lists them all, for whoever builds a route or a file for each.
func Formats() []Format { return []Format{Text, JSON, Env, Properties, YAML} }

// Extension returns the end of the path or file name, with its dot; "" for Text.
func (f Format) Extension() string { return formats[f].extension }

// ContentType returns the media type of the rendering.
func (f Format) ContentType() string { return formats[f].contentType }

// ParseFormat finds a format by its extension, with or without the dot; yaml is
// taken for yml.
func ParseFormat(extension string) (Format, bool) {
	ext := strings.TrimPrefix(extension, ".")
	if ext == "yaml" {
		return YAML, true
	}
	for f, d := range formats {
		if strings.TrimPrefix(d.extension, ".") == ext {
			return Format(f), true
		}
	}
	return Text, false
}

// Render returns the list in the given form, ordered for the given zone as by
// Ordered, with a newline at its end. Equal lists give equal bytes. The list
// must have passed Normalize: its URLs then need no quoting in any of the
// forms.
func (l ServerList) Render(f Format, zone string) []byte {
	switch f {
	case JSON:
		out := ServerList{Cluster: l.Cluster, Servers: l.Ordered(zone), Namesrv: NamesrvAddrs(l.Namesrv)}
		if out.Servers == nil {
			out.Servers = []Server{}
		}
		b, err := json.Marshal(out)
		if err != nil {
			panic("clientcfg: a list of strings did not encode: " + err.Error())
		}
		return append(b, '\n')
	case Env:
		return []byte("EUREKA_DEFAULT_ZONE=" + shellWord(l.DefaultZone(zone)) + "\n")
	case Properties:
		return []byte("eureka.client.service-url.defaultZone=" + l.DefaultZone(zone) + "\n")
	case YAML:
		return []byte("eureka:\n  client:\n    service-url:\n      defaultZone: \"" + l.DefaultZone(zone) + "\"\n")
	default:
		var b strings.Builder
		for _, u := range l.URLs(zone) {
			b.WriteString(u)
			b.WriteByte('\n')
		}
		return []byte(b.String())
	}
}

// shellWord quotes what a shell would not read as one plain word. Single quotes
// cannot occur in the value, see unsafeInURL.
func shellWord(s string) string {
	if strings.ContainsAny(s, "&()*?!~[]=#") {
		return "'" + s + "'"
	}
	return s
}
