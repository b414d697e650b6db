package remoting

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits that decoders keep, far beyond what brokers and clients send. What is over a limit of the frame or its header is a
// *WireError, what is over any other a *FieldError.
const (
	MaxFrame  = 16 << 20 // bytes of a frame, its length field included; upstream refuses longer ones in both directions
	MaxHeader = 1 << 20  // bytes of a header
	MaxFields = 256      // extFields of one header
	MaxDepth  = 32       // nested objects and arrays
	MaxText   = 1 << 20  // bytes of one string or number in a body

	MaxName          = 1 << 10  // bytes of the name of a cluster, broker, zone, topic, and of an address
	MaxTopics        = 200_000  // topics, and static-topic mappings, of one registration
	MaxQueues        = 1 << 16  // read or write queues of a topic at one broker
	MaxFilterServers = 1 << 10  // filter servers of one broker
	MaxMappedQueues  = 1 << 20  // queues that all mappings of one registration name together
	MaxInflated      = 64 << 20 // bytes of a compressed registration once inflated
	MaxNames         = 1 << 20  // names, addresses and keys in the lists of one body
	MaxGroups        = 1 << 16  // broker groups, queue data or clusters of one body
	MaxProperties    = 1 << 12  // entries of a properties text
)

// WireError says why bytes are no frame. Nothing can be answered to them: the connection is closed, as upstream does.
type WireError struct {
	Field  string // part of the frame or header: "length", "opaque", "extFields"
	Offset int    // bytes from the start of that part
	Reason string
}

func (e *WireError) Error() string {
	if e.Offset == 0 {
		return fmt.Sprintf("%s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("%s: %s at byte %d", e.Field, e.Reason, e.Offset)
}

// FieldError says what is wrong with a request that came in a good frame: a field of its header, or a part of its body. The
// answer to it is SystemError with the error's text as remark, so that the text says what to do about it.
type FieldError struct {
	Field  string // "brokerId", "topicConfigTable.TopicA.perm", "body"
	Value  string // what was there, cut short; "" when nothing was
	Reason string // "is missing", "is not a whole number"
}

func (e *FieldError) Error() string {
	if e.Value == "" {
		return e.Field + " " + e.Reason
	}
	return e.Field + " " + strconv.Quote(e.Value) + " " + e.Reason
}

// ErrCRC is what DecodeRegistration returns for a body that does not match its bodyCrc32. Its text is upstream's remark.
var ErrCRC = errors.New("crc32 not match")

const maxQuoted = 64

// excerpt cuts what an error quotes.
func excerpt(value []byte) string {
	if len(value) <= maxQuoted {
		return strings.ToValidUTF8(string(value), "�")
	}
	return strings.ToValidUTF8(string(value[:maxQuoted]), "�") + "…"
}

func missing(field, remedy string) error {
	return &FieldError{Field: field, Reason: "is missing: " + remedy}
}
