package remoting

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Eight bytes at a time find what one at a time finds.
func TestPlainEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		odd := rapid.SampledFrom([]byte{0, 1, 0x1f, ' ', '!', '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xff, 'a', 'a', 'a', 'a', 'a', 'a', 'a'})
		b := rapid.SliceOfN(odd, 0, 40).Draw(t, "b")
		from := rapid.IntRange(0, len(b)).Draw(t, "from")
		want := from
		for want < len(b) && verbatim[b[want]] {
			want++
		}
		require.Equal(t, want, plainEnd(b, from))
	})
}
