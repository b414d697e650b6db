package replication

import (
	"errors"
	"maps"
	"slices"

	"github.com/zonekeeper/zonekeeper/registry"
)

// maxCopying bounds the instances that one peer may have asked for and not yet got.
const maxCopying = 1 << 21

var errGreedy = errors.New("the peer asks for more than may wait for it")

// copies are the answers to what a peer asked for on our stream. Only names wait here; the instances are read when they are sent,
// so a copy is never older than its last piece.
type copies struct {
	jobs  []copying
	names int // over all jobs
}

// copying is one answer, sent in pieces.
type copying struct {
	kind  frameKind // frameEntry, frameApps or frameIndex
	round uint64
	last  bool // its end is the end of the round
	keys  []registry.Key
	apps  []string
	sums  map[string]uint64
}

func (c *copies) add(j copying) error {
	c.names += len(j.keys) + len(j.apps)
	if c.names > maxCopying || len(c.jobs) >= 1024 {
		return errGreedy
	}
	c.jobs = append(c.jobs, j)
	return nil
}

func (c *copies) pending() bool { return len(c.jobs) > 0 }

// everything lists all that the registry holds, tombstones and lone overrides too.
func (c *copies) everything(reg *registry.Registry, round uint64) error {
	j := copying{kind: frameEntry, round: round, last: true, keys: make([]registry.Key, 0, reg.Stats().Instances)}
	reg.Entries(func(e registry.Entry) bool {
		j.keys = append(j.keys, e.Key)
		return len(j.keys) <= maxCopying // one too many is refused below
	})
	return c.add(j)
}

// applications lists the digest of each application.
func (c *copies) applications(reg *registry.Registry, round uint64) error {
	sums := reg.DigestByApp()
	return c.add(copying{kind: frameApps, round: round, last: true, apps: slices.Sorted(maps.Keys(sums)), sums: sums})
}

// index lists all instances of some applications.
func (c *copies) index(reg *registry.Registry, w want) error {
	j := copying{kind: frameIndex, round: w.Round, last: w.Last}
	reg.EntriesOf(w.Apps, func(e registry.Entry) bool {
		j.keys = append(j.keys, e.Key)
		return len(j.keys) <= maxCopying
	})
	return c.add(j)
}

// drain appends frames until the body is as long as it should get.
func (c *copies) drain(b []byte, reg *registry.Registry, t *Totals) []byte {
	for len(c.jobs) > 0 && len(b) < softBody {
		j := &c.jobs[0]
		before := len(j.keys) + len(j.apps)
		switch j.kind {
		case frameEntry:
			b = j.entries(b, reg, t)
		case frameApps:
			b = j.digests(b)
		case frameIndex:
			b = j.versions(b, reg)
		}
		after := len(j.keys) + len(j.apps)
		c.names -= before - after
		if after > 0 {
			return b
		}
		if j.kind == frameEntry && j.last && j.round > 0 {
			b = appendCopied(b, j.round)
		}
		c.jobs = c.jobs[1:]
	}
	return b
}

func (j *copying) entries(b []byte, reg *registry.Registry, t *Totals) []byte {
	for len(j.keys) > 0 && len(b) < softBody {
		b = appendEntryOf(b, reg, j.keys[0], t)
		j.keys = j.keys[1:]
	}
	return b
}

// appendEntryOf appends an instance as it is now; nothing if it is gone.
func appendEntryOf(b []byte, reg *registry.Registry, k registry.Key, t *Totals) []byte {
	e, ok := reg.Entry(k)
	switch {
	case !ok:
		return b
	case len(e.Text) > maxText:
		t.Oversized.Add(1)
		return b
	}
	t.EntriesSent.Add(1)
	return appendEntry(b, &e)
}

func (j *copying) digests(b []byte) []byte {
	b, start := beginPiece(b, frameApps, j.round)
	for len(j.apps) > 0 && len(b) < softBody {
		b = appendApp(b, j.apps[0], j.sums[j.apps[0]])
		j.apps = j.apps[1:]
	}
	if len(j.apps) == 0 && j.last {
		lastPiece(b, start)
	}
	return endFrame(b, start)
}

func (j *copying) versions(b []byte, reg *registry.Registry) []byte {
	b, start := beginPiece(b, frameIndex, j.round)
	for len(j.keys) > 0 && len(b) < softBody {
		if e, ok := reg.Entry(j.keys[0]); ok {
			b = appendIndexed(b, &e)
		}
		j.keys = j.keys[1:]
	}
	if len(j.keys) == 0 && j.last {
		lastPiece(b, start)
	}
	return endFrame(b, start)
}
