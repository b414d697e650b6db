package registry

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Snapshot is everything clients are shown, at one version: full list, delta and hash code agree. It never changes. Its
// bodies are made when first asked for, and kept; callers must not change them.
type Snapshot struct {
	view     *view
	told     uint64 // changes in it
	made     moment
	due      moment // when the delta's oldest entry leaves
	version  int64
	hashCode string
	segments []*segment
	delta    []viewChange

	applications, instances int

	mu      sync.Mutex   // of making a body
	again   atomic.Int64 // work in the bodies made so far that any change causes again
	fulls   [eureka.NumFormats][2]atomic.Pointer[Body]
	deltas  [eureka.NumFormats][2]atomic.Pointer[[]byte]
	queries queries
}

// Snapshot returns the state of now: a read that follows an answered write sees it. It waits for nobody but, the first
// time after a change, for the work that the change causes. While making a body takes more than 5 ms it may be up to
// 50 ms old.
func (r *Registry) Snapshot() *Snapshot {
	now, _ := r.clock()
	return r.view.snapshot(now)
}

// Version is the number that deltas of this content carry.
func (s *Snapshot) Version() int64 { return s.version }

// HashCode is Eureka's hash code of the full list.
func (s *Snapshot) HashCode() string { return s.hashCode }

// Applications counts the applications, with that of our own servers.
func (s *Snapshot) Applications() int { return s.applications }

// Instances counts the instances, with our own servers.
func (s *Snapshot) Instances() int { return s.instances }

// ApplicationNames are the names of all applications, in order.
func (s *Snapshot) ApplicationNames() []string {
	names := make([]string, 0, s.applications)
	for _, seg := range s.segments {
		for _, rec := range seg.records {
			if len(names) == 0 || names[len(names)-1] != rec.App {
				names = append(names, rec.App)
			}
		}
	}
	return names
}

// Versions that are no versions.
// Compat: Netflix/eureka ResponseCacheImpl.java: a full list always says 1, a query by vip -1.
const (
	fullVersion  = "1"
	queryVersion = "-1"
)

// Body is a body in parts, to be written one after the other. Most parts of a long one belong to other snapshots' bodies too,
// so that a change costs neither the copy nor the memory of the whole.
type Body [][]byte

// Len is the length of the whole.
func (b Body) Len() int {
	n := 0
	for _, part := range b {
		n += len(part)
	}
	return n
}

// shortBody is the size up to which fewer writes, at each fetch, are worth a copy after each change.
const shortBody = 256 << 10

// Full is the body of a full fetch.
func (s *Snapshot) Full(f eureka.Format, gzip bool) Body {
	return body(s, &s.fulls[f][index(gzip)], func() (Body, work) {
		head := eureka.AppendApplicationsHead(nil, f, fullVersion, s.hashCode)
		tail := eureka.AppendApplicationsTail(nil, f, fullVersion, s.hashCode)
		if gzip {
			pieces := appendStretches([]deflated{stored(head)}, s.segments, f)
			b := stream(append(pieces, stored(tail)))
			if b.Len() <= shortBody {
				b = Body{bytes.Join(b, nil)}
			}
			return b, work(100 * len(s.segments)) // to look at each
		}
		size := len(head) + len(tail)
		for _, seg := range s.segments {
			size += seg.size + len(seg.records)
		}
		dst := append(make([]byte, 0, size+size/64), head...)
		for _, seg := range s.segments {
			dst = seg.appendText(dst, f)
		}
		dst = append(dst, tail...)
		return Body{dst}, written(f, len(dst))
	})
}

// Delta is the body of a delta. It carries the hash code of the full list.
func (s *Snapshot) Delta(f eureka.Format, gzip bool) []byte {
	return body(s, &s.deltas[f][index(gzip)], func() (b []byte, w work) {
		version := strconv.FormatInt(s.version, 10)
		b = encode(gzip, func(dst []byte) []byte {
			dst = appendList(dst, f, version, s.hashCode, inOrder(s.delta))
			w = written(f, len(dst)) + compressed(len(dst))
			return dst
		})
		return b, w
	})
}

// body returns what is in place, or makes it. Readers of what is made already never wait.
func body[T any](s *Snapshot, place *atomic.Pointer[T], make func() (T, work)) T {
	if p := place.Load(); p != nil {
		return *p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := place.Load(); p != nil {
		return *p
	}
	b, w := make()
	s.again.Add(int64(w))
	place.Store(&b)
	return b
}

// work is an estimate of the nanoseconds that something takes, by its size. A clock would count the wait for a busy
// machine too, and then reads would be old for no reason.
type work int64

func copied(n int) work     { return work(n / 4) }
func compressed(n int) work { return work(3 * n) }

func written(f eureka.Format, n int) work {
	if f == eureka.JSON {
		return copied(n)
	}
	return work(10 * n) // decoded first
}

// renewing is the work of making this snapshot's bodies anew after so many changes.
func (s *Snapshot) renewing(changes uint64) work {
	again := work(s.again.Load())
	if again == 0 {
		return 0
	}
	return again + work(min(changes, uint64(len(s.segments))))*compressed(maxSegment)
}

// encode makes a body of its own out of what app appends.
func encode(gzip bool, app func(dst []byte) []byte) []byte {
	if !gzip {
		return app(nil)
	}
	buf := bodies.Get().(*[]byte)
	defer bodies.Put(buf)
	*buf = app((*buf)[:0])
	return gzipped(*buf)
}

func index(gzip bool) int {
	if gzip {
		return 1
	}
	return 0
}
