package eurekaclient_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 2)) }

// database is the source that a program starts with, and that can go away.
type database struct {
	cluster *cluster
	gone    atomic.Bool
}

func (d *database) Servers(context.Context) (clientcfg.ServerList, error) {
	if d.gone.Load() {
		return clientcfg.ServerList{}, errors.New("no route to database")
	}
	return d.cluster.servers(), nil
}

// program is what a user of the package writes: a server list from the
// database and the servers themselves, and a client on it.
type program struct {
	*eurekaclient.Client
	db   *database
	stop func()
}

func start(t *testing.T, f *cluster, cfg eurekaclient.Config) *program {
	t.Helper()
	p := &program{db: &database{cluster: f}}
	web, err := clientcfg.NewHTTPSource([]string{serverURL("a1")}, clientcfg.HTTPConfig{HTTP: f.client(), Rand: seeded(3)})
	require.NoError(t, err)
	servers := clientcfg.New(clientcfg.Sources(p.db, web), clientcfg.Config{Rand: seeded(4)})
	cfg.Servers, cfg.HTTP, cfg.Rand = servers, f.client(), seeded(5)
	p.Client, err = eurekaclient.New(cfg)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- p.Run(ctx) }()
	list, cancelList := context.WithCancel(t.Context())
	go func() { done <- servers.Run(list) }()
	p.stop = func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		cancelList()
		require.ErrorIs(t, <-done, context.Canceled)
	}
	return p
}

func orders() *eureka.Instance {
	return &eureka.Instance{App: "orders", IPAddr: "10.0.0.9", Port: eureka.Port{Number: 8080, Enabled: true}, Metadata: eureka.Metadata{{Key: "zone", Value: "z1"}}}
}

const ordersID = "10.0.0.9:orders:8080"

func TestLifeOfALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		began := time.Now().UnixMilli()
		p := start(t, f, eurekaclient.Config{Instance: orders(), NoFetch: true})
		require.NoError(t, p.Wait(t.Context()))
		in := f.instance("ORDERS", ordersID)
		require.NotNil(t, in)
		require.Equal(t, eureka.Up, in.Status)
		require.Equal(t, "orders", in.VIPAddress)
		require.Equal(t, 90*time.Second, in.LeaseInfo.Duration())
		require.GreaterOrEqual(t, in.LastDirtyTimestamp, began)
		require.Less(t, in.LastDirtyTimestamp, began+2000)

		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Equal(t, 1, f.count("POST", "/eureka/apps"))
		require.InDelta(t, 20, f.count("PUT", "/eureka/apps/ORDERS"), 2)
		require.Equal(t, in.LastDirtyTimestamp, f.instance("ORDERS", ordersID).LastDirtyTimestamp)
		st := p.Status()
		require.NoError(t, st.LeaseErr)
		require.Less(t, time.Since(st.Renewed), 34*time.Second)
		require.NotEmpty(t, st.Server)

		p.stop()
		require.Nil(t, f.instance("ORDERS", ordersID), "cancelled")
		require.Equal(t, 1, f.count("DELETE", "/eureka/apps/ORDERS"))
		require.Empty(t, f.lost)
	})
}

// TestUnknownLeaseIsRegisteredAgain in the same beat and with a fresh dirty
// timestamp, also when the clock stands still or went back.
func TestUnknownLeaseIsRegisteredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1")
		clock := time.Now()
		p := start(t, f, eurekaclient.Config{Instance: orders(), NoFetch: true, Now: func() time.Time { return clock }})
		defer p.stop()
		require.NoError(t, p.Wait(t.Context()))
		synctest.Wait()
		first := f.instance("ORDERS", ordersID).LastDirtyTimestamp
		f.forget("ORDERS", ordersID)
		time.Sleep(34 * time.Second)
		in := f.instance("ORDERS", ordersID)
		require.NotNil(t, in)
		require.Greater(t, in.LastDirtyTimestamp, first)
	})
}

func TestStatusAndMetadataAreRegisteredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2")
		p := start(t, f, eurekaclient.Config{Instance: orders(), NoFetch: true})
		defer p.stop()
		require.NoError(t, p.Wait(t.Context()))
		before := f.instance("ORDERS", ordersID)
		p.SetStatus(eureka.OutOfService)
		p.SetMetadata(eureka.Metadata{{Key: "weight", Value: "7"}})
		time.Sleep(time.Millisecond)
		in := f.instance("ORDERS", ordersID)
		require.Equal(t, eureka.OutOfService, in.Status)
		require.Equal(t, eureka.Metadata{{Key: "weight", Value: "7"}}, in.Metadata)
		require.Greater(t, in.LastDirtyTimestamp, before.LastDirtyTimestamp)
		require.Equal(t, in.Status, p.Instance().Status)

		f.set("", "a1", "a2")
		p.SetStatus(eureka.Up)
		time.Sleep(20 * time.Second)
		f.set("up", "a1")
		time.Sleep(11 * time.Second)
		require.Equal(t, eureka.Up, f.instance("ORDERS", ordersID).Status, "a change waits for a server")
	})
}

func TestAReaderRegistersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1")
		f.put("BILLING", "b1", eureka.Up)
		p := start(t, f, eurekaclient.Config{})
		require.NoError(t, p.Wait(t.Context()))
		p.SetStatus(eureka.Down)
		require.Nil(t, p.Instance())
		require.Equal(t, []string{"BILLING"}, p.Applications())
		p.stop()
		require.Zero(t, f.count("POST", "")+f.count("DELETE", ""))
	})
}

func TestARefusalIsReportedAndNotRepeatedEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCluster("a1", "a2", "a3")
		var log bytes.Buffer
		in := orders()
		in.HostName = "refused"
		p := start(t, f, eurekaclient.Config{Instance: in, NoFetch: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		time.Sleep(time.Minute)
		synctest.Wait()
		var refused *eurekaclient.RefusedError
		require.ErrorAs(t, p.Status().LeaseErr, &refused)
		require.Equal(t, 400, refused.Status)
		require.ErrorContains(t, refused, "no such host name, please")
		require.Less(t, f.count("POST", ""), 60)
		p.stop()
		require.Equal(t, 1, strings.Count(log.String(), "level=WARN msg=\"lease not renewed"), "%s", &log)
	})
}

func TestConfig(t *testing.T) {
	servers := clientcfg.New(clientcfg.Fixed{}, clientcfg.Config{})
	_, err := eurekaclient.New(eurekaclient.Config{})
	require.ErrorContains(t, err, "Servers is required")
	for reason, in := range map[string]*eureka.Instance{
		"Missing appName":    {IPAddr: "10.0.0.1"},
		"Missing ip address": {App: "A", HostName: "host"},
		"Missing hostname":   {App: "A", InstanceID: "x"},
	} {
		_, err := eurekaclient.New(eurekaclient.Config{Servers: servers, Instance: in})
		require.ErrorContains(t, err, reason)
	}
	c, err := eurekaclient.New(eurekaclient.Config{Servers: servers, Instance: &eureka.Instance{App: "a", HostName: "10.0.0.1", Status: eureka.Starting}})
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1", c.Instance().IPAddr)
	require.Equal(t, eureka.Starting, c.Instance().Status)
}
