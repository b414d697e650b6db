package registry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// FuzzContent registers whatever decodes as an instance and copies it to another server: what is kept decodes again,
// lists stay well-formed in every format, and both servers hold the same.
func FuzzContent(f *testing.F) {
	f.Add([]byte(`{"instanceId":"a","app":"ORDERS","hostName":"h","ipAddr":"10.0.0.1","status":"UP"}`))
	f.Add([]byte(`{"app":"é\u0000😀","hostName":"h\"\\<&>","overriddenStatus":"OUT_OF_SERVICE","metadata":{"":"","a b":"]]>"}}`))
	f.Add([]byte(`{"app":"A","instanceId":"x\ud83d","leaseInfo":{"durationInSecs":99999999999,"renewalIntervalInSecs":-5},"lastDirtyTimestamp":"-9"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := eureka.DecodeBareInstance(body, 1)
		if err != nil || in.App == "" || in.ID() == "" {
			return
		}
		a, b := newFixture(t), newFixture(t)
		a.register(in)
		k := Key{eureka.UpperApp(in.App), in.ID()}
		kept := a.get(k)
		require.Equal(t, Key{kept.App, kept.ID()}, k)
		require.Equal(t, Applied, b.Merge(7, a.entry(k)))
		require.Equal(t, a.Digest(), b.Digest())
		for _, format := range formats {
			list, err := eureka.DecodeApplications(whole(b.Snapshot().Full(format, false)), format)
			require.NoError(t, err, "%s", whole(b.Snapshot().Full(format, false)))
			require.Len(t, list.Applications, 1)
		}
		require.NoError(t, a.Cancel(k, FromClient))
		require.Equal(t, Applied, b.Merge(7, a.entry(k)))
		require.Equal(t, a.Snapshot().HashCode(), b.Snapshot().HashCode())
	})
}
