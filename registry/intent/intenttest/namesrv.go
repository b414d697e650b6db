package intenttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// LoadWords implements intent.WordStore.
func (f *Fake) LoadWords(ctx context.Context, cluster string, after intent.WordKey, limit int) ([]intent.Word, error) {
	if err := f.trouble(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	words := slices.SortedFunc(maps.Values(f.words[cluster]), func(a, b intent.Word) int { return a.Key().Compare(b.Key()) })
	words = slices.DeleteFunc(words, func(w intent.Word) bool { return w.Key().Compare(after) <= 0 })
	return words[:min(limit, len(words))], nil
}

// PutWords implements intent.WordStore.
func (f *Fake) PutWords(ctx context.Context, cluster string, words []intent.Word) error {
	if err := f.trouble(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[intent.WordKey]bool)
	for _, w := range words {
		if seen[w.Key()] {
			return fmt.Errorf("%v twice in one call", w.Key())
		}
		seen[w.Key()] = true
	}
	if f.words == nil {
		f.words = make(map[string]map[intent.WordKey]intent.Word)
	}
	if f.words[cluster] == nil {
		f.words[cluster] = make(map[intent.WordKey]intent.Word)
	}
	for _, w := range words {
		if stored, ok := f.words[cluster][w.Key()]; !ok || w.Newer(stored) {
			w.At = w.At.Truncate(time.Microsecond).UTC()
			f.words[cluster][w.Key()] = w
		}
	}
	f.applied++
	return nil
}

// AppendAudit implements intent.AuditStore.
func (f *Fake) AppendAudit(ctx context.Context, cluster string, records []intent.AuditRecord) error {
	if err := f.trouble(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.audit == nil {
		f.audit, f.records = make(map[string][]intent.AuditRecord), make(map[[2]string]bool)
	}
	for _, r := range records {
		if k := [2]string{cluster, r.ID}; !f.records[k] {
			f.records[k] = true
			r.At = r.At.Truncate(time.Microsecond).UTC()
			f.audit[cluster] = append(f.audit[cluster], r)
		}
	}
	f.applied++
	return nil
}

// Audit returns what was appended, in the order in which it was.
func (f *Fake) Audit(cluster string) []intent.AuditRecord {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.audit[cluster])
}
