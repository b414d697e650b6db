package eureka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestLeaseTimes(t *testing.T) {
	for _, tc := range []struct {
		lease    eureka.LeaseInfo
		interval time.Duration
		duration time.Duration
	}{
		{eureka.LeaseInfo{}, 30 * time.Second, 90 * time.Second},
		{eureka.LeaseInfo{RenewalIntervalInSecs: -1, DurationInSecs: -5}, 30 * time.Second, 90 * time.Second},
		{eureka.LeaseInfo{RenewalIntervalInSecs: 1, DurationInSecs: 3}, time.Second, 3 * time.Second},
		// Upstream's 32-bit milliseconds overflow here, and the instance is gone at once: 16-fields "lease 4".
		{eureka.LeaseInfo{DurationInSecs: 3_000_000}, 30 * time.Second, 3_000_000 * time.Second},
		{eureka.LeaseInfo{DurationInSecs: 1<<31 - 1}, 30 * time.Second, (1<<31 - 1) * time.Second},
	} {
		require.Equal(t, tc.interval, tc.lease.RenewalInterval())
		require.Equal(t, tc.duration, tc.lease.Duration())
	}
}
