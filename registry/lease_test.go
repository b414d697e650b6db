package registry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	s      = moment(time.Second)
	ninety = 90 * time.Second
)

func newLease(last moment) (*leases, lease) {
	l := newLeases()
	x := l.at(l.add(&record{}))
	x.set(last, ninety, 30*time.Second, 0)
	return l, x
}

func TestLeaseRenewals(t *testing.T) {
	for _, row := range []struct {
		name      string
		hear      func(x lease)
		last, end moment
		via       int64
	}{
		{"registered", func(lease) {}, 100 * s, 190 * s, 0},
		{"renewed here", func(x lease) { x.renew(130*s, ninety) }, 130 * s, 220 * s, 0},
		{"heard elsewhere", func(x lease) { x.hear(101*s, ninety, false, 9, longAgo) }, 101 * s, 191 * s, 9},
		{"heard elsewhere before", func(x lease) { x.hear(99*s, ninety, false, 9, longAgo) }, 100 * s, 190 * s, 0},
		{"copied, as late as travel explains", func(x lease) { x.hear(105*s, ninety, true, 9, longAgo) }, 100 * s, 190 * s, 0},
		{"copied, later than that", func(x lease) { x.hear(106*s, ninety, true, 9, longAgo) }, 106 * s, 196 * s, 9},
		{"an old one after a new one", func(x lease) { x.renew(130*s, ninety); x.renew(120*s, ninety) }, 130 * s, 220 * s, 0},
		{"content asks for less", func(x lease) { x.adjust(20*time.Second, time.Second) }, 100 * s, 120 * s, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, x := newLease(100 * s)
			row.hear(x)
			require.Equal(t, row.last, x.last())
			require.Equal(t, row.end, x.end())
			require.Equal(t, row.via, x.via())
		})
	}
}

// A pause from 110 s to 150 s: what it took is given back, and only what it took.
func TestLeaseAfterPause(t *testing.T) {
	pause := func(t *testing.T) lease {
		l, x := newLease(100 * s)
		fresh := l.at(l.add(&record{}))
		fresh.set(120*s, ninety, 30*time.Second, 0)
		l.extend(110*s, 150*s, 40*time.Second)
		require.Equal(t, 210*s, fresh.end(), "renewed after the last tick: read late, but not lost")
		require.Equal(t, 150*s, l.resumed())
		return x
	}
	for _, row := range []struct {
		name     string
		hear     func(x lease)
		end      moment
		extended time.Duration
	}{
		{"not renewed", func(lease) {}, 230 * s, 40 * time.Second},
		{"renewed here", func(x lease) { x.renew(155*s, ninety) }, 245 * s, 0},
		{"heard elsewhere during the pause", func(x lease) { x.hear(130*s, ninety, true, 9, 150*s) }, 260 * s, 40 * time.Second},
		{"heard elsewhere, as late as the extension reaches", func(x lease) { x.hear(141*s, ninety, true, 9, 150*s) }, 231 * s, 0},
		{"heard elsewhere after the pause", func(x lease) { x.hear(151*s, ninety, true, 9, 150*s) }, 241 * s, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := pause(t)
			row.hear(x)
			require.Equal(t, row.end, x.end())
			require.Equal(t, row.extended, x.extended())
		})
	}
}

func TestLeaseSlots(t *testing.T) {
	l := newLeases()
	slots := map[int32]bool{}
	for range 3 * chunkSize {
		slot := l.add(&record{})
		require.False(t, slots[slot], "taken twice")
		slots[slot] = true
		l.at(slot).set(moment(slot), time.Second, time.Second, 0)
	}
	over := 0
	l.over(s+9, func(slot int32, end moment) {
		require.Equal(t, moment(slot)+s, end)
		over++
	})
	require.Equal(t, 10, over)
	for slot := range slots {
		l.remove(slot)
	}
	l.over(never-1, func(int32, moment) { t.Fatal("free slots are never over") })
	l.each(func(lease) { t.Fatal("nor are they leases") })
	l.add(&record{})
	require.Len(t, *l.chunks.Load(), 3, "freed slots are taken again")
}
