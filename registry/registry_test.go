package registry

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hands is a clock that moves when told to.
type hands struct{ t time.Time }

func (h *hands) now() time.Time          { return h.t }
func (h *hands) forward(d time.Duration) { h.t = h.t.Add(d) }
func (h *hands) millis() int64           { return h.t.UnixMilli() }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fixture is a registry under a clock that only the test moves, and what it told OnChange.
type fixture struct {
	*Registry
	*hands
	t       testing.TB
	changes []Change
}

func newFixture(t testing.TB, set ...func(*Config)) *fixture {
	f := &fixture{hands: &hands{t: noon}, t: t}
	cfg := Config{Epoch: 7, Now: f.now, Rand: rand.New(rand.NewPCG(1, 2)), OnChange: func(c Change) { f.changes = append(f.changes, c) }}
	for _, s := range set {
		s(&cfg)
	}
	r, err := New(cfg)
	require.NoError(t, err)
	f.Registry = r
	return f
}

const dirty = 1_700_000_000_000

// sample returns a valid instance of application ORDERS.
func sample(id string, set ...func(*eureka.Instance)) *eureka.Instance {
	in := &eureka.Instance{
		InstanceID: id, HostName: id + ".example.com", App: "ORDERS", IPAddr: "10.0.0.1",
		Status: eureka.Up, Port: eureka.Port{Number: 8080, Enabled: true}, SecurePort: eureka.Port{Number: 443},
		CountryID: 1, DataCenterInfo: &eureka.DataCenterInfo{Name: "MyOwn"},
		VIPAddress: "orders", LastDirtyTimestamp: dirty,
	}
	for _, s := range set {
		s(in)
	}
	return in
}

func status(s eureka.Status) func(*eureka.Instance) {
	return func(in *eureka.Instance) { in.Status = s }
}
func overridden(s eureka.Status) func(*eureka.Instance) {
	return func(in *eureka.Instance) { in.OverriddenStatus = s }
}
func dirtyAt(t int64) func(*eureka.Instance) {
	return func(in *eureka.Instance) { in.LastDirtyTimestamp = t }
}
func inApp(app string) func(*eureka.Instance) { return func(in *eureka.Instance) { in.App = app } }
func vips(vip, svip string) func(*eureka.Instance) {
	return func(in *eureka.Instance) { in.VIPAddress, in.SecureVIPAddress = vip, svip }
}
func noted(v string) func(*eureka.Instance) {
	return func(in *eureka.Instance) { in.Metadata = in.Metadata.Set("v", v) }
}
func leased(interval, duration int) func(*eureka.Instance) {
	return func(in *eureka.Instance) {
		in.LeaseInfo = eureka.LeaseInfo{RenewalIntervalInSecs: interval, DurationInSecs: duration}
	}
}

func orders(id string) Key { return Key{App: "ORDERS", ID: id} }

func (f *fixture) register(in *eureka.Instance) {
	f.t.Helper()
	require.NoError(f.t, f.Register(in, FromClient))
}

// get is the point lookup of an instance that must be there.
func (f *fixture) get(k Key) *eureka.Instance {
	f.t.Helper()
	in, ok := f.Instance(k)
	require.True(f.t, ok, "%v is not there", k)
	return in
}

func (f *fixture) gone(k Key) {
	f.t.Helper()
	_, ok := f.Instance(k)
	require.False(f.t, ok, "%v is still there", k)
}

// full and changed decode what clients would fetch now.
func (f *fixture) full() *eureka.Applications {
	return decodeList(f.t, whole(f.Snapshot().Full(eureka.JSON, false)))
}
func (f *fixture) deltaNow() *eureka.Applications {
	return decodeList(f.t, f.Snapshot().Delta(eureka.JSON, false))
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	require.TestingT
	Helper()
}

func decodeList(t tester, body []byte) *eureka.Applications {
	t.Helper()
	a, err := eureka.DecodeApplications(body, eureka.JSON)
	require.NoError(t, err, "%s", body)
	return a
}

// whole is a body in one piece.
func whole(b Body) []byte { return bytes.Join(b, nil) }

func gunzip(t tester, body []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	z.Multistream(false)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	return plain
}

// ids lists what a list shows: id, status, action.
func ids(a *eureka.Applications) []string {
	var list []string
	for _, app := range a.Applications {
		for _, in := range app.Instances {
			list = append(list, fmt.Sprintf("%s/%s %s %s", app.Name, in.ID(), in.Status, in.ActionType))
		}
	}
	return list
}

func TestConfig(t *testing.T) {
	for name, row := range map[string]struct {
		cfg  Config
		want string
	}{
		"zero value":     {Config{}, ""},
		"factor":         {Config{LeaseFactor: 3}, "LeaseFactor is 3, must be 1 or 2"},
		"short memory":   {Config{TombstoneTTL: time.Minute}, "TombstoneTTL is 1m0s, must be longer than PreservationBound, 30m0s"},
		"endless":        {Config{PreservationBound: -1}, ""},
		"several":        {Config{LeaseFactor: 9, DeltaRetention: -1}, "DeltaRetention is -1ns, must be above 0"},
		"unknown mode":   {Config{Preserve: 9}, "must be Evidence, Upstream or Off"},
		"long eviction":  {Config{EvictionInterval: -time.Second}, "EvictionInterval is -1s"},
		"few tombstones": {Config{MaxTombstones: -1}, "MaxTombstones is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(row.cfg)
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestLifeOfAnInstance(t *testing.T) {
	f := newFixture(t)
	k := orders("a")
	require.Equal(t, NotFound, f.Renew(k, Renewal{}, FromClient))
	require.ErrorIs(t, f.Cancel(k, FromClient), ErrNotFound)

	f.register(sample("a"))
	born := f.millis()
	in := f.get(k)
	require.Equal(t, eureka.LeaseInfo{RegistrationTimestamp: born, LastRenewalTimestamp: born, ServiceUpTimestamp: born, RenewalIntervalInSecs: 30, DurationInSecs: 90}, in.LeaseInfo)
	require.Equal(t, eureka.Added, in.ActionType)
	require.Equal(t, born, in.LastUpdatedTimestamp)

	f.forward(30 * time.Second)
	require.Equal(t, Renewed, f.Renew(k, Renewal{Dirty: dirty, HasDirty: true}, FromClient))
	require.Equal(t, f.millis(), f.get(k).LeaseInfo.LastRenewalTimestamp)
	require.Equal(t, born, f.get(k).LeaseInfo.RegistrationTimestamp)

	f.register(sample("a", noted("2")))
	in = f.get(k)
	require.Equal(t, f.millis(), in.LeaseInfo.RegistrationTimestamp, "a new lease")
	require.Equal(t, born, in.LeaseInfo.ServiceUpTimestamp, "carried over")

	require.NoError(t, f.Cancel(k, FromClient))
	f.gone(k)
	require.Equal(t, NotFound, f.Renew(k, Renewal{}, FromClient))
	require.Equal(t, []string{"ORDERS/a UP DELETED"}, ids(f.deltaNow()))
	require.Equal(t, f.millis(), f.deltaNow().Applications[0].Instances[0].LeaseInfo.EvictionTimestamp)
	require.Empty(t, ids(f.full()))

	f.forward(time.Second)
	f.register(sample("a"))
	require.Equal(t, f.millis(), f.get(k).LeaseInfo.ServiceUpTimestamp, "begins anew after a cancel")

	var kinds []eureka.Action
	for _, c := range f.changes {
		kinds = append(kinds, c.Action)
	}
	require.Equal(t, []eureka.Action{eureka.Register, eureka.Heartbeat, eureka.Register, eureka.Cancel, eureka.Register}, kinds)
}
