package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Which registration wins is told by lastDirtyTimestamp.
func TestRegisterAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		dirty int64
		want  string
	}{
		{"older is discarded", dirty - 1, "1"},
		{"equal wins", dirty, "2"},
		{"newer wins", dirty + 1, "2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.register(sample("a", noted("1")))
			f.forward(time.Second)
			f.register(sample("a", noted("2"), dirtyAt(row.dirty), leased(7, 21)))
			in := f.get(orders("a"))
			v, _ := in.Metadata.Get("v")
			require.Equal(t, row.want, v)
			require.Equal(t, max(dirty, row.dirty), in.LastDirtyTimestamp)
			require.Equal(t, f.millis(), in.LeaseInfo.RegistrationTimestamp, "the lease is new in any case")
			require.Equal(t, []string{"ORDERS/a UP ADDED"}, ids(f.deltaNow()))
		})
	}
}

// Compat: the recorded scenario of status rules, Netflix/eureka's LeaseExistsRule.
func TestRegisterOverStatus(t *testing.T) {
	f := newFixture(t)
	for i, row := range []struct {
		says   eureka.Status
		origin Origin
		want   eureka.Status
	}{
		{eureka.Up, FromClient, eureka.Up},
		{eureka.OutOfService, FromClient, eureka.Up},
		{eureka.Down, FromClient, eureka.Down},
		{eureka.OutOfService, FromClient, eureka.OutOfService},
		{eureka.Up, FromClient, eureka.OutOfService},
		{eureka.Up, FromJavaPeer, eureka.Up},
		{eureka.Starting, FromClient, eureka.Starting},
	} {
		require.NoError(t, f.Register(sample("a", status(row.says), dirtyAt(dirty+int64(i))), row.origin))
		require.Equal(t, row.want, f.get(orders("a")).Status, "step %d", i)
	}
}

func TestRegisterWithOverride(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a", overridden(eureka.OutOfService)))
	require.True(t, f.changes[0].Durable)
	require.Equal(t, eureka.OutOfService, f.changes[0].Overridden)
	in := f.get(orders("a"))
	require.Equal(t, eureka.OutOfService, in.Status)
	require.Equal(t, eureka.OutOfService, in.OverriddenStatus)
	require.Zero(t, in.LeaseInfo.ServiceUpTimestamp)

	f.register(sample("a", dirtyAt(dirty+1)))
	require.Equal(t, eureka.OutOfService, f.get(orders("a")).Status, "it sticks")
	require.False(t, f.changes[1].Durable)

	// Kept by application and id: the same id elsewhere is somebody else.
	f.register(sample("a", inApp("BILLING")))
	require.Equal(t, eureka.Up, f.get(Key{"BILLING", "a"}).Status)
	require.ErrorIs(t, f.Cancel(Key{"NOBODY", "a"}, FromClient), ErrNotFound)
	require.Equal(t, eureka.OutOfService, f.get(orders("a")).OverriddenStatus)

	byID, ok := f.InstanceByID("a")
	require.True(t, ok)
	require.Equal(t, "BILLING", byID.App)
}

func TestRegisterDoesNotTouchItsArgument(t *testing.T) {
	f := newFixture(t)
	in := sample("a", noted("1"))
	before := in.Clone()
	f.register(in)
	require.Equal(t, before, in)
	require.NoError(t, f.SetMetadata(orders("a"), eureka.Metadata{{Key: "v", Value: "2"}}, FromClient))
	require.Equal(t, before, in)
}

func TestSetMetadata(t *testing.T) {
	f := newFixture(t)
	set := eureka.Metadata{{Key: "v", Value: "2"}, {Key: "new", Value: ""}}
	require.ErrorIs(t, f.SetMetadata(orders("a"), set, FromClient), ErrNotFound)
	f.register(sample("a", noted("1")))
	f.forward(time.Second)
	require.NoError(t, f.SetMetadata(orders("a"), set, FromClient))
	in := f.get(orders("a"))
	require.Equal(t, eureka.Metadata{{Key: "v", Value: "2"}, {Key: "new", Value: ""}}, in.Metadata)
	require.EqualValues(t, dirty, in.LastDirtyTimestamp)
	require.Equal(t, f.millis(), in.LeaseInfo.RegistrationTimestamp)
	require.Equal(t, []string{"ORDERS/a UP ADDED"}, ids(f.deltaNow()))

	f.register(sample("a", noted("3")))
	require.Equal(t, eureka.Metadata{{Key: "v", Value: "3"}}, f.get(orders("a")).Metadata, "the client's word replaces it")
}

func TestSetMetadataRefusesWhatCannotBeKept(t *testing.T) {
	f := newFixture(t)
	f.register(sample("", func(in *eureka.Instance) { in.HostName = "host" }))
	before := f.entry(orders("host"))
	var many eureka.Metadata
	for i := range eureka.MaxMetadataEntries + 1 {
		many = append(many, eureka.MetadataEntry{Key: fmt.Sprint(i)})
	}
	for name, m := range map[string]eureka.Metadata{
		"another id":   {{Key: "instanceId", Value: "other"}},
		"many entries": many,
		"long value":   {{Key: "k", Value: strings.Repeat("\xff", eureka.MaxText/2)}}, // each grows to three bytes
		"long text":    {{Key: "k", Value: strings.Repeat("\x01", eureka.MaxText)}},   // to six
	} {
		require.ErrorIs(t, f.SetMetadata(orders("host"), m, FromClient), ErrUnfit, name)
		require.Equal(t, before, f.entry(orders("host")), name)
	}
	require.NoError(t, f.SetMetadata(orders("host"), many[1:], FromClient))
	require.ErrorIs(t, f.SetMetadata(orders("host"), many[:1], FromClient), ErrUnfit, "added up")
}

// What one server took, it must be able to tell the others.
func TestRegisterRefusesWhatCannotBeTold(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("x", MaxName+1)
	require.ErrorIs(t, f.Register(sample(long), FromClient), ErrUnfit)
	require.ErrorIs(t, f.Register(sample("a", inApp(long)), FromClient), ErrUnfit)
	require.ErrorIs(t, f.Register(sample("a", noted(strings.Repeat("\x01", MaxText/5))), FromClient), ErrUnfit)
	require.Zero(t, f.Stats().Instances)
	require.Empty(t, f.changes)
	f.register(sample(long[1:]))
}

func TestRegisterRefusesNameless(t *testing.T) {
	f := newFixture(t)
	require.Error(t, f.Register(&eureka.Instance{App: "ORDERS"}, FromClient))
	require.Error(t, f.Register(&eureka.Instance{InstanceID: "a"}, FromClient))
	require.Zero(t, f.Stats().Instances)
}
