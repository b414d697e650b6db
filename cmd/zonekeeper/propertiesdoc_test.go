package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

// The table of namesrv.properties in docs/operations.md has every key, and says what becomes of it.
func TestPropertiesInTheDocument(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(document), "checked by TestPropertiesInTheDocument -->\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	keys := regexp.MustCompile("`([A-Za-z.]+)`")
	var documented []string
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(row, " | ")
		require.Len(t, cells, 2, row)
		for _, match := range keys.FindAllStringSubmatch(cells[0], -1) {
			key := match[1]
			documented = append(documented, key)
			// With each kind of value; of which one is good, and not the default.
			var notices []namesrv.Notice
			var refusals []string
			accepted := false
			for _, value := range []string{"true", "false", "17", "text", "enforcing", "optional"} {
				_, n, err := namesrv.ParseSettings([]byte(key + "=" + value))
				if err != nil {
					refusals = append(refusals, err.Error())
					continue
				}
				accepted = accepted || len(n) == 0
				notices = append(notices, n...)
			}
			for _, n := range notices {
				require.NotContains(t, n.Reason, "no such key", key)
			}
			switch says := cells[1]; {
			case strings.HasPrefix(says, "honoured"):
				require.Empty(t, notices, key)
				require.True(t, accepted || strings.HasPrefix(key, "tls."), "%s: %v", key, refusals)
			case strings.HasPrefix(says, "no effect"):
				require.NotEmpty(t, notices, key)
			case strings.HasPrefix(says, "refused"):
				require.Empty(t, notices, key)
				require.NotEmpty(t, refusals, key)
			default:
				t.Fatalf("%s: %q says nothing of the three", key, says)
			}
		}
	}
	slices.Sort(documented)
	require.Equal(t, slices.Compact(slices.Clone(documented)), documented, "each key once")
	require.Len(t, documented, reflect.TypeFor[namesrv.Settings]().NumField(), "every key")
}
