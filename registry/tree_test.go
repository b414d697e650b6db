package registry

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func leaf(app, id string, size int) *record {
	return &record{Key: Key{app, id}, text: strings.Repeat("x", size)}
}

// The tree holds what a sorted list would, in segments of the right size, and a sealed edition never changes.
func TestTreeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr tree
		want := map[Key]*record{}
		type sealed struct {
			segments []*segment
			records  []*record
		}
		var editions []sealed
		for range rapid.IntRange(0, 120).Draw(t, "steps") {
			k := Key{rapid.StringMatching("[A-C]").Draw(t, "app"), rapid.StringMatching("[a-z]").Draw(t, "id")}
			switch rapid.IntRange(0, 5).Draw(t, "op") {
			case 0:
				editions = append(editions, sealed{tr.seal(), slices.Clone(flat(tr.segments))})
			case 1:
				require.Equal(t, want[k], tr.remove(leaf(k.App, k.ID, 0)))
				delete(want, k)
			default:
				rec := leaf(k.App, k.ID, rapid.IntRange(5_000, 60_000).Draw(t, "size"))
				require.Equal(t, want[k], tr.put(rec))
				want[k] = rec
			}
		}
		got := flat(tr.seal())
		require.True(t, slices.IsSortedFunc(got, compareRecords))
		require.Len(t, got, len(want))
		for _, rec := range got {
			require.Same(t, want[rec.Key], rec)
		}
		for i, seg := range tr.segments {
			size := 0
			for _, rec := range seg.records {
				size += len(rec.text)
			}
			require.Equal(t, size, seg.size)
			require.NotEmpty(t, seg.records)
			require.True(t, size <= maxSegment || len(seg.records) == 1)
			if i == 0 {
				require.Nil(t, seg.edges.before)
			} else {
				require.Same(t, last(tr.segments[i-1]), seg.edges.before)
			}
			require.Equal(t, i == len(tr.segments)-1 || tr.segments[i+1].records[0].App != last(seg).App, seg.edges.closes)
		}
		for _, e := range editions {
			require.True(t, slices.Equal(e.records, flat(e.segments)), "a snapshot changed")
		}
	})
}

func flat(segments []*segment) (records []*record) {
	for _, s := range segments {
		records = append(records, s.records...)
	}
	return records
}

func last(s *segment) *record { return s.records[len(s.records)-1] }

func TestTreeJoinsSmallSegments(t *testing.T) {
	var tr tree
	var records []*record
	for i := range 100 {
		rec := leaf("A", string(rune('A'+i/10))+string(rune('0'+i%10)), 10_000)
		records = append(records, rec)
		tr.put(rec)
	}
	many := len(tr.seal())
	for _, rec := range records[:95] {
		tr.remove(rec)
	}
	require.Greater(t, many, 5)
	require.Len(t, tr.seal(), 1)
}

// A change leaves all other segments, and so their compressed form, as they were; but a segment is compressed with the last record
// before it.
func TestTreeChangesOneSegment(t *testing.T) {
	f := newFixture(t)
	fill(f.Registry, 2000, 50)
	changed := func(rec *record) (places []int) {
		before := f.Snapshot()
		before.Full(eurekaJSON, true)
		require.NoError(t, f.SetStatus(rec.Key, eureka.Down, 0, FromClient))
		for i, seg := range f.Snapshot().segments {
			if seg != before.segments[i] {
				places = append(places, i)
				require.Nil(t, seg.pieces[eurekaJSON].Load())
			}
		}
		return places
	}
	segments := f.Snapshot().segments
	require.Equal(t, []int{3}, changed(segments[3].records[0]))
	require.Equal(t, []int{4, 5}, changed(last(segments[4])))
	require.Equal(t, []int{len(segments) - 1}, changed(last(segments[len(segments)-1])))
}
