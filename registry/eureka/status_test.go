package eureka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestStatusNames(t *testing.T) {
	var zero eureka.Status
	require.Equal(t, eureka.Unknown, zero)
	for s, name := range map[eureka.Status]string{
		eureka.Unknown: "UNKNOWN", eureka.Up: "UP", eureka.Down: "DOWN",
		eureka.Starting: "STARTING", eureka.OutOfService: "OUT_OF_SERVICE",
	} {
		require.Equal(t, name, s.String())
		got, ok := eureka.ParseStatus(name)
		require.True(t, ok)
		require.Equal(t, s, got)
	}
	require.Equal(t, "UNKNOWN", eureka.Status(200).String())
	for _, name := range []string{"", "up", "Up", " UP", "SLEEPING"} {
		_, ok := eureka.ParseStatus(name)
		require.False(t, ok, name)
	}
}

func TestActionTypeNames(t *testing.T) {
	require.Equal(t, []string{"", "ADDED", "MODIFIED", "DELETED", ""}, []string{
		eureka.NoAction.String(), eureka.Added.String(), eureka.Modified.String(), eureka.Deleted.String(), eureka.ActionType(9).String(),
	})
}
