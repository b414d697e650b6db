package registry

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

var formats = []eureka.Format{eureka.JSON, eureka.JSONCompact, eureka.XML, eureka.XMLCompact}

// client is a Eureka client's copy: it fetches once and then applies deltas, as Netflix/eureka-client does.
type client struct {
	apps map[string]map[string]*eureka.Instance
}

func newClient(a *eureka.Applications) *client {
	c := &client{apps: map[string]map[string]*eureka.Instance{}}
	for _, app := range a.Applications {
		for _, in := range app.Instances {
			c.put(app.Name, in)
		}
	}
	return c
}

func (c *client) put(app string, in *eureka.Instance) {
	if c.apps[app] == nil {
		c.apps[app] = map[string]*eureka.Instance{}
	}
	c.apps[app][in.ID()] = in
}

func (c *client) apply(delta *eureka.Applications) {
	for _, app := range delta.Applications {
		for _, in := range app.Instances {
			if in.ActionType != eureka.Deleted {
				c.put(app.Name, in)
				continue
			}
			if delete(c.apps[app.Name], in.ID()); len(c.apps[app.Name]) == 0 {
				delete(c.apps, app.Name)
			}
		}
	}
}

func (c *client) hashCode() string {
	var counts [eureka.NumStatuses]int
	for _, app := range c.apps {
		for _, in := range app {
			counts[in.Status]++
		}
	}
	return eureka.HashCode(counts)
}

// step does one random operation.
func step(t *rapid.T, f *fixture) {
	k := Key{rapid.SampledFrom([]string{"ORDERS", "BILLING", "STOCK"}).Draw(t, "app"), rapid.StringMatching("[a-d]").Draw(t, "id")}
	origin := rapid.SampledFrom([]Origin{FromClient, FromJavaPeer}).Draw(t, "origin")
	word := eureka.Status(rapid.IntRange(0, eureka.NumStatuses-1).Draw(t, "status"))
	switch rapid.IntRange(0, 9).Draw(t, "op") {
	case 0, 1, 2:
		in := sample(k.ID, inApp(k.App), status(word), dirtyAt(rapid.Int64Range(0, 5).Draw(t, "dirty")), vips(strings.ToLower(k.App), "all"))
		if rapid.IntRange(0, 5).Draw(t, "with override") == 0 {
			in.OverriddenStatus = eureka.OutOfService
		}
		require.NoError(t, f.Register(in, origin))
	case 3:
		_ = f.Cancel(k, origin)
	case 4:
		_ = f.SetStatus(k, word, rapid.Int64Range(0, 6).Draw(t, "dirty"), origin)
	case 5:
		_ = f.ClearStatus(k, word, 0, origin)
	case 6:
		_ = f.SetMetadata(k, eureka.Metadata{{Key: "a", Value: "b"}}, origin)
	case 7:
		f.Renew(k, Renewal{Dirty: rapid.Int64Range(0, 6).Draw(t, "dirty"), HasDirty: true, Overridden: word, HasOverridden: rapid.Bool().Draw(t, "has override")}, origin)
	case 8:
		f.forward(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
		f.Evict(f.now())
	case 9:
		own := []*eureka.Instance{}
		for i := range rapid.IntRange(0, 2).Draw(t, "servers") {
			own = append(own, sample("s"+strconv.Itoa(i), inApp("ZONEKEEPER"), status(word)))
		}
		f.SetServers(own)
	}
}

// After any operations: a client that applies the delta has the hash code of the full list, the hash code in the delta
// is that of the full list, all formats and encodings show the same, and the version changed exactly if the delta did.
func TestDeltaKeepsClientsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		c := newClient(f.full())
		lastVersion, lastDelta := f.Snapshot().Version(), string(f.Snapshot().Delta(eureka.JSON, false))
		for range rapid.IntRange(1, 25).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 4).Draw(rt, "operations") {
				step(rt, f)
			}
			s := f.Snapshot()
			require.Same(rt, s, f.Snapshot(), "nothing changed in between")
			full := decodeList(rt, whole(s.Full(eureka.JSON, false)))
			delta := decodeList(rt, s.Delta(eureka.JSON, false))
			require.Equal(rt, full.HashCode(), s.HashCode())
			require.Equal(rt, full.AppsHashCode, s.HashCode())
			require.Equal(rt, delta.AppsHashCode, s.HashCode())
			require.Equal(rt, strconv.FormatInt(s.Version(), 10), delta.VersionsDelta)
			c.apply(delta)
			require.Equal(rt, s.HashCode(), c.hashCode(), "%s", s.Delta(eureka.JSON, false))
			if diff := cmp.Diff(newClient(full).apps, c.apps); diff != "" {
				rt.Fatalf("the client's copy differs: %s", diff)
			}
			text := string(s.Delta(eureka.JSON, false))
			require.Equal(rt, text == lastDelta, s.Version() == lastVersion, "version %d after %d", s.Version(), lastVersion)
			lastVersion, lastDelta = s.Version(), text
			require.Equal(rt, len(full.Applications), s.Applications())
			require.Equal(rt, len(s.ApplicationNames()), s.Applications())
			require.Len(rt, ids(full), s.Instances())
			for _, format := range formats {
				require.Equal(rt, string(whole(s.Full(format, false))), string(gunzip(rt, whole(s.Full(format, true)))))
				require.Equal(rt, string(s.Delta(format, false)), string(gunzip(rt, s.Delta(format, true))))
			}
			xml, err := eureka.DecodeApplications(whole(s.Full(eureka.XML, false)), eureka.XML)
			require.NoError(rt, err)
			require.Equal(rt, full.HashCode(), xml.HashCode())
			for _, app := range delta.Applications {
				deleted := false
				for _, in := range app.Instances {
					require.False(rt, deleted && in.ActionType != eureka.Deleted, "what is deleted comes last")
					deleted = in.ActionType == eureka.Deleted
				}
			}
		}
	})
}

func TestEmptyBodies(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Epoch = 0 })
	s := f.Snapshot()
	require.Equal(t, `{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}`, string(whole(s.Full(eureka.JSON, false))))
	require.Equal(t, `{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}`, string(s.Delta(eureka.JSON, false)))
	require.Equal(t, `{"applications":{"application":[],"versions__delta":"1","apps__hashcode":""}}`, string(gunzip(t, whole(s.Full(eureka.JSONCompact, true)))))
	require.Equal(t, "<applications>\n  <versions__delta>1</versions__delta>\n  <apps__hashcode></apps__hashcode>\n</applications>", string(whole(s.Full(eureka.XML, false))))
	require.Equal(t, `<applications><versions__delta>-1</versions__delta><apps__hashcode></apps__hashcode></applications>`, string(s.VIP("nobody", true, eureka.XMLCompact, false)))
	_, ok := s.Application("NOBODY", eureka.JSON, false)
	require.False(t, ok)
}

func TestVersionsOfTwoServersDiffer(t *testing.T) {
	seen := map[int64]int64{}
	for epoch := range int64(5) {
		f := newFixture(t, func(c *Config) { c.Epoch = epoch })
		for i := range 5 {
			f.register(sample(fmt.Sprint(i)))
			v := f.Snapshot().Version()
			other, twice := seen[v]
			require.False(t, twice, "%d at epochs %d and %d", v, epoch, other)
			require.Positive(t, v)
			require.Less(t, v, int64(1)<<53, "a number in JavaScript")
			seen[v] = epoch
		}
	}
	f := newFixture(t)
	before := f.Snapshot().Version()
	f.SetEpoch(9)
	require.NotEqual(t, before, f.Snapshot().Version())
}

// While making bodies is dear, and only then, a read may be a little old.
func TestDearSnapshotsAreCoalesced(t *testing.T) {
	f := newFixture(t)
	fill(f.Registry, 2000, 50)
	first := f.Snapshot()
	require.NotSame(t, first, f.after(1), "nobody wanted a body")

	second := f.Snapshot()
	second.Full(eurekaJSON, true)
	third := f.after(1)
	require.NotSame(t, second, third, "one change is cheap")

	third.Full(eurekaJSON, true)
	require.Same(t, third, f.after(20))
	f.forward(maxStaleness)
	fourth := f.Snapshot()
	require.Equal(t, 2000, fourth.Instances())
	require.NotSame(t, third, fourth)

	fourth.Delta(eurekaJSON, true)
	fourth.Delta(eureka.XML, false)
	require.Same(t, fourth, f.after(1), "a delta of 2000 changes is dear")
	f.forward(maxStaleness)
	require.NotSame(t, fourth, f.Snapshot())
}

// after is the snapshot after n more registrations.
func (f *fixture) after(n int) *Snapshot {
	for i := range n {
		f.register(member(i*97, 50))
	}
	return f.Snapshot()
}

func TestReadsSeeWritesWithoutReadersBetween(t *testing.T) {
	f := newFixture(t)
	fill(f.Registry, 3*maxPending+7, 50)
	require.LessOrEqual(t, len(f.view.pending), maxPending)
	require.Equal(t, 3*maxPending+7, f.Snapshot().Instances())
	require.Len(t, f.full().Applications, 31)
}
