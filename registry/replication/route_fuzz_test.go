package replication

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// FuzzRouteCall feeds what peers send to the answering side: what decodes is encoded to the same, and is answered within bounds.
func FuzzRouteCall(f *testing.F) {
	f.Add(appendRouteCall(nil, routeCall{}))
	f.Add(appendRouteCall(nil, routeCall{Feed: 1 << 63, Cursor: 77, Wait: 5 * time.Second, Compare: true, Hears: []string{"b-2", ""}}))
	f.Add([]byte("\x01\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02\x00\x00")) // a feed of 66 bits
	r := lonely(f, nil)
	_, err := r.cfg.Table.Register(registration("broker-a", "10.0.0.1:10911", "Orders", "Refunds"), 1, time.Unix(1_700_000_000, 0))
	require.NoError(f, err)
	r.StopWaiting()
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := decodeRouteCall(body)
		if err != nil {
			return
		}
		again, err := decodeRouteCall(appendRouteCall(nil, q))
		require.NoError(t, err)
		require.Equal(t, q, again)
		_, a := askFor(t, r, caller, q)
		require.LessOrEqual(t, len(a.Items), 1)
	})
}

// FuzzRouteAnswer feeds what peers answer to the asking side: what decodes is encoded to the same, and a table survives it.
func FuzzRouteAnswer(f *testing.F) {
	full, _ := appendRouteAnswer(nil, fullAnswer())
	f.Add(full)
	small, _ := appendRouteAnswer(nil, answerOf(largeBroker(3, 20)))
	f.Add(small)
	empty, _ := appendRouteAnswer(nil, new(routeAnswer))
	f.Add(empty)
	f.Add(slices.Concat(empty, []byte{byte(routeinfo.Said), 0, 0, byte(routeinfo.Wipe), 0, 1, 'b', 0, 0, 9, 1, 0, 0}))
	f.Add(slices.Concat(empty, []byte{byte(routeinfo.Content), 16: 0xff, 0xff, 0x03})) // topics that do not come
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := decodeRouteAnswer(body)
		if err != nil {
			return
		}
		encoded, oversized := appendRouteAnswer(nil, &a)
		require.Zero(t, oversized)
		again, err := decodeRouteAnswer(encoded)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(a, again))

		table := routeinfo.New(routeinfo.Config{Epoch: 1})
		table.Inherit("peer", a.Items, a.Reset, !a.More, now)
		table.SetHeard("peer", true, now)
		for piece := table.Since(0, 0, true, softRouteBody, now); ; piece = table.Since(piece.Feed, piece.Next, true, softRouteBody, now) {
			_, oversized := appendRouteAnswer(nil, &routeAnswer{Batch: piece})
			require.Zero(t, oversized)
			if !piece.More {
				break
			}
		}
		table.ClusterInfo()
		table.Topics()
		table.SetHeard("peer", false, now)
		table.Expire(now.Add(time.Hour))
	})
}
