package peerstore_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestPhaseLiving(t *testing.T) {
	for phase, living := range map[peerstore.Phase]bool{
		peerstore.PhaseJoining: true, peerstore.PhaseServing: true, peerstore.PhaseDraining: true, "of a later release": true,
		peerstore.PhaseLeft: false, peerstore.PhaseExpired: false, peerstore.PhaseSuperseded: false, peerstore.PhaseEvicted: false, "": false,
	} {
		require.Equal(t, living, phase.Living(), string(phase))
	}
}

func TestBaseURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://10.0.0.1:8761/eureka/":         "http://10.0.0.1:8761",
		"https://user:secret@host/eureka/?x=y": "https://host",
		"http://[::1]:8761":                    "http://[::1]:8761",
		"ftp://host/":                          "",
		"host:8761":                            "",
		"/eureka/":                             "",
		"http://%zz/":                          "",
		"":                                     "",
	} {
		require.Equal(t, want, peerstore.BaseURL(in), in)
	}
}

func TestOrderIsStable(t *testing.T) {
	peer := func(epoch int64, url string) peerstore.Peer {
		return peerstore.Peer{ID: url, Epoch: epoch, Addresses: peerstore.Addresses{Eureka: url}}
	}
	want := []peerstore.Peer{peer(3, "http://z/"), peer(7, "http://a/"), peer(-5, "http://b/"), peer(-9, "http://c/"), peer(0, "http://d/")}
	got := slices.Clone(want)
	slices.Reverse(got)
	peerstore.SortPeers(got)
	require.Equal(t, want, got, "by epoch, those without a row last and by address")
}
