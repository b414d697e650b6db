package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzConfigFile: whatever stands in a file, it is read or refused with a mistake that names something.
func FuzzConfigFile(f *testing.F) {
	example, err := os.ReadFile("../../docs/zonekeeper.example.yaml")
	require.NoError(f, err)
	f.Add(example)
	for _, text := range []string{
		"", "peer: {heartbeat: 3s}", "peer:\n  ttl: [1, 2]\n", "peer: 3", "? [a]\n: b", "a: &x {b: *x}", "<<: {cluster: a}", "cluster: |\n  a\n  b",
		"---\ncluster: a\n---\ncluster: b\n", "\"clus\\u0074er\": x", "- a", ": :", "\t", "eureka: {peers: [http://a/eureka/, {x: y}]}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		read, wrong := parseFile("x.yaml", content)
		if wrong != nil {
			require.NotEmpty(t, wrong.Error())
			return
		}
		values, err := read.provider.Read()
		require.NoError(t, err)
		for key := range values {
			_, known := optionOf(key)
			require.True(t, known || isSection(key), key)
		}
	})
}
