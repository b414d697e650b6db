package peerstore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

var savedList = peerstore.SavedList{
	Cluster: "test", ClusterUUID: "u", Timeline: "00000001", Version: 7, SavedAt: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
	Peers: []peerstore.Peer{{
		ID: "a", Cluster: "test", Epoch: 3, Phase: peerstore.PhaseServing, NamesrvPhase: peerstore.PhaseDraining,
		Addresses: peerstore.Addresses{Eureka: "http://a:8761/eureka/", Namesrv: "10.0.0.1:9876"},
		Region:    "r", Zone: "z", Host: "h", Version: "v", ProtoMin: 1, ProtoMax: 1, Reachable: true,
	}},
}

func TestDiskCacheRoundTrip(t *testing.T) {
	c := peerstore.NewDiskCache(filepath.Join(t.TempDir(), "test", "host_8761"))
	_, err := c.LoadList("test", time.Now())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = c.LoadSecret("test")
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, c.SaveList(savedList))
	got, err := c.LoadList("test", savedList.SavedAt.Add(6*24*time.Hour))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(savedList, got))
	_, err = c.LoadList("test", savedList.SavedAt.Add(8*24*time.Hour))
	require.ErrorIs(t, err, peerstore.ErrBadCache)
	_, err = c.LoadList("test", savedList.SavedAt.Add(-time.Hour))
	require.NoError(t, err, "a clock set back does no harm")

	secret := peerstore.SavedSecret{Cluster: "test", ClusterUUID: "u", Secret: []byte{1, 2, 3}}
	require.NoError(t, c.SaveSecret(secret))
	gotSecret, err := c.LoadSecret("test")
	require.NoError(t, err)
	require.Equal(t, secret, gotSecret)
	_, err = c.LoadSecret("prod")
	require.ErrorIs(t, err, peerstore.ErrBadCache)
	require.NoError(t, c.SaveSecret(peerstore.SavedSecret{Cluster: "test"}))
	_, err = c.LoadSecret("test")
	require.ErrorIs(t, err, peerstore.ErrBadCache)

	files, err := os.ReadDir(c.Dir())
	require.NoError(t, err)
	require.Len(t, files, 2, "no temporary file stays")
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestDiskCacheThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	c := peerstore.NewDiskCache(filepath.Join(file, "below"))
	require.Error(t, c.SaveList(savedList))
	_, err := c.LoadList("test", time.Now())
	require.Error(t, err)
}

func FuzzDecodeList(f *testing.F) {
	good, err := peerstore.AppendList(nil, savedList)
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("{}\ncrc32c b7afbc92\n"))
	f.Add([]byte("{\"peers\":[{}]}\ncrc32c 00000000\n"))
	f.Add([]byte("\ncrc32c 00000000\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := peerstore.DecodeList(text)
		if err != nil {
			require.ErrorIs(t, err, peerstore.ErrBadCache)
			return
		}
		again, err := peerstore.AppendList(nil, l)
		require.NoError(t, err)
		back, err := peerstore.DecodeList(again)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(l, back))
	})
}

func FuzzDecodeIdentity(f *testing.F) {
	f.Add([]byte(`{"cluster":"c","clusterUuid":"u","peerId":"p","epoch":3,"phase":"serving","eurekaUrl":"http://a/eureka/","protocol":1}`))
	f.Add([]byte(`{"cluster":"c","peerId":"p","epoch":-3,"later":[1,2,{"x":null}]}`))
	f.Add([]byte(`{"cluster":1}`))
	f.Add([]byte(`<html>`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, text []byte) {
		id, err := peerstore.DecodeIdentity(text)
		if err != nil {
			require.Zero(t, id)
			return
		}
		require.NotEmpty(t, id.PeerID)
		require.NotEmpty(t, id.Cluster)
		require.LessOrEqual(t, len(id.PeerID), 256)
	})
}

func FuzzDecodeAnnouncement(f *testing.F) {
	f.Add([]byte(`{"clusterUuid":"u","peer":{"id":"p","cluster":"c","epoch":-3,"phase":"joining","addresses":{"eureka":"http://a:1/eureka/"}}}`))
	f.Add([]byte(`{"peer":{"id":"p","cluster":"c","addresses":{"eureka":"ftp://a"}}}`))
	f.Add([]byte(`{"peer":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := peerstore.DecodeAnnouncement(text)
		if err != nil {
			require.ErrorIs(t, err, peerstore.ErrBadAnnouncement)
			return
		}
		require.NotEmpty(t, a.Peer.ID)
		require.NotEmpty(t, a.Peer.BaseURL())
	})
}
