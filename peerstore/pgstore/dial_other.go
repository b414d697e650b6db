//go:build !linux

package pgstore

import (
	"syscall"
	"time"
)

// limitUnacknowledged is Linux's alone; elsewhere keepalives and our deadlines have to do.
func limitUnacknowledged(time.Duration) func(network, address string, c syscall.RawConn) error {
	return nil
}
