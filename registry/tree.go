package registry

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Sizes of a segment's text. Smaller ones compress worse (14 % more bytes at 64 KiB), larger ones make a change dearer.
const (
	maxSegment = 256 << 10
	minSegment = 48 << 10
)

// tree is all that clients are shown, in the order of application and id, cut into segments. Segments that a snapshot
// holds never change: a change copies its own, so that all others keep their compressed form.
type tree struct {
	segments []*segment
	shared   bool   // a snapshot holds this very slice
	edition  uint64 // segments of this edition are in no snapshot yet
}

// segment is a run of neighbouring records.
type segment struct {
	records []*record
	size    int // bytes of their texts
	edition uint64
	edges   edges
	pieces  [eureka.NumFormats]atomic.Pointer[deflated] // made when first asked for
}

// edges say how a segment's text joins its neighbours'.
type edges struct {
	first  bool // no segment stands before it
	opens  bool // its first record is the first of its application
	closes bool // its last record is the last of its application
}

func compareRecords(a, b *record) int {
	return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.ID, b.ID), compareBool(a.own(), b.own()))
}

// put enters rec and returns the record it replaces, nil for none.
func (t *tree) put(rec *record) (old *record) {
	if len(t.segments) == 0 {
		t.segments, t.shared = []*segment{{records: []*record{rec}, size: len(rec.text), edition: t.edition}}, false
		return nil
	}
	i := position(t.segments, rec)
	s := t.writable(i)
	j, found := slices.BinarySearchFunc(s.records, rec, compareRecords)
	if found {
		old = s.records[j]
		s.records[j] = rec
		s.size -= len(old.text)
	} else {
		s.records = slices.Insert(s.records, j, rec)
	}
	s.size += len(rec.text)
	t.balance(i)
	return old
}

// remove takes out the record with rec's key and returns it, nil for none.
func (t *tree) remove(rec *record) (old *record) {
	if len(t.segments) == 0 {
		return nil
	}
	i := position(t.segments, rec)
	j, found := slices.BinarySearchFunc(t.segments[i].records, rec, compareRecords)
	if !found {
		return nil
	}
	s := t.writable(i)
	old = s.records[j]
	s.records = slices.Delete(s.records, j, j+1)
	s.size -= len(old.text)
	t.balance(i)
	return old
}

// position is the segment that rec belongs into; there must be one.
func position(segments []*segment, rec *record) int {
	i, found := slices.BinarySearchFunc(segments, rec, func(s *segment, rec *record) int {
		return compareRecords(s.records[0], rec)
	})
	if !found && i > 0 {
		i--
	}
	return i
}

// writable returns segment i, copied unless it is of this edition.
func (t *tree) writable(i int) *segment {
	t.unshare()
	s := t.segments[i]
	if s.edition != t.edition {
		s = &segment{records: slices.Clone(s.records), size: s.size, edition: t.edition}
		t.segments[i] = s
	}
	return s
}

func (t *tree) unshare() {
	if t.shared {
		t.segments, t.shared = slices.Clone(t.segments), false
	}
}

// balance splits segment i if it is too large and joins it to a neighbour if it is too small.
func (t *tree) balance(i int) {
	s := t.segments[i]
	switch {
	case len(s.records) == 0:
		t.segments = slices.Delete(t.segments, i, i+1)
	case s.size > maxSegment && len(s.records) > 1:
		t.split(i)
	case s.size < minSegment:
		if i > 0 && t.segments[i-1].size+s.size < maxSegment*3/4 {
			t.join(i - 1)
		} else if i+1 < len(t.segments) && t.segments[i+1].size+s.size < maxSegment*3/4 {
			t.join(i)
		}
	}
}

// split cuts segment i in two halves, between two applications if there is such a place in the middle half. The last
// segment is cut further back, so that what comes in order leaves full segments behind.
func (t *tree) split(i int) {
	s := t.segments[i]
	middle := s.size / 2
	if i == len(t.segments)-1 {
		middle = s.size * 7 / 8
	}
	cut, best, size := 0, s.size, 0
	for j := 1; j < len(s.records); j++ {
		size += len(s.records[j-1].text)
		off := max(size-middle, middle-size)
		if s.records[j-1].App == s.records[j].App {
			off += s.size / 4
		}
		if off < best || cut == 0 {
			cut, best = j, off
		}
	}
	right := &segment{records: slices.Clone(s.records[cut:]), edition: t.edition}
	for _, rec := range right.records {
		right.size += len(rec.text)
	}
	clear(s.records[cut:])
	s.records, s.size = s.records[:cut], s.size-right.size
	t.segments = slices.Insert(t.segments, i+1, right)
	t.balance(i + 1)
	t.balance(i)
}

// join makes one of the segments i and i+1.
func (t *tree) join(i int) {
	s, right := t.writable(i), t.segments[i+1]
	s.records = append(s.records, right.records...)
	s.size += right.size
	t.segments = slices.Delete(t.segments, i+1, i+2)
}

// seal returns all segments for a snapshot; from now on changes copy them.
func (t *tree) seal() []*segment {
	for i, s := range t.segments {
		e := edges{first: i == 0, opens: true, closes: true}
		if i > 0 {
			before := t.segments[i-1].records
			e.opens = before[len(before)-1].App != s.records[0].App
		}
		if i+1 < len(t.segments) {
			e.closes = t.segments[i+1].records[0].App != s.records[len(s.records)-1].App
		}
		if e != s.edges {
			t.writable(i).edges = e
		}
	}
	t.edition++
	t.shared = true
	return t.segments
}

// appendText appends the segment's part of a list.
func (s *segment) appendText(dst []byte, f eureka.Format) []byte {
	w := listWriter{f: f, dst: dst, any: !s.edges.first}
	if !s.edges.opens {
		w.inApp, w.app = true, s.records[0].App
	}
	for _, rec := range s.records {
		w.add(rec)
	}
	if s.edges.closes {
		w.close()
	}
	return w.dst
}

// piece is the segment's text compressed.
func (s *segment) piece(f eureka.Format) deflated {
	if p := s.pieces[f].Load(); p != nil {
		return *p
	}
	buf := bodies.Get().(*[]byte)
	defer bodies.Put(buf)
	*buf = s.appendText((*buf)[:0], f)
	p := deflate(*buf)
	s.pieces[f].Store(&p)
	return p
}
