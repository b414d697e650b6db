package eureka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestDecodeXMLInstanceIsLenient(t *testing.T) {
	in, err := eureka.DecodeInstance([]byte(`<?xml version="1.0"?>
<com.netflix.appinfo.InstanceInfo>
  <future><app>EVIL</app><x/></future>
  <hostName>h</hostName><hostName></hostName>
  <status>out_of_service</status>
  <overriddenStatus>asleep</overriddenStatus>
  <port enabled="TRUE"> 80 </port>
  <securePort enabled="true">443</securePort>
  <countryId>x</countryId>
  <dataCenterInfo class="java.lang.Runtime"><name>AMAZON</name><metadata><instance-id>i-1</instance-id></metadata></dataCenterInfo>
  <leaseInfo><durationInSecs>5</durationInSecs><renewalIntervalInSecs>soon</renewalIntervalInSecs><evictionTimestamp>3</evictionTimestamp></leaseInfo>
  <metadata class="x"><a__b>1</a__b><c_-d>2</c_-d><n><m>3</m></n><a__b>4</a__b><e/></metadata>
  <vipAddress/>
  <lastDirtyTimestamp>soon</lastDirtyTimestamp>
  <lastUpdatedTimestamp>99999999999999999999</lastUpdatedTimestamp>
  <actionType>MODIFIED</actionType>
  <app>orders</app>
</com.netflix.appinfo.InstanceInfo>
rubbish`), eureka.XML, 42)
	require.NoError(t, err)
	require.Equal(t, &eureka.Instance{
		App: "ORDERS", HostName: "h", Status: eureka.OutOfService, CountryID: 1,
		Port: eureka.Port{Number: 80, Enabled: true}, SecurePort: eureka.Port{Number: 443, Enabled: true},
		DataCenterInfo: &eureka.DataCenterInfo{
			Class: eureka.ClassAmazon, Name: eureka.Amazon, Metadata: eureka.Metadata{{"instance-id", "i-1"}},
		},
		LeaseInfo:          eureka.LeaseInfo{DurationInSecs: 5, RenewalIntervalInSecs: 30, EvictionTimestamp: 3},
		Metadata:           eureka.Metadata{{"a_b", "4"}, {"c$d", "2"}, {"e", ""}},
		Blank:              eureka.FieldVIPAddress,
		LastDirtyTimestamp: 42,
		ActionType:         eureka.Modified,
	}, in)
	require.Equal(t, "i-1", in.ID())
}

func TestDecodeXMLRefuses(t *testing.T) {
	for body, reason := range map[string]string{
		`<application/>`: "no instance at the root",
		`<instance/>`:    "app: missing",
		`<instance><app>a</app><port>http</port></instance>`:                                   "port: not a number",
		`<instance><app>a</app><securePort>4294967296</securePort></instance>`:                 "securePort: not a number",
		`<instance><app>a</app><dataCenterInfo><name>myown</name></dataCenterInfo></instance>`: "dataCenterInfo: unknown name",
		`<instance><app>a</app><metadata><a>1</b></metadata></instance>`:                       "metadata: wrong end tag",
		`<instance><app>a</app>`: "ends early",
	} {
		_, err := eureka.DecodeInstance([]byte(body), eureka.XML, 0)
		var decode *eureka.DecodeError
		require.ErrorAs(t, err, &decode, body)
		require.ErrorContains(t, err, reason, body)
	}
	_, err := eureka.DecodeApplications([]byte(`<application/>`), eureka.XML)
	require.ErrorContains(t, err, "no applications at the root")
	_, err = eureka.DecodeApplications([]byte(`<applications><application><instance/></application></applications>`), eureka.XML)
	require.ErrorContains(t, err, "instance without id")
	_, err = eureka.DecodeApplication([]byte(`<applications/>`), eureka.XML)
	require.ErrorContains(t, err, "no application at the root")
}
