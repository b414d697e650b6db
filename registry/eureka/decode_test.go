package eureka_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// What clients leave out, and how they misspell what they say.
func TestDecodeInstanceIsLenient(t *testing.T) {
	const dc = `"dataCenterInfo":{"name":"MyOwn"}`
	defaults := eureka.Instance{
		App: "A", Status: eureka.Up, CountryID: 1, LastDirtyTimestamp: 42,
		Port: eureka.Port{Number: 7001, Enabled: true}, SecurePort: eureka.Port{Number: 7002},
		LeaseInfo: eureka.LeaseInfo{RenewalIntervalInSecs: 30, DurationInSecs: 90},
	}
	for name, tc := range map[string]struct {
		members string
		want    func(*eureka.Instance)
	}{
		"nothing but the application": {``, func(*eureka.Instance) {}},
		"plain ports": {`,"port":80,"securePort":"443"`, func(in *eureka.Instance) {
			in.Port.Number, in.SecurePort.Number = 80, 443
		}},
		"port as text": {`,"port":{"$":"80","@enabled":false}`, func(in *eureka.Instance) { in.Port = eureka.Port{Number: 80} }},
		"port of rubbish": {`,"port":{"$":"http","x":{"y":1}},"securePort":{"$":80.9}`, func(in *eureka.Instance) {
			in.Port.Number, in.SecurePort.Number = 0, 80
		}},
		"only lower-case true is true": {`,"port":{"@enabled":"True"},"securePort":{"@enabled":"true"}`, func(in *eureka.Instance) {
			in.Port.Enabled, in.SecurePort.Enabled = false, true
		}},
		"status in lower case": {`,"status":"up","overriddenstatus":"DOWN"`, func(in *eureka.Instance) {
			in.Status, in.OverriddenStatus = eureka.Unknown, eureka.Down
		}},
		"nulls everywhere": {`,"instanceId":null,"status":null,"port":null,"countryId":null,"dataCenterInfo":null,"leaseInfo":null,` +
			`"metadata":null,"vipAddress":null,"lastDirtyTimestamp":null,"actionType":null,"isCoordinatingDiscoveryServer":null`, func(*eureka.Instance) {}},
		"timestamps": {`,"lastDirtyTimestamp":"17","lastUpdatedTimestamp":"soon"`, func(in *eureka.Instance) { in.LastDirtyTimestamp = 17 }},
		"lease":      {`,"leaseInfo":{"durationInSecs":"5","renewalIntervalInSecs":0,"x":[]}`, func(in *eureka.Instance) { in.LeaseInfo.DurationInSecs = 5 }},
		"blank and absent": {`,"vipAddress":"","asgName":"x","hostName":""`, func(in *eureka.Instance) {
			in.ASGName, in.Blank = "x", eureka.FieldVIPAddress
		}},
		"the last one wins": {`,"vipAddress":"","vipAddress":"v","app":"b"`, func(in *eureka.Instance) { in.VIPAddress, in.App = "v", "B" }},
		"unknown members":   {`,"x":{"app":"EVIL","y":[{}]},"z":1e9,"ipAddr":"1"`, func(in *eureka.Instance) { in.IPAddr = "1" }},
		"numbers as text":   {`,"sid":17,"ipAddr":true`, func(in *eureka.Instance) { in.SID, in.IPAddr = "17", "true" }},
		"data center by name": {"," + dc, func(in *eureka.Instance) {
			in.DataCenterInfo = &eureka.DataCenterInfo{Class: eureka.ClassDefault, Name: eureka.MyOwn}
		}},
		"Amazon by class, metadata first": {`,"dataCenterInfo":{"metadata":{"a":null,"b":"c"},"@class":"com.netflix.appinfo.AmazonInfo"}`, func(in *eureka.Instance) {
			in.DataCenterInfo = &eureka.DataCenterInfo{Class: eureka.ClassAmazon, Name: eureka.Amazon, Metadata: eureka.Metadata{{"b", "c"}}}
		}},
		"metadata": {`,"metadata":{"n":null,"i":12345678901234567890,"b":true,"o":{"x":1},"l":[2],"@class":"java.util.HashMap","":""}`, func(in *eureka.Instance) {
			in.Metadata = eureka.Metadata{{"n", "null"}, {"i", "12345678901234567890"}, {"b", "true"}, {"", ""}}
		}},
		"old Spring id": {`,"hostName":"h","metadata":{"instanceId":"9"}`, func(in *eureka.Instance) {
			in.HostName, in.InstanceID, in.Metadata = "h", "h:9", eureka.Metadata{{"instanceId", "9"}}
		}},
		"nobody but a server coordinates": {`,"isCoordinatingDiscoveryServer":"true"`, func(*eureka.Instance) {}},
	} {
		t.Run(name, func(t *testing.T) {
			want := defaults
			tc.want(&want)
			in, err := eureka.DecodeInstance([]byte(` { "instance" : {"app":"a"`+tc.members+`} } rubbish`), eureka.JSON, 42)
			require.NoError(t, err)
			require.Equal(t, &want, in)
		})
	}
}

func TestDecodeInstanceRefuses(t *testing.T) {
	for body, reason := range map[string]string{
		``:                                "ends early at byte 0",
		`hello`:                           "not an object",
		`[]`:                              "not an object",
		`{}`:                              "no instance at the root",
		`{"other":{}}`:                    "no instance at the root",
		`{"instance":null}`:               "not an object",
		`{"instance":{}}`:                 "app: missing",
		`{"instance":{"app":null}}`:       "app: missing",
		`{"instance":{"app":"a"}`:         "ends early",
		`{"instance":{"app":"a"},"b":1}`:  "no '}'",
		`/* c */{"instance":{"app":"a"}}`: "not an object",
		`{'instance':{'app':'a'}}`:        `no '"'`,
		`{"instance":{"app":"a","vipAddress":{}}}`:                                                "vipAddress: not a plain value",
		`{"instance":{"app":"a","port":{"$":4294967296}}}`:                                        "port: number out of range",
		`{"instance":{"app":"a","lastDirtyTimestamp":1e300}}`:                                     "lastDirtyTimestamp: number out of range",
		`{"instance":{"app":"a","metadata":"x"}}`:                                                 "metadata: not an object",
		`{"instance":{"app":"a","dataCenterInfo":{"name":"Cellar"}}}`:                             "dataCenterInfo: unknown name",
		`{"instance":{"app":"a","dataCenterInfo":{"name":"MyOwn","@class":"java.lang.Runtime"}}}`: "dataCenterInfo: unknown class",
		`{"instance":{"app":"a","dataCenterInfo":{"name":"MyOwn","rack":"7"}}}`:                   `unknown member "rack"`,
		`{"instance":{"app":"a","dataCenterInfo":{"name":"MyOwn","metadata":{"a":"b"}}}}`:         "metadata of a data center that has none",
		"{\"instance\":{\"app\":\"\xff\"}}":                                                       "app: invalid UTF-8",
		"{\"instance\":{\"app\":\"\n\"}}":                                                         "app: control character",
		`{"instance":{"app":"\x"}}`:                                                               "app: bad escape",
		`{"instance":{"app":"a","x":` + strings.Repeat("[", 70) + `}}`:                            "nested too deeply",
		`{"instance":{"app":"` + strings.Repeat("a", eureka.MaxText+1) + `"}}`:                    "app: text too long",
		`{"instance":{"app":"` + strings.Repeat("ɐ", eureka.MaxText/2) + `"}}`:                    "app: missing or too long", // grows in upper case
		`{"instance":{"app":"a","metadata":{` + strings.Repeat(`"":"",`, 9) + `}}}`:               `metadata: no '"'`,
	} {
		in, err := eureka.DecodeInstance([]byte(body), eureka.JSON, 0)
		var decode *eureka.DecodeError
		require.ErrorAs(t, err, &decode, body)
		require.ErrorContains(t, err, reason)
		require.Nil(t, in)
	}
}

func TestDecodeInstanceBoundsMetadata(t *testing.T) {
	body := func(n int) []byte {
		var text strings.Builder
		text.WriteString(`{"instance":{"app":"a","metadata":{"k":""`)
		for i := range n - 1 {
			text.WriteString(`,"` + strings.Repeat("k", i%100) + strings.Repeat("l", i/100) + `":""`)
		}
		return []byte(text.String() + `}}}`)
	}
	in, err := eureka.DecodeInstance(body(eureka.MaxMetadataEntries-1), eureka.JSON, 0)
	require.NoError(t, err)
	require.LessOrEqual(t, len(in.Metadata), eureka.MaxMetadataEntries)

	_, err = eureka.DecodeInstance(body(eureka.MaxMetadataEntries+50), eureka.JSON, 0)
	require.ErrorContains(t, err, "metadata: too many entries")
}

func TestDecodeInstanceBoundsVIPs(t *testing.T) {
	for _, field := range []string{"vipAddress", "secureVipAddress"} {
		body := func(n int) []byte {
			return []byte(`{"instance":{"app":"a","` + field + `":"` + strings.Repeat("v,", n-1) + `v"}}`)
		}
		_, err := eureka.DecodeInstance(body(eureka.MaxVIPs), eureka.JSON, 0)
		require.NoError(t, err)
		_, err = eureka.DecodeInstance(body(eureka.MaxVIPs+1), eureka.JSON, 0)
		require.ErrorContains(t, err, "vipAddress: too many addresses")
	}
}

// What a server keeps it must be able to read, even what it would not take from a client.
func TestDecodeBareInstanceKeepsWhatWasStored(t *testing.T) {
	in := &eureka.Instance{App: "A", IsCoordinatingDiscoveryServer: true, Metadata: eureka.Metadata{{"@class", "x"}}}
	in.LeaseInfo = eureka.LeaseInfo{RenewalIntervalInSecs: 30, DurationInSecs: 90}
	back, err := eureka.DecodeBareInstance(eureka.AppendInstance(nil, in, eureka.JSON, eureka.List), 42)
	require.NoError(t, err)
	require.Equal(t, in, back)
}

func TestDecodeApplicationsIsLenient(t *testing.T) {
	for name, body := range map[string]string{
		"arrays":               `{"applications":{"versions__delta":"1","apps__hashcode":"UP_1_","application":[{"name":"a","instance":[{"hostName":"h"}]}]}}`,
		"single objects":       `{"applications":{"versions__delta":1,"apps__hashcode":"UP_1_","application":{"name":"a","instance":{"hostName":"h"}}}}`,
		"other order and more": `{"applications":{"application":[{"x":{},"instance":[{"hostName":"h"}],"name":"a"}],"registeredApplicationsEmpty":false,"apps_hashcode":"UP_1_","versions_delta":"1"}}`,
	} {
		a, err := eureka.DecodeApplications([]byte(body), eureka.JSON)
		require.NoError(t, err, name)
		require.Equal(t, "1", a.VersionsDelta, name)
		require.Equal(t, "UP_1_", a.AppsHashCode, name)
		require.Equal(t, "UP_1_", a.HashCode(), name)
		require.Equal(t, "a", a.Applications[0].Name, name)
		require.Equal(t, "A", a.Applications[0].Instances[0].App, name)
	}
	a, err := eureka.DecodeApplications([]byte(`{"applications":{"application":null}}`), eureka.JSON)
	require.NoError(t, err)
	require.Empty(t, a.Applications)
}

func TestDecodeApplicationsRefuses(t *testing.T) {
	for body, reason := range map[string]string{
		`{"applications":[]}`: "not an object",
		`{"application":{}}`:  "no applications at the root",
		`{"applications":{"application":[{"instance":[{}]}]}}`:   "instance without id",
		`{"applications":{"application":[{"instance":[null]}]}}`: "not an object",
		`{"applications":{"application":[`:                       "ends early",
	} {
		_, err := eureka.DecodeApplications([]byte(body), eureka.JSON)
		require.ErrorContains(t, err, reason, body)
	}
}
