package eureka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestID(t *testing.T) {
	amazon := &eureka.DataCenterInfo{Name: eureka.Amazon, Metadata: eureka.Metadata{{"instance-id", "i-1"}}}
	for _, tc := range []struct {
		name string
		in   eureka.Instance
		want string
	}{
		{"its own", eureka.Instance{InstanceID: "a", HostName: "h", DataCenterInfo: amazon}, "a"},
		{"Amazon's", eureka.Instance{HostName: "h", DataCenterInfo: amazon}, "i-1"},
		{"not of others", eureka.Instance{HostName: "h", DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.MyOwn, Metadata: amazon.Metadata}}, "h"},
		{"Amazon without", eureka.Instance{HostName: "h", DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.Amazon}}, "h"},
		{"none", eureka.Instance{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, tc.in.ID()) })
	}
}

func TestCloneSharesNothing(t *testing.T) {
	in := &eureka.Instance{
		App: "A", Metadata: eureka.Metadata{{"k", "v"}},
		DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.Amazon, Metadata: eureka.Metadata{{"instance-id", "i"}}},
	}
	c := in.Clone()
	require.Equal(t, in, c)
	c.Metadata.Set("k", "changed")
	c.DataCenterInfo.Metadata.Set("instance-id", "changed")
	c.DataCenterInfo.Name = eureka.Netflix
	require.Equal(t, eureka.Metadata{{"k", "v"}}, in.Metadata)
	require.Equal(t, eureka.Metadata{{"instance-id", "i"}}, in.DataCenterInfo.Metadata)
	require.Equal(t, eureka.Amazon, in.DataCenterInfo.Name)
	require.Nil(t, (&eureka.Instance{}).Clone().DataCenterInfo)
}

func TestUpperApp(t *testing.T) {
	for from, want := range map[string]string{
		"": "", "ORDERS-1": "ORDERS-1", "orders": "ORDERS", "ордер": "ОРДЕР", "中": "中", "istanbul": "ISTANBUL",
		"straße": "STRASSE",
	} {
		require.Equal(t, want, eureka.UpperApp(from))
	}
}
