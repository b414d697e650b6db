package eureka

import (
	"errors"
	"fmt"
)

// Limits that decoders keep, whatever the size of the body. They are far beyond what clients send.
const (
	MaxDepth = 64      // nested objects, arrays or elements
	MaxText  = 1 << 20 // bytes of one string, number, attribute or element text

	// MaxMetadataEntries is how many entries a registration may bring, and how many an instance should ever get.
	// DecodeBareInstance and lists are not held to it, so that what a server once took it can always read.
	MaxMetadataEntries = 1 << 12

	// MaxVIPs is how many addresses a registration's vipAddress, or secureVipAddress, may list. Each costs an index hundreds
	// of bytes, and a sender two.
	MaxVIPs = 1 << 10
)

// DecodeError says why a body does not decode. The answer to it is 400; its text may be shown to the sender.
type DecodeError struct {
	Field  string // the wire name of the field or element being read, "" at the top
	Offset int    // bytes from the start of the body
	Reason string
}

func (e *DecodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
	}
	return fmt.Sprintf("%s: %s at byte %d", e.Field, e.Reason, e.Offset)
}

// ErrNull is what DecodeInstance returns, wrapped, for the JSON body null, which upstream answers with 500, not 400.
var ErrNull = errors.New("body is null")

// ErrNoList is what DecodeReplicationList returns for a batch without a list, which upstream answers with 500.
var ErrNoList = errors.New("no replicationList")
