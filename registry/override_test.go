package registry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestDecide(t *testing.T) {
	none, cleared := Override{}, Override{Counter: 2}
	out := Override{Counter: 1, Status: eureka.OutOfService}
	ended := out.end(1)
	for _, row := range []struct {
		said eureka.Status
		word Override
		want eureka.Status
	}{
		{eureka.Up, none, eureka.Up},
		{eureka.OutOfService, none, eureka.OutOfService},
		{eureka.Up, out, eureka.OutOfService},
		{eureka.OutOfService, Override{Counter: 1, Status: eureka.Up}, eureka.Up},
		{eureka.Up, Override{Counter: 1, Status: eureka.Down}, eureka.Down},
		{eureka.Down, out, eureka.Down},
		{eureka.Starting, out, eureka.Starting},
		{eureka.Unknown, out, eureka.Unknown},
		{eureka.Up, cleared, eureka.Up},
		{eureka.Up, ended, eureka.Up},
	} {
		require.Equal(t, row.want, decide(row.said, row.word), "%v under %v", row.said, row.word)
	}
}

func TestKeep(t *testing.T) {
	for _, row := range []struct {
		said, shown eureka.Status
		found       bool
		origin      Origin
		want        eureka.Status
	}{
		{eureka.Up, eureka.Unknown, false, FromClient, eureka.Up},
		{eureka.OutOfService, eureka.Up, true, FromClient, eureka.Up},
		{eureka.Up, eureka.OutOfService, true, FromClient, eureka.OutOfService},
		{eureka.Up, eureka.OutOfService, true, FromJavaPeer, eureka.Up},
		{eureka.Down, eureka.Up, true, FromClient, eureka.Down},
		{eureka.Up, eureka.Down, true, FromClient, eureka.Up},
		{eureka.Up, eureka.Unknown, true, FromClient, eureka.Up},
	} {
		require.Equal(t, row.want, keep(row.said, row.shown, row.found, row.origin), "%+v", row)
	}
}

func TestOverrideOrder(t *testing.T) {
	first := Override{}.set(eureka.OutOfService, 3)
	ascending := []Override{{}, Override{}.end(1), first, first.end(1), first.end(3).set(eureka.Up, 1), first.set(eureka.Unknown, 2)}
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, i > j, a.Compare(b) > 0, "%v and %v", a, b)
		}
	}
	require.Equal(t, Override{Counter: 2, Epoch: 9, Status: eureka.Down}, first.set(eureka.Down, 9))
	require.Equal(t, eureka.Unknown, first.end(9).InForce())
}
