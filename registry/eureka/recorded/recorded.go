// Package recorded reads the exchanges recorded from a real Eureka server, for tests that replay them.
//
// The files lie in registry/eureka/testdata/recorded, whose README says how they came about. They are evidence and
// never rewritten. This package does not embed them, so that no program carries them: a test passes the folder,
// which the go tool makes reachable by a relative path:
//
//	scenarios, err := recorded.Load("../eureka/testdata/recorded") // in registry/httpapi
//
// Same compares an answer with the recorded one, apart from what the recorder marked as changing or unordered.
package recorded

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Scenario is one file: requests in order, on a fresh and empty server.
type Scenario struct {
	Scenario  string         `json:"scenario"` // the file's name without .json
	About     string         `json:"about"`
	Settings  map[string]any `json:"settings"` // how the server was started, where not by default
	Exchanges []Exchange     `json:"exchanges"`
}

// Client says whether the scenario is what a real client (or peer) sent through a recording proxy, with real clocks
// and repeats left out. The others are requests of the recorder's own.
func (s Scenario) Client() bool { return strings.HasPrefix(s.Scenario, "clients-") }

// Exchange is one request and its answer.
type Exchange struct {
	Name    string `json:"name"`
	Why     string `json:"why"`
	AfterMs int64  `json:"afterMs"` // to wait before sending
	AtMs    int64  `json:"atMs"`    // when a client sent it, from the start of the recording

	Request  Request  `json:"request"`
	Response Response `json:"response"`

	// Volatile are regular expressions with one group each, whose matches come from the server's clock.
	Volatile []string `json:"volatile"`
	// Unordered are the names of arrays (in XML: of sibling elements) whose order means nothing.
	Unordered []string `json:"unordered"`
}

// After is how long to wait before sending.
func (e Exchange) After() time.Duration { return time.Duration(e.AfterMs) * time.Millisecond }

// Request is what was sent. Host, Content-Length and "Connection: close" are not listed; nothing else was added.
type Request struct {
	Method     string            `json:"method"`
	Path       string            `json:"path"` // raw, exactly as sent, with the query
	Headers    map[string]string `json:"headers"`
	Text       string            `json:"body"`
	BodyBase64 string            `json:"bodyBase64"`
}

// Body returns the bytes of the request's body. Load has checked that they decode.
func (r Request) Body() []byte {
	if r.BodyBase64 == "" {
		return []byte(r.Text)
	}
	b, _ := base64.StdEncoding.DecodeString(r.BodyBase64)
	return b
}

// Response is what the server answered. Date, Connection, Keep-Alive, Content-Length and Transfer-Encoding were left
// out of Headers.
type Response struct {
	Status          int               `json:"status"`
	Headers         map[string]string `json:"headers"`
	Framing         string            `json:"framing"` // length, chunked or none
	Body            string            `json:"body"`    // gunzipped
	GzipBase64      string            `json:"gzipBase64"`
	BodyNotCompared flag              `json:"bodyNotCompared"` // HTML and machine data were left out
}

// flag is true for true and for any text, which says why.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	*f = flag(len(b) > 0 && string(b) != "false" && string(b) != "null")
	return nil
}

// Load reads all scenarios of a folder, in the order of their names.
func Load(dir string) ([]Scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no recordings in %s", dir)
	}
	slices.Sort(files)
	scenarios := make([]Scenario, 0, len(files))
	for _, file := range files {
		s, err := load(file)
		if err != nil {
			return nil, fmt.Errorf("read recording %s: %w", filepath.Base(file), err)
		}
		scenarios = append(scenarios, s)
	}
	return scenarios, nil
}

func load(file string) (Scenario, error) {
	var s Scenario
	b, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	for _, e := range s.Exchanges {
		if _, err := base64.StdEncoding.DecodeString(e.Request.BodyBase64); err != nil {
			return s, fmt.Errorf("exchange %q: %w", e.Name, err)
		}
	}
	return s, nil
}
