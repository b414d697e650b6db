package httpapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// bodyDeadline is how long a body may take to arrive. Clients give a call up after 5 to 10 seconds, and one that is silent for
// longer would wait for us as well. It holds for every request with a body, read or not: net/http reads what a handler leaves,
// and a heartbeat that promises two bytes and sends none would be answered never.
const bodyDeadline = 5 * time.Second

func setBodyDeadline(w http.ResponseWriter) {
	// The deadline is the connection's, so it is the connection's clock; a writer without a connection, as in tests, has none.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyDeadline))
}

var errTooLarge = errors.New("body is larger than the limit")

// A body beyond largeBody, which hardly any batch has, is only read while there are fewer than maxLargeBodies of them: a gzip
// body of 16 KiB becomes 16 MiB, and as many connections as there may be would each have one.
const (
	largeBody      = 1 << 20
	maxLargeBodies = 4
)

// readBody reads a whole request body of at most limit bytes, inflated if the client says that it is gzip. The error is
// errTooLarge beyond the limit and errBusy without a token for a large body; anything else means that the body did not arrive
// or is no gzip. Hand the body to doneWith in the end.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	in := http.MaxBytesReader(w, r.Body, limit)
	switch encoding := headerText(r.Header, "Content-Encoding"); {
	case encoding == "", strings.EqualFold(encoding, "identity"):
	case strings.EqualFold(encoding, "gzip"), strings.EqualFold(encoding, "x-gzip"):
		// Compat: Spring's server has no decoder and answers 400; Jersey 1 peers compress batches, so taking it is a superset.
		return s.inflate(in, limit)
	default:
		return nil, errors.New("content encoding " + encoding + " is not supported")
	}
	return s.readAll(in, r.ContentLength, limit)
}

// doneWith gives back the token of a large body.
func (s *Server) doneWith(body []byte) {
	if len(body) > largeBody {
		<-s.large
	}
}

func (s *Server) inflate(in io.Reader, limit int64) ([]byte, error) {
	zr, err := gzip.NewReader(in)
	if err != nil {
		return nil, tooLargeOr(err)
	}
	defer zr.Close()
	return s.readAll(zr, -1, limit)
}

// readAll reads up to limit bytes. The size a client announces is believed only as far as it costs nothing.
func (s *Server) readAll(in io.Reader, announced, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if announced > 0 {
		buf.Grow(int(min(announced, 64<<10)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(in, min(limit, largeBody)+1))
	if err == nil && largeBody < n && n <= limit {
		select {
		case s.large <- struct{}{}:
		default:
			return nil, errBusy
		}
		var more int64
		more, err = buf.ReadFrom(io.LimitReader(in, limit-n+1))
		if n += more; err != nil || n > limit {
			<-s.large
		}
	}
	if err != nil {
		return nil, tooLargeOr(err)
	}
	if n > limit {
		return nil, errTooLarge
	}
	return buf.Bytes(), nil
}

func tooLargeOr(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	return err
}

// bodyType is what the Content-Type of a request says about its body.
type bodyType uint8

const (
	bodyAbsent      bodyType = iota // no Content-Type at all
	bodyUnparsable                  // not a media type: 400 even where the body is not read
	bodyUnsupported                 // 415 where a body is read
	bodyJSON
	bodyXML
	bodyWild // */* or application/*: reaches upstream's decoder, which refuses it with a text
)

// contentType classifies the Content-Type header. An upper-case or parametrised JSON is JSON; a charset other than UTF-8 and
// ISO-8859-1 is not supported.
func contentType(h http.Header) (bodyType, string) {
	values := h["Content-Type"]
	if len(values) == 0 {
		return bodyAbsent, ""
	}
	text := values[0]
	switch text {
	case typeJSON:
		return bodyJSON, text
	case typeXML:
		return bodyXML, text
	}
	mediaType, params, _ := strings.Cut(text, ";")
	major, minor, ok := strings.Cut(strings.TrimSpace(mediaType), "/")
	if !ok || !isToken(major) || !isToken(minor) {
		return bodyUnparsable, text
	}
	kind := bodyUnsupported
	switch {
	case major == "*" && minor == "*":
		return bodyWild, text
	case !strings.EqualFold(major, "application"):
		return bodyUnsupported, text
	case minor == "*":
		return bodyWild, text
	case strings.EqualFold(minor, "json"):
		kind = bodyJSON
	case strings.EqualFold(minor, "xml"):
		kind = bodyXML
	}
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		value = strings.Trim(value, `"`)
		if strings.EqualFold(name, "charset") && !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "iso-8859-1") {
			return bodyUnsupported, text
		}
	}
	return kind, text
}

// isToken is HTTP's token: what a type or subtype is made of.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
