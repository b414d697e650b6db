package registry

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestJoinIsOneGzipMember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pieces []deflated
		var plain []byte
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			text := rapid.SliceOfN(rapid.ByteRange('a', 'd'), 0, 3000).Draw(t, "text")
			plain = append(plain, text...)
			if rapid.Bool().Draw(t, "stored") {
				pieces = append(pieces, stored(text))
			} else {
				pieces = append(pieces, deflate(text))
			}
		}
		body := join(pieces)
		in := bytes.NewReader(body)
		z, err := gzip.NewReader(in)
		require.NoError(t, err)
		z.Multistream(false)
		var got bytes.Buffer
		_, err = got.ReadFrom(z) // checks length and CRC
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got.Bytes()))
		require.Zero(t, in.Len(), "nothing after the member")
	})
}

func TestShiftMovesChecksums(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		a, b := make([]byte, rnd.IntN(200_000)), make([]byte, rnd.IntN(200_000))
		for i := range a {
			a[i] = byte(rnd.Uint32())
		}
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		joined := multiply(shiftOf(len(b)), crc32.ChecksumIEEE(a)) ^ crc32.ChecksumIEEE(b)
		require.Equal(t, crc32.ChecksumIEEE(append(a, b...)), joined)
	}
	require.Equal(t, one, shiftOf(0))
}

func TestSegmentsCompressNearlyAsWell(t *testing.T) {
	f := newFixture(t)
	fill(f.Registry, 2000, 50)
	body := f.Snapshot().Full(eurekaJSON, true)
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	_, err := z.Write(f.Snapshot().Full(eurekaJSON, false))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	t.Logf("%d bytes in segments, %d compressed whole at level 6", len(body), whole.Len())
	require.Less(t, float64(len(body)), 1.15*float64(whole.Len()))
}
