package eureka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestHashCode(t *testing.T) {
	for want, counts := range map[string][eureka.NumStatuses]int{
		"":                              {},
		"UP_1_":                         {eureka.Up: 1},
		"DOWN_2_OUT_OF_SERVICE_1_UP_7_": {eureka.Up: 7, eureka.OutOfService: 1, eureka.Down: 2},
		"DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UNKNOWN_1_UP_1_": {1, 1, 1, 1, 1},
		"UP_1234567890_": {eureka.Up: 1234567890},
	} {
		require.Equal(t, want, eureka.HashCode(counts))
	}
}

func TestHashCodeOfApplications(t *testing.T) {
	a := eureka.Applications{AppsHashCode: "not looked at", Applications: []*eureka.Application{
		{Name: "A", Instances: []*eureka.Instance{{Status: eureka.Up}, {Status: eureka.Down}}},
		{Name: "B", Instances: []*eureka.Instance{{Status: eureka.Up}, {}}},
		{Name: "C"},
	}}
	require.Equal(t, "DOWN_1_UNKNOWN_1_UP_2_", a.HashCode())
	require.Empty(t, (&eureka.Applications{}).HashCode())
}
