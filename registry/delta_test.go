package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Compat: Netflix/eureka-client, issue 1528: what is deleted stands after what is not.
func TestDeltaOrder(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.register(sample("b"))
	f.register(sample("x", inApp("BILLING")))
	require.NoError(t, f.Cancel(orders("a"), FromClient))
	f.register(sample("c"))
	require.NoError(t, f.SetStatus(orders("b"), eureka.Down, 0, FromClient))
	require.Equal(t, []string{"BILLING/x UP ADDED", "ORDERS/c UP ADDED", "ORDERS/b DOWN MODIFIED", "ORDERS/a UP DELETED"}, ids(f.deltaNow()))
}

func TestDeltaIsBounded(t *testing.T) {
	d := newDelta(time.Minute)
	for i := range maxDelta + 10 {
		d.add(viewChange{rec: &record{Key: orders(fmt.Sprint(i))}})
	}
	d.prune(0)
	require.Len(t, d.entries, maxDelta)
	require.Len(t, d.latest, maxDelta)
	require.True(t, d.changed)
}

// One instance that registers without end holds one text, not one for each time, and the delta shows what it would have.
func TestDeltaDropsReplacedEntries(t *testing.T) {
	f := newFixture(t)
	f.register(sample("b"))
	for range 10_000 {
		f.register(sample("a"))
	}
	require.Equal(t, []string{"ORDERS/b UP ADDED", "ORDERS/a UP ADDED"}, ids(f.deltaNow()))
	require.LessOrEqual(t, len(f.view.delta.entries), 2*2+fewReplaced)
	f.forward(3*time.Minute + 5*time.Second)
	require.Empty(t, ids(f.deltaNow()))
}

func TestDeltaLeavesInSteps(t *testing.T) {
	d := newDelta(180 * time.Second)
	for _, at := range []moment{1, 2 * s, 5 * s, 6 * s} {
		d.add(viewChange{rec: &record{Key: orders(fmt.Sprint(at)), changed: at}})
	}
	require.Equal(t, 185*s, d.due())
	d.prune(185*s - 1)
	require.Len(t, d.entries, 4)
	d.prune(185 * s)
	require.Len(t, d.entries, 1)
	require.Equal(t, 190*s, d.due())
	d.prune(190 * s)
	require.Empty(t, d.entries)
	require.Equal(t, never, d.due())
}

// An entry that a newer one of the same instance replaced leaves without a trace.
func TestDeltaVersionStaysWhenNothingVisibleLeaves(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	f.forward(time.Minute)
	f.register(sample("a"))
	before := f.Snapshot()
	f.forward(2*time.Minute + 10*time.Second)
	after := f.Snapshot()
	require.Equal(t, before.Version(), after.Version())
	require.Len(t, after.delta, 1)
}

func TestNoDelta(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.NoDelta = true })
	f.register(sample("a"))
	require.Empty(t, ids(f.deltaNow()))
	require.Len(t, ids(f.full()), 1)
}

func TestDeltaShrinks(t *testing.T) {
	d := newDelta(time.Minute)
	for i := range 10_000 {
		d.add(viewChange{rec: &record{Key: orders(fmt.Sprint(i)), changed: moment(i/9_000) * 60 * s}})
	}
	d.prune(62 * s)
	require.Equal(t, 1000, d.peak)
	require.Len(t, d.latest, 1000)
	require.Less(t, cap(d.entries), 2000)
}

// Without readers the delta is kept in bounds too, and so is a burst between two looks.
func TestDeltaWithoutReaders(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a", leased(30, 6000)))
	f.Evict(f.now())
	require.Len(t, f.view.delta.entries, 1)
	f.forward(4 * time.Minute)
	f.Evict(f.now())
	require.Empty(t, f.view.delta.entries)

	text := strings.Repeat("x", 1000)
	for i := range 3 * maxDelta {
		f.view.tell(viewChange{rec: &record{Key: orders(fmt.Sprintf("%06d", i)), text: text, traits: &traits{}}})
	}
	require.LessOrEqual(t, len(f.view.delta.entries), 2*maxDelta+maxPending)
}
