package eureka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestValidate(t *testing.T) {
	valid := func() *eureka.Instance {
		return &eureka.Instance{
			InstanceID: "i", HostName: "h", App: "ORDERS", IPAddr: "1",
			DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.MyOwn},
		}
	}
	for _, tc := range []struct {
		name string
		path string
		edit func(*eureka.Instance)
		want string
	}{
		{"valid", "ORDERS", func(*eureka.Instance) {}, ""},
		{"path in lower case", "orders", func(*eureka.Instance) {}, ""},
		{"id from the host name", "ORDERS", func(in *eureka.Instance) { in.InstanceID = "" }, ""},
		{"blanks count as something", "ORDERS", func(in *eureka.Instance) { in.HostName = "  " }, ""},
		{"nothing to go by", "ORDERS", func(in *eureka.Instance) { in.InstanceID, in.HostName = "", "" }, "Missing instanceId"},
		{"no host", "ORDERS", func(in *eureka.Instance) { in.HostName = "" }, "Missing hostname"},
		{"no address", "ORDERS", func(in *eureka.Instance) { in.IPAddr = "" }, "Missing ip address"},
		{"no application", "ORDERS", func(in *eureka.Instance) { in.App = "" }, "Missing appName"},
		{"another application", "billing", func(*eureka.Instance) {}, "Mismatched appName, expecting BILLING but was ORDERS"},
		{"no data center", "ORDERS", func(in *eureka.Instance) { in.DataCenterInfo = nil }, "Missing dataCenterInfo"},
		{"no name of it", "ORDERS", func(in *eureka.Instance) { in.DataCenterInfo.Name = "" }, "Missing dataCenterInfo Name"},
		{"the first fault wins", "ORDERS", func(in *eureka.Instance) { *in = eureka.Instance{HostName: "h"} }, "Missing ip address"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := valid()
			tc.edit(in)
			err := in.Validate(tc.path)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			var invalid *eureka.ValidationError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, tc.want, err.Error())
		})
	}
}

func TestValidateFillsAmazonsID(t *testing.T) {
	in := &eureka.Instance{InstanceID: "i", HostName: "h", App: "A", IPAddr: "1", DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.Amazon}}
	require.NoError(t, in.Validate("A"))
	require.Equal(t, eureka.Metadata{{"instance-id", "i"}}, in.DataCenterInfo.Metadata)

	in.DataCenterInfo.Metadata = eureka.Metadata{{"instance-id", "i-0abc"}}
	require.NoError(t, in.Validate("A"))
	require.Equal(t, eureka.Metadata{{"instance-id", "i-0abc"}}, in.DataCenterInfo.Metadata)
}
