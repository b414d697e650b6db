package peerstore_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

func TestDigestTravelsWhole(t *testing.T) {
	for digest, text := range map[peerstore.Digest]string{
		0: `"0000000000000000"`, 0xfeed: `"000000000000feed"`, math.MaxUint64: `"ffffffffffffffff"`,
	} {
		got, err := json.Marshal(digest)
		require.NoError(t, err)
		require.JSONEq(t, text, string(got))
		var back peerstore.Digest
		require.NoError(t, json.Unmarshal(got, &back))
		require.Equal(t, digest, back)
	}
	var d peerstore.Digest
	require.ErrorContains(t, json.Unmarshal([]byte(`"no digest"`), &d), "not a hex number")
}
