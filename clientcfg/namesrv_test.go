package clientcfg_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// withNamesrvs is a list with a server for each pair of an address and a phase.
func withNamesrvs(pairs ...[2]string) clientcfg.ServerList {
	l := clientcfg.ServerList{Cluster: "shop"}
	for i, p := range pairs {
		l.Servers = append(l.Servers, clientcfg.Server{URL: server(string(rune('a' + i))), Namesrv: p[0], NamesrvPhase: p[1]})
	}
	return l
}

func TestNamesrvAddr(t *testing.T) {
	for name, tc := range map[string]struct {
		list clientcfg.ServerList
		want string
	}{
		"none": {three, ""},
		"in order of address, each once": {
			withNamesrvs([2]string{"10.0.0.10:9876", "serving"}, [2]string{"[2001:db8::1]:9876", "serving"}, [2]string{"10.0.0.9:9876", "serving"}, [2]string{"10.0.0.9:9876", "serving"}),
			"10.0.0.9:9876;10.0.0.10:9876;[2001:db8::1]:9876",
		},
		"who joins or drains is not used": {
			withNamesrvs([2]string{"10.0.0.1:9876", "joining"}, [2]string{"10.0.0.2:9876", "serving"}, [2]string{"10.0.0.3:9876", "draining"}, [2]string{"10.0.0.4:9876", ""}),
			"10.0.0.2:9876",
		},
		"the cluster's own list goes first": {
			clientcfg.ServerList{Servers: withNamesrvs([2]string{"10.0.0.1:9876", "draining"}, [2]string{"10.0.0.2:9876", "serving"}).Servers, Namesrv: []string{"10.0.0.3:9876", "ns.example:1", "10.0.0.1:9876", "10.0.0.3:9876"}},
			"10.0.0.1:9876;10.0.0.3:9876",
		},
		"who joins may know half":         {withNamesrvs([2]string{"10.0.0.1:9876", "joining"}), ""},
		"a phase of a later release":      {withNamesrvs([2]string{"10.0.0.1:9876", "resting"}, [2]string{"10.0.0.2:9876", "serving"}), "10.0.0.2:9876"},
		"what clients refuse is left out": {withNamesrvs([2]string{"ns.example:9876", "serving"}, [2]string{"10.0.0.2:9876", "serving"}), "10.0.0.2:9876"},
	} {
		require.Equal(t, tc.want, tc.list.NamesrvAddr(), name)
		decoded, err := clientcfg.DecodeServerList(tc.list.Render(clientcfg.JSON, ""))
		require.NoError(t, err, name)
		require.Equal(t, tc.want, decoded.NamesrvAddr(), name)
	}
}

func TestNamesrvAddrs(t *testing.T) {
	for raw, want := range map[string]string{
		"10.0.0.1:9876":         "10.0.0.1:9876",
		"[::ffff:10.0.0.1]:987": "10.0.0.1:987",
		"[2001:DB8:0::1]:9876":  "[2001:db8::1]:9876",
		"host:9876":             "", "10.0.0.1": "", "10.0.0.1:": "", "10.0.0.1:0": "", "10.0.0.1:65536": "", "0.0.0.0:9876": "", "[::]:9876": "",
		"[fe80::1%eth0]:9876": "", "224.0.0.1:9876": "", "2001:db8::1:9876": "", "10.0.0.1:9876\n": "", "10.0.0.1:9876;10.0.0.2:9876": "", "http://10.0.0.1:9876": "", "": "",
	} {
		require.Equal(t, want, strings.Join(clientcfg.NamesrvAddrs([]string{raw}), ";"), "%q", raw)
		l, err := withNamesrvs([2]string{raw, "serving"}).Normalize()
		require.NoError(t, err, "a client keeps its Eureka servers whatever is said about name servers")
		require.Equal(t, want, l.Servers[0].Namesrv)
		require.Equal(t, want != "", l.Servers[0].NamesrvPhase != "")
	}
	rapid.Check(t, func(t *rapid.T) {
		addrs := []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.2:2", "[::1]:1"}
		require.Equal(t, addrs, clientcfg.NamesrvAddrs(rapid.Permutation(append(addrs, addrs[1], "x")).Draw(t, "raw")))
	})
}

// A change of the name servers is a change of the list, and nothing else about them is.
func TestEqualCoversNamesrvs(t *testing.T) {
	one := withNamesrvs([2]string{"10.0.0.1:9876", "serving"}, [2]string{"10.0.0.2:9876", "joining"})
	require.True(t, one.Equal(withNamesrvs([2]string{"10.0.0.1:9876", "serving"}, [2]string{"", ""})), "clients are sent to the same places")
	require.False(t, one.Equal(withNamesrvs([2]string{"10.0.0.1:9876", "serving"}, [2]string{"10.0.0.2:9876", "serving"})))
	require.False(t, one.Equal(withNamesrvs([2]string{"10.0.0.3:9876", "serving"}, [2]string{"10.0.0.2:9876", "joining"})))
	same := withNamesrvs([2]string{"", ""}, [2]string{"", ""})
	same.Namesrv = []string{"10.0.0.1:9876"}
	require.True(t, one.Equal(same), "wherever the list says it")
	require.NotEqual(t, one.ETag(), withNamesrvs([2]string{"10.0.0.1:9876", "serving"}, [2]string{"", ""}).ETag(), "the tag is of the whole content")
}

func TestClientNeverForgetsItsNamesrvs(t *testing.T) {
	var list clientcfg.ServerList
	path := filepath.Join(t.TempDir(), "servers.list")
	c := clientcfg.New(clientcfg.Sources(&database{list: func() clientcfg.ServerList { return list }}, clientcfg.NewFileSource(path)), clientcfg.Config{Cluster: "shop"})
	var heard []string
	c.OnChange(func(clientcfg.ServerList) { heard = append(heard, c.NamesrvAddr()) })
	require.Empty(t, c.NamesrvAddr())
	require.Empty(t, c.Namesrvs())

	for _, step := range []struct {
		list clientcfg.ServerList
		want string
	}{
		{withNamesrvs([2]string{"", ""}), ""},
		{withNamesrvs([2]string{"10.0.0.1:9876", "joining"}), ""}, // not told: nothing to use
		{withNamesrvs([2]string{"10.0.0.1:9876", "serving"}), "10.0.0.1:9876"},
		{withNamesrvs([2]string{"10.0.0.1:9876", "serving"}, [2]string{"10.0.0.2:9876", "serving"}), "10.0.0.1:9876;10.0.0.2:9876"},
		{withNamesrvs([2]string{"10.0.0.1:9876", "draining"}, [2]string{"10.0.0.2:9876", "serving"}), "10.0.0.2:9876"},
		{withNamesrvs([2]string{"", ""}, [2]string{"", ""}), "10.0.0.2:9876"},
		{withNamesrvs([2]string{"", ""}, [2]string{"10.0.0.3:9876", "serving"}), "10.0.0.3:9876"},
	} {
		list = step.list
		changed := c.Changed()
		require.NoError(t, c.Refresh(t.Context()))
		require.Equal(t, step.want, c.NamesrvAddr())
		select {
		case <-changed:
			require.Equal(t, step.want, heard[len(heard)-1], "known when the callback runs")
		default:
			require.Empty(t, step.want)
		}
	}
	require.Len(t, heard, 6)

	again := clientcfg.New(clientcfg.NewFileSource(path), clientcfg.Config{})
	require.NoError(t, again.Refresh(context.Background()))
	require.Equal(t, "10.0.0.3:9876", again.NamesrvAddr(), "the file keeps them for the next start")

	addrs := c.Namesrvs()
	addrs[0] = "changed"
	require.Equal(t, "10.0.0.3:9876", c.NamesrvAddr(), "the slice is the caller's")
}
