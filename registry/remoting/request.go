package remoting

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Request is a view of a frame that a peer sent: nothing is copied, so it holds only as long as the frame's bytes stay as they
// are. One Request can be used for frame after frame; it keeps its room for fields, and an ordinary header then allocates
// nothing. It is not safe for use by several goroutines.
type Request struct {
	Code, Version int32
	Language      Language
	Opaque, Flag  int32
	Codec         Codec
	Remark        []byte // nil for none; valid UTF-8
	Body          []byte // nil for none

	hasFields bool
	fields    []rawField
	text      []byte // what the fields point into: the header, or a copy without escapes
}

// rawField is an extField, where it stands in Request.text. Offsets rather than slices keep the garbage collector out of it.
type rawField struct {
	name, value span
	form        form
}

type span struct{ from, to uint32 }

// form says what a field's value still needs to be text.
type form uint8

const (
	plain form = iota // nothing
	raw               // a look at whether it is UTF-8
	null              // it is none
)

// Parse reads a frame without its length field, as ReadFrame returns it. The error is a *WireError; the Request is then of
// no use.
func (q *Request) Parse(frame []byte) error {
	codec, header, body, err := cut(frame)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		body = nil
	}
	q.reset(codec, body)
	switch {
	case codec == Binary:
		return q.parseBinary(header)
	case q.parseCompact(header):
		return nil
	}
	q.reset(codec, body)
	return q.parseJSON(header)
}

func (q *Request) reset(codec Codec, body []byte) {
	q.Code, q.Version, q.Opaque, q.Flag = 0, 0, 0, 0
	q.Language, q.Codec = UnknownLanguage, codec
	q.Remark, q.Body = nil, body
	q.hasFields, q.fields, q.text = false, q.fields[:0], nil
}

// Response says whether the frame is an answer. A server drops those that it did not ask for.
func (q *Request) Response() bool { return q.Flag&FlagResponse != 0 }

// Oneway says whether the sender wants no answer, whatever happens.
func (q *Request) Oneway() bool { return q.Flag&FlagOneway != 0 }

// HasFields says whether the header has extFields, be they none: upstream tells an empty map from an absent one.
func (q *Request) HasFields() bool { return q.hasFields }

// Field returns the value of an extField, valid UTF-8. It allocates only where the header has escapes or what is not UTF-8.
// A null is no field, and in a binary header neither is an empty text (apache/rocketmq RocketMQSerializable.java makes a null of it).
// Of several fields of one name the last counts.
func (q *Request) Field(name string) (value []byte, ok bool) {
	for i := len(q.fields) - 1; i >= 0; i-- {
		if f := &q.fields[i]; string(q.at(f.name)) == name {
			return q.value(f)
		}
	}
	return nil, false
}

// FieldString is Field as a string of its own.
func (q *Request) FieldString(name string) (string, bool) {
	value, ok := q.Field(name)
	return string(value), ok
}

// Fields are all extFields that Field would find, in the order of the header.
func (q *Request) Fields() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range q.fields {
			f := &q.fields[i]
			name := q.at(f.name)
			again := slices.ContainsFunc(q.fields[i+1:], func(later rawField) bool { return bytes.Equal(q.at(later.name), name) })
			if value, ok := q.value(f); ok && !again && !yield(validText(name), string(value)) {
				return
			}
		}
	}
}

// Fingerprint is a number by which a request is known again that has the same extFields, in the same order, and the same body.
func (q *Request) Fingerprint(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var sizes [8]byte // a body that looks like one more field is a body all the same
	binary.LittleEndian.PutUint32(sizes[0:], uint32(len(q.fields)))
	binary.LittleEndian.PutUint32(sizes[4:], uint32(len(q.Body)))
	h.Write(sizes[:])
	for i := range q.fields {
		f := &q.fields[i]
		var head [9]byte
		binary.LittleEndian.PutUint32(head[0:], f.name.to-f.name.from)
		binary.LittleEndian.PutUint32(head[4:], f.value.to-f.value.from)
		if f.form == null {
			head[8] = 1
		}
		h.Write(head[:])
		h.Write(q.at(f.name))
		h.Write(q.at(f.value))
	}
	h.Write(q.Body)
	return h.Sum64()
}

// Required is the text of a field that a request cannot do without; empty is as bad as absent. The error is a *FieldError.
func (q *Request) Required(name string) (string, error) {
	value, ok := q.Field(name)
	if !ok || len(value) == 0 {
		return "", missing(name, "the request needs it as an extField")
	}
	return string(value), nil
}

// Int is a field as a whole number, and whether it is there. The error is a *FieldError.
func (q *Request) Int(name string) (n int64, ok bool, err error) {
	value, ok := q.Field(name)
	if !ok || len(value) == 0 {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0, true, &FieldError{Field: name, Value: excerpt(value), Reason: "is not a whole number: send decimal digits"}
	}
	return n, true, nil
}

// Bool is true where the field is "true" in any case, and false for everything else, as Java reads it.
func (q *Request) Bool(name string) bool {
	value, _ := q.Field(name)
	return bytes.EqualFold(value, []byte("true"))
}

// Dialect is how a route in the answer to this request is written: with quoted keys for those who can read it, from V4_9_4 on or
// with acceptStandardJsonOnly (apache/rocketmq ClientRequestProcessor.java).
func (q *Request) Dialect() Dialect {
	if q.Version >= Version494 || q.Bool("acceptStandardJsonOnly") {
		return Quoted
	}
	return Bare
}

func (q *Request) at(s span) []byte { return q.text[s.from:s.to:s.to] }

func (q *Request) value(f *rawField) ([]byte, bool) {
	value := q.at(f.value)
	switch {
	case f.form == null:
		return nil, false
	case f.form == raw && !utf8.Valid(value):
		return bytes.ToValidUTF8(value, replacement), true
	}
	return value, true
}

var replacement = []byte("\uFFFD")

func validText(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// addField takes a field unless there are too many.
func (q *Request) addField(name, value span, f form) bool {
	if len(q.fields) >= MaxFields {
		return false
	}
	q.fields = append(q.fields, rawField{name, value, f})
	return true
}
