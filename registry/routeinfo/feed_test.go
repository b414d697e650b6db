package routeinfo

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestChanged(t *testing.T) {
	a, b, l := two(t)
	c := a.Changed()
	require.Equal(t, c, a.Changed())
	a.register(1)
	require.True(t, closed(c))
	c = a.Changed()
	a.register(1)
	require.False(t, closed(c), "a renewal so soon")
	require.NoError(t, a.PutKV("ns", "k", "v", "me", a.now))
	require.True(t, closed(c))
	c = a.Changed()
	a.ConnClosed(1, a.now)
	require.True(t, closed(c))

	a.register(1)
	l.pull()
	c = b.Changed()
	a.register(1, versioned(2))
	l.pull()
	require.False(t, closed(c), "what is inherited is not told on")
}

// Renewals are told with their age, together, and none is swallowed.
func TestRenewalsAreGathered(t *testing.T) {
	a, _, l := two(t)
	key := BrokerKey{"C", "10.0.0.1:10911"}
	a.register(1, silent(40*time.Second))
	l.pull()
	renewals := func() (ages []time.Duration) {
		b := a.Since(l.feed, l.cursor, true, 1<<20, a.now)
		l.cursor = b.Next
		for _, x := range b.Items {
			require.Equal(t, Renewed, x.Kind)
			ages = append(ages, x.Age)
		}
		return ages
	}
	for range 3 {
		a.pass(time.Second)
		a.Touch(key, a.now)
		require.Empty(t, renewals(), "not more often than a tenth of the timeout")
	}
	a.pass(time.Second)
	require.Equal(t, []time.Duration{time.Second}, renewals(), "but then, though nothing comes any more")
	a.pass(10 * time.Second)
	require.Empty(t, renewals())
	a.Touch(key, a.now)
	require.Equal(t, []time.Duration{0}, renewals())
}

func TestCursorsOfAnotherFeed(t *testing.T) {
	a, _, l := two(t)
	a.register(1)
	l.pull()
	for _, row := range []struct {
		feed, cursor uint64
		reset        bool
	}{
		{l.feed, l.cursor, false},
		{l.feed + 1, l.cursor, true},
		{0, 0, true},
		{l.feed, l.cursor + 1<<40, true},
		{l.feed, l.cursor | 1<<31, true},
	} {
		b := a.Since(row.feed, row.cursor, true, 1<<20, a.now)
		require.Equal(t, row.reset, b.Reset)
		require.Equal(t, l.feed, b.Feed)
		require.Len(t, b.Items, count(row.reset))
	}
}

// A puller that catches up in small steps misses nothing of what changes meanwhile.
func TestCatchingUpWhileThingsChange(t *testing.T) {
	a, b, l := two(t)
	for i := range 5 {
		a.register(ConnID(i+1), brokerOf(string(rune('a'+i)), 0))
	}
	l.pull()
	for i := range 5 {
		a.register(ConnID(i+1), brokerOf(string(rune('a'+i)), 0), versioned(2), named("T1", "T2", "T3"))
	}
	for step := range 20 {
		batch := a.Since(l.feed, l.cursor, true, 1, a.now)
		require.LessOrEqual(t, l.cursor, batch.Next)
		l.cursor = batch.Next
		b.Inherit("a", batch.Items, batch.Reset, false, b.now)
		if step < 8 { // a change of what was told, and a renewal of what was not
			a.deleteTopic(fmt.Sprintf("T%d", 1+step%3), "")
			a.pass(maxRenewalGap)
			a.Touch(keyOf("e", 0), a.now)
			b.pass(maxRenewalGap)
		}
	}
	a.requireSame(b)
}

func TestManyDeparturesBeginANewFeed(t *testing.T) {
	a, b, l := two(t)
	a.register(1, brokerOf("keep", 0))
	l.pull()
	feed := l.feed
	for i := range maxDeparted + 1 {
		a.register(2, at(fmt.Sprint(i)))
		a.ConnClosed(2, a.now)
	}
	require.LessOrEqual(t, len(a.feed.departed), maxDeparted)
	l.pull()
	require.NotEqual(t, feed, l.feed)
	a.requireSame(b)
}

func TestNumbersOfAFeedBeginAnew(t *testing.T) {
	a, b, l := two(t)
	a.register(1, brokerOf("a", 0))
	a.register(2, brokerOf("b", 0))
	l.pull()
	a.feed.seq = maxSeq - 2
	a.ConnClosed(1, a.now)
	l.pull()
	feed := l.feed
	for v := range int64(5) {
		a.register(2, brokerOf("b", 0), named(fmt.Sprint(v), "T1"), versioned(2+v))
		l.pull()
		a.requireSame(b)
	}
	require.NotEqual(t, feed, l.feed)
	require.Less(t, a.feed.seq, uint64(20))
}

func TestABrokerThatComesBackIsNotGone(t *testing.T) {
	a, b, l := two(t)
	a.register(1)
	l.pull()
	a.ConnClosed(1, a.now)
	a.register(2)
	batch := a.Since(l.feed, l.cursor, true, 1<<20, a.now)
	require.Len(t, batch.Items, 1)
	require.Equal(t, Content, batch.Items[0].Kind)
	l.pull()
	a.requireSame(b)
}
