package registry

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// bulky is instance i in their order. Its text hardly compresses, so that few make a list of many parts.
func bulky(rnd *rand.Rand, i int) *eureka.Instance {
	var noise strings.Builder
	for range 512 {
		fmt.Fprintf(&noise, "%016x", rnd.Uint64())
	}
	return sample(fmt.Sprintf("%04d", i), inApp(fmt.Sprint("APP", i/300)), noted(noise.String()))
}

// Whatever changes, the parts of a long body are one stream with the text of the list, in every format.
func TestLongBodiesStayWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	f := newFixture(t)
	for i := range 700 {
		f.register(bulky(rnd, i))
	}
	for round := range 8 {
		f.forward(maxStaleness)
		s := f.Snapshot()
		for _, format := range formats {
			if format != eurekaJSON && round%4 != 0 {
				continue
			}
			body := s.Full(format, true)
			if format == eurekaJSON { // compact forms leave the bulk out
				require.Greater(t, len(body), 5, "several stretches between header, head, tail and trailer")
			}
			require.Len(t, whole(body), body.Len())
			require.True(t, bytes.Equal(whole(s.Full(format, false)), gunzip(t, whole(body))), "round %d, format %v", round, format)
		}
		seg := s.segments[rnd.IntN(len(s.segments))]
		switch round % 4 {
		case 0:
			f.register(bulky(rnd, rnd.IntN(1000)))
		case 1:
			require.NoError(t, f.SetStatus(last(seg).Key, eureka.Down, 0, FromClient))
		case 2:
			require.NoError(t, f.Cancel(last(seg).Key, FromClient))
		case 3:
			for _, rec := range seg.records {
				require.NoError(t, f.Cancel(rec.Key, FromClient))
			}
		}
	}
}

// A change makes the few bytes around, and its own stretch anew: all others are the same memory as before, and memory is held
// only once.
func TestChangeMakesOneStretch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	f := newFixture(t)
	for i := range 1500 {
		f.register(bulky(rnd, i))
	}
	segments := f.Snapshot().segments
	lead := 2
	for !segments[lead].leads || segments[lead-1].leads {
		lead++
	}
	for _, changed := range []int{0, lead - 1, lead, len(segments) - 1} {
		before := f.Snapshot().Full(eurekaJSON, true)
		require.Greater(t, len(before), 6, "several stretches between header, head, tail and trailer")
		require.NoError(t, f.SetStatus(segments[changed].records[0].Key, eureka.Down, 0, FromClient))
		s := f.Snapshot()
		after := s.Full(eurekaJSON, true)
		require.Len(t, after, len(before))
		same := 0
		for i, part := range after[2 : len(after)-2] {
			if &part[0] == &before[2+i][0] {
				same++
			}
		}
		require.Equal(t, len(after)-5, same, "after a change in segment %d", changed)
		for i, seg := range s.segments {
			p := seg.pieces[eurekaJSON].Load()
			require.True(t, slices.ContainsFunc(after, func(part []byte) bool { return &part[0] == &p.of.data[0] }),
				"segment %d keeps memory that the body does not need", i)
			require.Equal(t, i == 0 || seg.leads, &p.data[0] == &p.of.data[0])
		}
	}

	// Nothing that is left of the stretch changes when its last segment goes.
	for _, rec := range segments[lead-1].records {
		require.NoError(t, f.Cancel(rec.Key, FromClient))
	}
	f.forward(maxStaleness)
	s := f.Snapshot()
	require.Len(t, s.segments, len(segments)-1)
	require.True(t, bytes.Equal(whole(s.Full(eurekaJSON, false)), gunzip(t, whole(s.Full(eurekaJSON, true)))))
}

func TestShortBodiesAreOnePart(t *testing.T) {
	f := newFixture(t)
	fill(f.Registry, 200, 50)
	require.Len(t, f.Snapshot().Full(eurekaJSON, true), 1)
	require.Len(t, f.Snapshot().Full(eurekaJSON, false), 1)
}
