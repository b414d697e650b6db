// Package intenttest has the stores of package intent in memory, which break on command, and the suites that they and the real ones pass.
package intenttest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// Fake is an intent.Store, an intent.WordStore and an intent.AuditStore in memory. The zero value is empty and works.
type Fake struct {
	mu      sync.Mutex
	err     error
	hang    bool
	applied int
	rows    map[string]map[[2]string]intent.Override
	words   map[string]map[intent.WordKey]intent.Word
	audit   map[string][]intent.AuditRecord
	records map[[2]string]bool // cluster and ID of what is in audit
}

var (
	_ intent.Store      = (*Fake)(nil)
	_ intent.WordStore  = (*Fake)(nil)
	_ intent.AuditStore = (*Fake)(nil)
)

// Fail makes every call fail with err, until Fail(nil).
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Hang makes every call wait for its context, as a database behind a cut connection does.
func (f *Fake) Hang(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = on
}

// Applied counts the calls that wrote and succeeded.
func (f *Fake) Applied() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied
}

// Load implements intent.Store.
func (f *Fake) Load(ctx context.Context, cluster string) ([]intent.Override, error) {
	if err := f.trouble(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.rows[cluster]), func(a, b intent.Override) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.ID, b.ID))
	}), nil
}

// Apply implements intent.Store.
func (f *Fake) Apply(ctx context.Context, cluster string, writes []intent.Write) error {
	if err := f.trouble(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[[2]string]bool)
	for _, w := range writes {
		k := [2]string{w.App, w.ID}
		if seen[k] {
			return fmt.Errorf("%v twice in one call", k)
		}
		seen[k] = true
	}
	if f.rows == nil {
		f.rows = make(map[string]map[[2]string]intent.Override)
	}
	if f.rows[cluster] == nil {
		f.rows[cluster] = make(map[[2]string]intent.Override)
	}
	for _, w := range writes {
		if k := [2]string{w.App, w.ID}; w.Deleted {
			delete(f.rows[cluster], k)
		} else {
			w.Cluster = cluster
			f.rows[cluster][k] = w.Override
		}
	}
	f.applied++
	return nil
}

func (f *Fake) trouble(ctx context.Context) error {
	f.mu.Lock()
	hang, err := f.hang, f.err
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
