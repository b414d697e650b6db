package eureka_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// The zero instance leaves out what is absent and writes upstream's defaults for a lease.
func TestAppendZeroInstance(t *testing.T) {
	in := &eureka.Instance{}
	want := `{"status":"UNKNOWN","overriddenStatus":"UNKNOWN","port":{"$":0,"@enabled":"false"},"securePort":{"$":0,"@enabled":"false"},` +
		`"countryId":0,"leaseInfo":{"renewalIntervalInSecs":30,"durationInSecs":90,"registrationTimestamp":0,` +
		`"lastRenewalTimestamp":0,"evictionTimestamp":0,"serviceUpTimestamp":0},` +
		`"metadata":{"@class":"java.util.Collections$EmptyMap"},"isCoordinatingDiscoveryServer":"false",` +
		`"lastUpdatedTimestamp":"0","lastDirtyTimestamp":"0"}`
	require.Equal(t, want, string(eureka.AppendInstance(nil, in, eureka.JSON, eureka.List)))
	want = `{"status":"UNKNOWN","lastUpdatedTimestamp":0,"port":{"$":0,"@enabled":"false"},"securePort":{"$":0,"@enabled":"false"}}`
	require.Equal(t, want, string(eureka.AppendInstance(nil, in, eureka.JSONCompact, eureka.List)))
}

func TestSIDThatNobodyChose(t *testing.T) {
	for sid, shown := range map[string]bool{"": false, "na": false, "unknown": false, "17": true} {
		in := &eureka.Instance{SID: sid}
		require.Equal(t, shown, strings.Contains(string(eureka.AppendInstance(nil, in, eureka.JSON, eureka.List)), `"sid"`), sid)
		require.Equal(t, shown, strings.Contains(string(eureka.AppendInstance(nil, in, eureka.XML, eureka.List)), `<sid>`), sid)
	}
}

// Beyond what is recorded: XStream escapes what Java calls undefined, Jackson what XML cannot hold.
func TestXMLText(t *testing.T) {
	in := &eureka.Instance{App: "A", VIPAddress: "<&>\"'\t\n\r\x00\x7f\u0085\u0378\ufffe😀]]>"}
	full := string(eureka.AppendInstance(nil, in, eureka.XML, eureka.List))
	require.Contains(t, full, "\n      <vipAddress>&lt;&amp;&gt;&quot;&apos;\t\n&#xd;&#x0;&#x7f;&#x85;&#x378;&#xfffe;😀]]&gt;</vipAddress>\n")
	compact := string(eureka.AppendInstance(nil, in, eureka.XMLCompact, eureka.List))
	require.Contains(t, compact, "<vipAddress>&lt;&amp;>\"'\t\n&#xd;&#x0;\x7f\u0085\u0378&#xfffe;😀]]&gt;</vipAddress>")
}

func TestXMLLeavesOutWhatHasNoName(t *testing.T) {
	in := &eureka.Instance{App: "A", Metadata: eureka.Metadata{{"", "x"}}}
	require.Contains(t, string(eureka.AppendInstance(nil, in, eureka.XML, eureka.List)), `<metadata class="java.util.Collections$EmptyMap"/>`)
	in.Metadata = in.Metadata.Set("k", "v")
	require.Contains(t, string(eureka.AppendInstance(nil, in, eureka.XML, eureka.List)), "<metadata>\n        <k>v</k>\n      </metadata>")
}

// XML lists are XML to everybody (control characters apart, which upstream writes all the same).
func TestXMLIsWellFormed(t *testing.T) {
	in := &eureka.Instance{
		App: "A", HostName: "h", Metadata: eureka.Metadata{{"1 b", "<&>"}, {"_", "é😀"}},
		DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.Amazon, Metadata: eureka.Metadata{{"instance-id", "i"}}},
	}
	a := &eureka.Applications{VersionsDelta: "1", Applications: []*eureka.Application{{Name: "A", Instances: []*eureka.Instance{in, in}}, {Name: "B"}}}
	for _, f := range []eureka.Format{eureka.XML, eureka.XMLCompact} {
		d := xml.NewDecoder(strings.NewReader(string(eureka.AppendApplications(nil, a, f))))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
		}
	}
}

func TestAppendKeepsWhatStandsBefore(t *testing.T) {
	in := &eureka.Instance{App: "A", HostName: "h"}
	app := &eureka.Application{Name: "A", Instances: []*eureka.Instance{in}}
	for f := range eureka.Format(eureka.NumFormats) {
		alone := eureka.AppendInstanceDocument(nil, in, f, eureka.List)
		require.Equal(t, "before"+string(alone), string(eureka.AppendInstanceDocument([]byte("before"), in, f, eureka.List)))
		alone = eureka.AppendApplicationDocument(nil, app, f)
		require.Equal(t, "before"+string(alone), string(eureka.AppendApplicationDocument([]byte("before"), app, f)))
	}
}
