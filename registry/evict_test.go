package registry

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ears is a Hearing that a test sets.
type ears struct {
	covered         bool
	vouches         map[Key]bool
	missing, listed int
	asked           int
}

func (e *ears) Covered(time.Time) bool { return e.covered }
func (e *ears) Vouched(k Key, _ Version, _ time.Time) bool {
	e.asked++
	return e.vouches[k]
}
func (e *ears) Unreachable() (int, int) { return e.missing, e.listed }

func hearing(e *ears) func(*Config) { return func(c *Config) { c.Hearing = e } }

// When the lease is over, alone and among others, renewed or not, by either factor.
func TestEvictTimes(t *testing.T) {
	for _, row := range []struct {
		name   string
		factor int
		renew  bool
		others int
		lasts  time.Duration
	}{
		{"never renewed", 1, false, 0, 90 * time.Second},
		{"renewed", 1, true, 0, 90 * time.Second},
		{"among others: a renewal may be on its way", 1, true, 2, 95 * time.Second},
		{"as upstream, never renewed", 2, false, 0, 90 * time.Second},
		{"as upstream, renewed", 2, true, 0, 180 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := &ears{covered: true, listed: row.others}
			f := newFixture(t, hearing(e), func(c *Config) { c.LeaseFactor = row.factor })
			f.register(sample("a"))
			if row.renew {
				f.Renew(orders("a"), Renewal{}, FromClient)
			}
			f.forward(row.lasts - time.Millisecond)
			require.Zero(t, f.Evict(f.now()))
			f.get(orders("a"))
			f.forward(time.Millisecond)
			f.gone(orders("a")) // point lookups need not wait for the look
			require.Equal(t, []string{"ORDERS/a UP ADDED"}, ids(f.full()))
			require.Equal(t, 1, f.Evict(f.now()))
			require.Empty(t, ids(f.full()))
			require.Equal(t, []string{"ORDERS/a UP DELETED"}, ids(f.deltaNow()))
			require.Equal(t, f.millis(), f.deltaNow().Applications[0].Instances[0].LeaseInfo.EvictionTimestamp)
			require.Equal(t, NotFound, f.Renew(orders("a"), Renewal{}, FromClient))
		})
	}
}

func TestEvictTellsNobody(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	told := len(f.changes)
	v := f.entry(orders("a")).Version
	f.forward(2 * time.Minute)
	require.Equal(t, 1, f.Evict(f.now()))
	require.Len(t, f.changes, told)
	_, ok := f.Entry(orders("a"))
	require.False(t, ok)
	require.Equal(t, Want, f.MergeRenewal(8, orders("a"), v, 0, false), "another server's word brings it back")

	f.register(sample("a"))
	require.Positive(t, f.entry(orders("a")).Version.Compare(v), "above what was evicted")
}

func TestEvictIsNeverDeaf(t *testing.T) {
	e := &ears{listed: 2, vouches: map[Key]bool{orders("b"): true}}
	f := newFixture(t, hearing(e))
	f.register(sample("a"))
	f.register(sample("b"))
	f.forward(10 * time.Minute)
	require.Equal(t, 1, f.Evict(f.now()), "b is vouched for")
	require.Equal(t, "ORDERS/a UP ADDED", ids(f.full())[0])
	f.get(orders("a"))
	require.Zero(t, f.Evict(f.now()))
	e.covered = true
	f.gone(orders("a"))
	require.Equal(t, 1, f.Evict(f.now()))

	e.covered, e.vouches = false, nil
	f.register(sample("a"))
	f.forward(90*time.Second + 30*time.Minute - time.Millisecond)
	require.Zero(t, f.Evict(f.now()))
	f.forward(time.Millisecond)
	require.Equal(t, 1, f.Evict(f.now()), "at the bound it goes in any case")

	deaf := newFixture(t, hearing(e), func(c *Config) { c.Faults.DeafEviction = true })
	deaf.register(sample("a"))
	deaf.forward(2 * time.Minute)
	require.Equal(t, 1, deaf.Evict(deaf.now()), "a planted bug")
}

func TestEvictAsksABoundedNumber(t *testing.T) {
	e := &ears{listed: 2}
	f := newFixture(t, hearing(e), func(c *Config) { c.Preserve = Off })
	fill(f.Registry, 2*maxVouches, 50)
	f.forward(10 * time.Minute)
	require.Zero(t, f.Evict(f.now()))
	require.Equal(t, maxVouches, e.asked)
}

// A look takes at most a share, in random order, and so few looks that the dead are gone soon.
func TestEvictShare(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Preserve = Off })
	fill(f.Registry, 1000, 50)
	f.forward(2 * time.Minute)
	require.Equal(t, 150, f.Evict(f.now()))
	hit := 0
	for i := range 20 {
		if _, ok := f.Entry(keyOf(member(i*50, 50))); !ok {
			hit++
		}
	}
	require.Less(t, hit, 12)
	left := map[string]int{}
	for _, app := range f.full().Applications {
		left[app.Name] = len(app.Instances)
	}
	require.Len(t, left, 20, "no application is emptied first")
	looks := 1
	for f.Stats().Instances > 0 {
		f.Evict(f.now())
		looks++
	}
	require.Less(t, looks, 25)
}

func TestEvictionSparesWhatWasRenewedMeanwhile(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.forward(2 * time.Minute)
	rec := f.stripe("a").find(orders("a"))
	end := f.leases.at(rec.slot).end()
	f.Renew(orders("a"), Renewal{}, FromClient)
	require.False(t, f.evict(rec, overdue{rec.slot, end}, moment(f.now().Sub(f.born))))
	f.get(orders("a"))
}

// The other servers were heard up to the lease's end as it was. A renewal copied meanwhile moves it, and then what they
// heard until the new end is not known to be here.
func TestEvictionSparesWhatMovedMeanwhile(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.forward(2 * time.Minute)
	rec := f.stripe("a").find(orders("a"))
	end := f.leases.at(rec.slot).end()
	require.Equal(t, Heard, f.MergeRenewal(8, orders("a"), rec.version, 110*time.Second, false))
	require.False(t, f.evict(rec, overdue{rec.slot, end}, moment(f.now().Sub(f.born))))
	require.Equal(t, 1, f.Evict(f.now()))
}

func TestPauseRule(t *testing.T) {
	for _, planted := range []bool{false, true} {
		t.Run(fmt.Sprintf("planted=%v", planted), func(t *testing.T) {
			var gaps []time.Duration
			f := newFixture(t, func(c *Config) {
				c.Faults.NoPauseRule = planted
				c.OnPause = func(gap time.Duration) { gaps = append(gaps, gap) }
			})
			f.register(sample("a"))
			last, _ := f.clock()
			f.forward(100 * time.Second)
			now, _ := f.clock()
			f.paused(last, now)
			if planted {
				require.Equal(t, 1, f.Evict(f.now()))
				return
			}
			require.Equal(t, []time.Duration{100 * time.Second}, gaps)
			require.Zero(t, f.Evict(f.now()))
			require.Equal(t, 100*time.Second, f.entry(orders("a")).Age, "what is told to others does not contain the pause")
			f.forward(89 * time.Second)
			f.get(orders("a"))
			require.Zero(t, f.Evict(f.now()))
			f.forward(time.Second)
			require.Equal(t, 1, f.Evict(f.now()))
		})
	}
}

func TestForgottenCancel(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Faults.NoTombstone = true })
	f.register(sample("a"))
	before := f.entry(orders("a"))
	require.NoError(t, f.Cancel(orders("a"), FromClient))
	require.True(t, f.entry(orders("a")).Tombstone, "still to be sent")
	f.forward(3 * time.Second)
	require.Equal(t, Applied, f.Merge(8, before), "a planted bug: a late copy brings it back")
}
