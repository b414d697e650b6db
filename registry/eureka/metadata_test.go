package eureka_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestMetadata(t *testing.T) {
	var m eureka.Metadata
	_, ok := m.Get("a")
	require.False(t, ok)

	m = m.Set("a", "1").Set("b", "2").Set("a", "3")
	require.Equal(t, eureka.Metadata{{"a", "3"}, {"b", "2"}}, m)

	c := m.Clone().Set("b", "4")
	v, ok := m.Get("b")
	require.True(t, ok)
	require.Equal(t, "2", v)
	v, _ = c.Get("b")
	require.Equal(t, "4", v)
	require.Nil(t, eureka.Metadata(nil).Clone())
}

// As in the reference's hash table the last value of a key wins, in short lists as in long ones.
func TestMetadataKeysAreUnique(t *testing.T) {
	for _, n := range []int{2, 100} {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"k%d":"first"`, i))
		}
		members = append(members, `"k0":"last"`, `"k1":"last"`)
		in, err := eureka.DecodeBareInstance([]byte(`{"app":"A","metadata":{`+strings.Join(members, ",")+`}}`), 0)
		require.NoError(t, err)
		require.Len(t, in.Metadata, n)
		require.Equal(t, eureka.MetadataEntry{Key: "k0", Value: "last"}, in.Metadata[0])
		require.Equal(t, eureka.MetadataEntry{Key: "k1", Value: "last"}, in.Metadata[1])
	}
}
