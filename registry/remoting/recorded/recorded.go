// Package recorded reads the conversations recorded from a real RocketMQ name server and its real peers, for tests that
// replay them.
//
// The files lie in registry/remoting/testdata/recorded, whose README says how they came about. They are evidence and
// never rewritten. This package does not embed them, so that no program carries them: a test passes the folder, which the
// go tool makes reachable by a relative path:
//
//	scenarios, err := recorded.Load("../remoting/testdata/recorded") // in registry/namesrv
//
// Same compares an answer with the recorded one, apart from what the recorder marked as changing or unordered.
package recorded

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// lookups is the one file that is no conversation of frames.
const lookups = "nsaddr.json"

// Scenario is one file: steps in order, on a fresh and empty server.
type Scenario struct {
	Name         string            `json:"scenario"` // the file's name without .json
	Why          string            `json:"why"`
	Server       string            `json:"server"`
	Peers        string            `json:"peers"`
	ServerConfig map[string]string `json:"serverConfig"` // by the keys of namesrv.properties; those with -D are the JVM's
	Steps        []Step            `json:"steps"`
}

// What a step does.
const (
	Send    = "send"    // write Frame on Conn, dialled when new
	Recv    = "recv"    // a frame must arrive on Conn
	Silence = "silence" // nothing may arrive for MS, and the connection stays open
	Closed  = "closed"  // the server closes Conn within MS
	Close   = "close"   // we close Conn
	Wait    = "wait"    // for MS
	Listen  = "listen"  // accept connections at the address Conn: what arrives there the server sends to a broker
	Note    = "note"    // nothing but text
)

// Step is one thing that happened.
type Step struct {
	N       int      `json:"n"` // from 1
	Do      string   `json:"do"`
	Conn    string   `json:"conn"`
	Name    string   `json:"name"` // of the request code, for people
	Why     string   `json:"why"`
	MS      int64    `json:"ms"`
	AtMS    int64    `json:"atMs"`    // since the recording began
	ReplyTo int      `json:"replyTo"` // N of the step that this answers
	Frame   []byte   `json:"frame"`   // with its length field, or the raw bytes of what is no frame
	Code    int32    `json:"code"`
	Codec   string   `json:"codec"`   // JSON or ROCKETMQ
	Decoded *Decoded `json:"decoded"` // nil where Frame is no frame

	Volatile  []string `json:"volatile"`  // header.x, ext.k, ext, body, body.a.b, dialect: not to be compared
	Unordered []string `json:"unordered"` // arrays in the order of a hash table: body.a.b
	Ours      string   `json:"ours"`      // how our server is to answer, where it is to differ
}

// Wait is how long a step lasts, or how long it may take.
func (s *Step) Wait() time.Duration { return time.Duration(s.MS) * time.Millisecond }

// Decoded is a frame as the recorder understood it.
type Decoded struct {
	Header struct {
		Code     int32  `json:"code"`
		Flag     int32  `json:"flag"`
		Language string `json:"language"` // "" for none
		Opaque   int32  `json:"opaque"`
		Remark   string `json:"remark"`
		Version  int32  `json:"version"`
	} `json:"header"`
	ExtFields map[string]string `json:"extFields"` // nil for none, empty for {}
	Body      Body              `json:"body"`
}

// Body is text, or says what was in it: the parts of a compressed registration.
type Body struct {
	Text       string
	Base64     []byte
	Compressed *CompressedBody
}

// CompressedBody is a compressed registration, inflated.
type CompressedBody struct {
	DataVersion      string   `json:"dataVersion"`
	Topics           []string `json:"topics"`
	FilterServerList string   `json:"filterServerList"`
	Mappings         []string `json:"mappings"` // nil where the stream ends before their number
}

// UnmarshalJSON reads either form.
func (b *Body) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &b.Text)
	}
	var forms struct {
		Zlib   *CompressedBody `json:"zlib"`
		Base64 []byte          `json:"base64"`
	}
	err := json.Unmarshal(text, &forms)
	b.Compressed, b.Base64 = forms.Zlib, forms.Base64
	return err
}

// Command decodes the step's frame.
func (s *Step) Command() (*remoting.Command, error) {
	if len(s.Frame) < 4 {
		return nil, fmt.Errorf("step %d has no frame", s.N)
	}
	c, err := remoting.Decode(s.Frame[4:])
	if err != nil {
		return nil, fmt.Errorf("step %d: %w", s.N, err)
	}
	return c, nil
}

// Load reads all scenarios of a folder, in the order of their names.
func Load(dir string) ([]Scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == lookups })
	if len(files) == 0 {
		return nil, fmt.Errorf("no recordings in %s", dir)
	}
	slices.Sort(files)
	scenarios := make([]Scenario, len(files))
	for i, file := range files {
		if err := read(file, &scenarios[i]); err != nil {
			return nil, err
		}
	}
	return scenarios, nil
}

// Lookup is how one kind of peer asked over HTTP for the addresses of its name servers.
type Lookup struct {
	From  string  `json:"from"`
	Bytes string  `json:"bytes"` // the request, to the byte
	AtMS  []int64 `json:"atMs"`  // when it asked
}

// LoadLookups reads the requests of the folder's nsaddr.json, and the answer that all of them took.
func LoadLookups(dir string) (requests []Lookup, reply string, err error) {
	var file struct {
		Requests []Lookup `json:"requests"`
		Reply    string   `json:"reply"`
	}
	err = read(filepath.Join(dir, lookups), &file)
	return file.Requests, file.Reply, err
}

func read(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read recording %s: %w", filepath.Base(file), err)
	}
	return nil
}
