package registry

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Sizes of a segment's text. Larger ones make a change dearer; smaller ones make more pieces to go through, and more often a
// change to the last record, with which the next segment is compressed anew too.
const (
	maxSegment = 128 << 10
	minSegment = 24 << 10
)

// tree is all that clients are shown, in the order of application and id, cut into segments. Segments that a snapshot
// holds never change: a change copies its own, so that all others keep their compressed form.
type tree struct {
	segments []*segment
	shared   bool   // a snapshot holds this very slice
	edition  uint64 // segments of this edition are in no snapshot yet
	splits   int    // so far
}

// segment is a run of neighbouring records.
type segment struct {
	records []*record
	size    int // bytes of their texts
	edition uint64
	leads   bool // a stretch begins here
	edges   edges
	pieces  [eureka.NumFormats]atomic.Pointer[piece] // made when first asked for
}

// edges say how a segment's text joins its neighbours'.
type edges struct {
	before *record // the last of the segment before it, nil for none
	closes bool    // its last record is the last of its application
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
		s = &segment{records: slices.Clone(s.records), size: s.size, edition: t.edition, leads: s.leads}
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
	t.splits++
	right := &segment{records: slices.Clone(s.records[cut:]), edition: t.edition, leads: t.splits%segmentsOfStretch == 0}
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
		e := edges{closes: true}
		if i > 0 {
			before := t.segments[i-1].records
			e.before = before[len(before)-1]
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
	w := listWriter{f: f, dst: dst, any: s.edges.before != nil}
	if !s.opens() {
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

// opens reports whether the first record is the first of its application.
func (s *segment) opens() bool {
	return s.edges.before == nil || s.edges.before.App != s.records[0].App
}

// appendBefore appends what stands in a list just before the segment's text, as far back as the last record.
func (s *segment) appendBefore(dst []byte, f eureka.Format) []byte {
	if s.edges.before == nil {
		return dst
	}
	w := listWriter{f: f, dst: s.edges.before.appendForm(dst, f), inApp: true}
	if s.opens() {
		w.close()
	}
	return w.dst
}
