package remoting

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zlib"
)

const (
	zlibFirst = 0x78 // deflate with a window of 32 KiB: all that Java writes

	// A stream may inflate to freeInflated, and beyond it to maxRatio times its own size. Real ones come to 20 times. What is free is
	// for streams of a few hundred bytes, which repeat themselves more than that.
	freeInflated = 64 << 10
	maxRatio     = 100
	maxPart      = 16 << 20 // bytes of one part: none can be longer than an uncompressed registration
)

var errInflated = errors.New("inflates to far more than any registration")

// decodeCompressed reads a zlib stream of parts, each after its length in four bytes: the data version as JSON, the number of topics,
// the topics as text, the filter servers as JSON, and from 5.x on the number of mappings and the mappings as JSON. 4.9 brokers end
// before that number, and so do some that call themselves 5.x (apache/rocketmq issue 5539).
func (r *Registration) decodeCompressed(body []byte) error {
	z, err := zlib.NewReader(bytes.NewReader(body))
	if err != nil {
		return badStream(err)
	}
	limit := min(MaxInflated, max(freeInflated, maxRatio*len(body)))
	p := parts{r: bufio.NewReader(&bounded{r: z, left: limit + 1})}
	for _, read := range []func(*parts) error{r.readVersion, r.readTopics, r.readFilterServers, r.readMappings} {
		if err := read(&p); err != nil {
			var field *FieldError
			if errors.As(err, &field) {
				return field
			}
			return badStream(err)
		}
	}
	return nil
}

func badStream(err error) error {
	reason := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		reason = "ends early"
	}
	return &FieldError{Field: "body", Reason: "is not a compressed registration: " + strings.TrimPrefix(reason, "zlib: ")}
}

func (r *Registration) readVersion(p *parts) error {
	text, err := p.next()
	if err != nil {
		return err
	}
	r.Version, err = DecodeDataVersion(text)
	return err
}

func (r *Registration) readTopics(p *parts) error {
	n, err := p.count("topicConfigTable")
	if err != nil {
		return err
	}
	r.HasTopics = true
	var topics folded[TopicConfig]
	for range n {
		text, err := p.next()
		if err != nil {
			return err
		}
		t, err := parseTopicText(text)
		if err != nil {
			return err
		}
		topics.put(t, topicName)
	}
	r.Topics = topics.list
	return nil
}

func (r *Registration) readFilterServers(p *parts) error {
	text, err := p.next()
	if err != nil {
		return err
	}
	s := scanner{data: text}
	r.FilterServers, r.HasFilterServers = s.filterServers()
	s.end()
	return s.fieldError()
}

func (r *Registration) readMappings(p *parts) error {
	n, err := p.count("topicQueueMappingInfoMap")
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	var found folded[QueueMapping]
	queues := 0
	for range n {
		text, err := p.next()
		if err != nil {
			return err
		}
		s := scanner{data: text}
		s.enter("topicQueueMappingInfoMap")
		if m, ok := s.mapping(); ok {
			found.put(m, mappedTopic)
			s.checkMappings(len(found.list), &m, &queues)
		}
		s.end()
		if err := s.fieldError(); err != nil {
			return err
		}
	}
	r.Mappings = found.list
	return nil
}

// parseTopicText reads "name read write perm filterType attributes" as apache/rocketmq TopicConfig.java: decode does. It carries no
// order and no topicSysFlag, which the wire has lost.
func parseTopicText(text []byte) (t TopicConfig, err error) {
	name, rest, _ := bytes.Cut(text, space)
	t.Name = strings.ToValidUTF8(string(name), "\uFFFD")
	bad := checkName("topicConfigTable", t.Name)
	for _, to := range []*int32{&t.ReadQueues, &t.WriteQueues, &t.Perm} {
		var field []byte
		field, rest, _ = bytes.Cut(rest, space)
		n, err := strconv.ParseInt(string(field), 10, 32)
		*to = int32(n)
		if err != nil && bad == nil {
			bad = &FieldError{Reason: "is not a topic: its name is followed by read queues, write queues, permission and filter type"}
		}
	}
	switch {
	case bad != nil:
	case len(rest) == 0:
		bad = &FieldError{Reason: "is not a topic: its filter type is missing"}
	case min(t.ReadQueues, t.WriteQueues) < 0 || max(t.ReadQueues, t.WriteQueues) > MaxQueues:
		bad = &FieldError{Reason: "has no number of queues: 0 to " + strconv.Itoa(MaxQueues) + " are"}
	default:
		return t, nil
	}
	bad.Field, bad.Value = "topicConfigTable", excerpt(text)
	return t, bad
}

var space = []byte{' '}

// parts cuts the inflated stream. Memory grows with what arrives, not with what was promised.
type parts struct {
	r   *bufio.Reader
	buf bytes.Buffer
}

func (p *parts) count(field string) (int, error) {
	n, err := p.int32()
	switch {
	case err != nil:
		return 0, err
	case n < 0 || n > MaxTopics:
		return 0, &FieldError{Field: field, Value: strconv.Itoa(int(n)), Reason: "is not a number of entries: 0 to " + strconv.Itoa(MaxTopics) + " are"}
	}
	return int(n), nil
}

// int32 is io.EOF where the stream ends before it.
func (p *parts) int32() (int32, error) {
	b, err := p.r.Peek(4)
	if err != nil {
		if len(b) > 0 {
			err = early(err)
		}
		return 0, err
	}
	n := int32(binary.BigEndian.Uint32(b))
	_, err = p.r.Discard(len(b))
	return n, err
}

// next is the next part, valid until the one after.
func (p *parts) next() ([]byte, error) {
	n, err := p.int32()
	switch {
	case err != nil:
		return nil, err
	case n < 0 || n > maxPart:
		return nil, &FieldError{Field: "body", Value: strconv.Itoa(int(n)), Reason: "is not the length of a part"}
	}
	if int(n) <= p.r.Size() {
		text, err := p.r.Peek(int(n))
		if err != nil {
			return nil, early(err)
		}
		_, err = p.r.Discard(int(n))
		return text, err
	}
	p.buf.Reset()
	if _, err := io.CopyN(&p.buf, p.r, int64(n)); err != nil {
		return nil, early(err)
	}
	return p.buf.Bytes(), nil
}

// early makes of an end where none may be what it is.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bounded is a reader that fails after so many bytes, where io.LimitedReader would feign an end.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errInflated
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
