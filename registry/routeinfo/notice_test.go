package routeinfo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func withNotices(o *Options) { o.NotifyMinBrokerIDChanged = true }

// min-broker-id.json
func TestNotices(t *testing.T) {
	f := newFixture(t, with(withNotices))
	mayAct := acting(remoting.ActingMasterTrue)
	f.register(3, brokerOf("a", 2), mayAct)
	require.Empty(t, f.Notices(), "the first of its group")

	f.register(2, brokerOf("a", 1), mayAct)
	<-f.NoticesReady()
	require.Equal(t, []Notice{{To: []string{addrOf("a", 2)}, MinID: 1, MinAddr: addrOf("a", 1), HAAddr: "ha-" + addrOf("a", 1)}}, f.Notices())

	f.register(1, brokerOf("a", 0), mayAct)
	require.Equal(t, []Notice{{To: []string{addrOf("a", 1), addrOf("a", 2)}, MinAddr: addrOf("a", 0), HAAddr: "ha-" + addrOf("a", 0)}}, f.Notices())
	f.register(1, brokerOf("a", 0), mayAct, versioned(2))
	require.Empty(t, f.Notices())

	f.Unregister(keyOf("a", 0), "broker-a", 1, f.now)
	require.Equal(t, []Notice{{To: []string{addrOf("a", 1), addrOf("a", 2)}, MinID: 1, MinAddr: addrOf("a", 1), OfflineAddr: addrOf("a", 0)}}, f.Notices())
	f.register(4, brokerOf("a", 3), mayAct)
	f.ConnClosed(4, f.now)
	require.Empty(t, f.Notices(), "not the lowest")
	f.ConnClosed(2, f.now)
	require.Equal(t, []Notice{{To: []string{addrOf("a", 2)}, MinID: 2, MinAddr: addrOf("a", 2), OfflineAddr: addrOf("a", 1)}}, f.Notices())
	f.ConnClosed(3, f.now)
	require.Empty(t, f.Notices(), "nobody is left to be told")
}

func TestWhoIsNotTold(t *testing.T) {
	f := newFixture(t, with(withNotices))
	f.register(1, brokerOf("a", 1))
	f.register(2, brokerOf("a", 0))
	require.Len(t, f.Notices(), 1, "whether slaves may act does not matter when the lowest comes")
	f.ConnClosed(2, f.now)
	require.Empty(t, f.Notices(), "but when it goes")

	f = newFixture(t)
	f.register(1, brokerOf("a", 1))
	f.register(2, brokerOf("a", 0))
	require.Empty(t, f.Notices(), "off by default")
}

func TestNoticesAreBounded(t *testing.T) {
	f := newFixture(t, with(withNotices))
	f.register(1, brokerOf("a", 1))
	for range 2 * maxNotices {
		f.register(2, brokerOf("a", 0))
		f.ConnClosed(2, f.now)
	}
	all := f.Notices()
	require.LessOrEqual(t, len(all), maxNotices)
	require.NotEmpty(t, all)
}

// The same notices go out whether a broker is known directly or by other servers; a full copy is not news.
func TestNoticesOfInheritedBrokers(t *testing.T) {
	a := newFixture(t, with(withNotices))
	b := newFixture(t, with(withNotices))
	l := link{from: a, to: b, name: "a"}
	mayAct := acting(remoting.ActingMasterTrue)
	a.register(1, brokerOf("a", 1), mayAct)
	a.register(2, brokerOf("a", 0), mayAct)
	l.pull()
	require.Empty(t, b.Notices())
	a.ConnClosed(2, a.now)
	l.pull()
	require.Equal(t, []Notice{{To: []string{addrOf("a", 1)}, MinID: 1, MinAddr: addrOf("a", 1), OfflineAddr: addrOf("a", 0)}}, b.Notices())
	a.pass(time.Second)
	a.register(3, brokerOf("a", 0), mayAct)
	l.pull()
	require.Len(t, b.Notices(), 1)
}
