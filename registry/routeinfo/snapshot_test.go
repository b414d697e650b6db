package routeinfo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindTopics(t *testing.T) {
	f := newFixture(t)
	f.register(1, brokerOf("a", 0), named("orders", "Orders-retry", "payments"))
	f.register(2, brokerOf("b", 0), named("orders", "payments"))
	f.register(3, brokerOf("a", 0), inCluster("other"), at("10.9.9.9:10911"), named("orders", "payments"))

	for _, c := range []struct {
		contains string
		limit    int
		matching int
		first    []TopicSummary
	}{
		{"", 1, 3, []TopicSummary{{"Orders-retry", 4, 4, []string{"broker-a"}}}},
		{"ORDER", 10, 2, []TopicSummary{
			{"Orders-retry", 4, 4, []string{"broker-a"}},
			{"orders", 8, 8, []string{"broker-a", "broker-b"}}, // one line for a name that two clusters have, as clients see it
		}},
		{"nothing", 10, 0, nil},
	} {
		matching, first := f.FindTopics(c.contains, c.limit)
		require.Equal(t, c.matching, matching, c.contains)
		require.Equal(t, c.first, first, c.contains)
	}

	require.NoError(t, f.DeleteTopic("payments", "", "test", f.now))
	matching, _ := f.FindTopics("", 10)
	require.Equal(t, 2, matching)
}
