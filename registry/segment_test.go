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
			before := plain[rapid.IntRange(0, len(plain)).Draw(t, "known from"):]
			if rapid.Bool().Draw(t, "stored") {
				pieces = append(pieces, stored(text))
			} else {
				pieces = append(pieces, deflate(text, before))
			}
			plain = append(plain, text...)
		}
		if len(pieces) > 0 && rapid.Bool().Draw(t, "some joined") {
			n := rapid.IntRange(0, len(pieces)).Draw(t, "joined")
			pieces = append([]deflated{join(pieces[:n])}, pieces[n:]...)
		}
		body := whole(stream(pieces))
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
	body := whole(f.Snapshot().Full(eurekaJSON, true))
	var single bytes.Buffer
	z := gzip.NewWriter(&single)
	_, err := z.Write(whole(f.Snapshot().Full(eurekaJSON, false)))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	t.Logf("%d bytes in segments, %d compressed whole at level 6", len(body), single.Len())
	require.Less(t, float64(len(body)), 1.08*float64(single.Len()))
}
