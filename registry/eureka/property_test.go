package eureka_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// texts are what clients send, and what nobody should: controls, quotes, all planes of Unicode.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"orders", "10.0.0.1", "http://h:8080/?a=1&b=\"2\"'", "line1\nline2\r\n\ttab", "\x00\x01\x1f\x7f\u0085", "<a>]]></a>",
			"é中😀", "\\u0041", "_x_", "$", "a b", "&amp;&#1;", "\ufffd\uffff\ufffe", "\u2028", "💩\U0010ffff", "a:b-c.d", "1",
		}),
		rapid.String(),
	)
}

// instances are all instances that decoding can bring forth.
func instances() *rapid.Generator[*eureka.Instance] {
	return rapid.Custom(func(t *rapid.T) *eureka.Instance {
		in := &eureka.Instance{
			App:              eureka.UpperApp(texts().Draw(t, "app")),
			HostName:         texts().Draw(t, "hostName"),
			Status:           statuses().Draw(t, "status"),
			OverriddenStatus: statuses().Draw(t, "overriddenStatus"),
			Port:             ports().Draw(t, "port"),
			SecurePort:       ports().Draw(t, "securePort"),
			CountryID:        int(rapid.Int32().Draw(t, "countryId")),
			DataCenterInfo:   dataCenters().Draw(t, "dataCenterInfo"),
			LeaseInfo: eureka.LeaseInfo{
				RenewalIntervalInSecs: rapid.IntRange(1, 1<<31-1).Draw(t, "renewalInterval"),
				DurationInSecs:        rapid.IntRange(1, 1<<31-1).Draw(t, "duration"),
				RegistrationTimestamp: rapid.Int64().Draw(t, "registration"),
				LastRenewalTimestamp:  rapid.Int64().Draw(t, "lastRenewal"),
				EvictionTimestamp:     rapid.Int64().Draw(t, "eviction"),
				ServiceUpTimestamp:    rapid.Int64().Draw(t, "serviceUp"),
			},
			Metadata:                      metadata().Draw(t, "metadata"),
			IsCoordinatingDiscoveryServer: rapid.Bool().Draw(t, "coordinating"),
			LastUpdatedTimestamp:          rapid.Int64().Draw(t, "lastUpdated"),
			LastDirtyTimestamp:            rapid.Int64().Draw(t, "lastDirty"),
			ActionType:                    eureka.ActionType(rapid.IntRange(0, 3).Draw(t, "actionType")),
		}
		if in.App == "" {
			in.Blank |= eureka.FieldApp
		}
		for _, f := range []struct {
			to   *string
			mark eureka.Fields
		}{
			{&in.InstanceID, eureka.FieldInstanceID}, {&in.IPAddr, eureka.FieldIPAddr}, {&in.SID, eureka.FieldSID},
			{&in.AppGroupName, eureka.FieldAppGroupName}, {&in.HomePageURL, eureka.FieldHomePageURL},
			{&in.StatusPageURL, eureka.FieldStatusPageURL}, {&in.HealthCheckURL, eureka.FieldHealthCheckURL},
			{&in.SecureHealthCheckURL, eureka.FieldSecureHealthCheckURL}, {&in.VIPAddress, eureka.FieldVIPAddress},
			{&in.SecureVIPAddress, eureka.FieldSecureVIPAddress}, {&in.ASGName, eureka.FieldASGName},
		} {
			*f.to = rapid.OneOf(rapid.Just(""), texts()).Draw(t, "text")
			if *f.to == "" && rapid.Bool().Draw(t, "blank") {
				in.Blank |= f.mark
			}
		}
		in.AppGroupName = eureka.UpperApp(in.AppGroupName)
		return in
	})
}

func statuses() *rapid.Generator[eureka.Status] {
	return rapid.Custom(func(t *rapid.T) eureka.Status {
		return eureka.Status(rapid.IntRange(0, eureka.NumStatuses-1).Draw(t, "status"))
	})
}

func ports() *rapid.Generator[eureka.Port] {
	return rapid.Custom(func(t *rapid.T) eureka.Port {
		return eureka.Port{Number: int(rapid.Int32().Draw(t, "number")), Enabled: rapid.Bool().Draw(t, "enabled")}
	})
}

func dataCenters() *rapid.Generator[*eureka.DataCenterInfo] {
	return rapid.Custom(func(t *rapid.T) *eureka.DataCenterInfo {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return &eureka.DataCenterInfo{Class: eureka.ClassAmazon, Name: eureka.Amazon, Metadata: metadata().Draw(t, "amazon")}
		case 2:
			return &eureka.DataCenterInfo{Class: eureka.ClassDefault, Name: eureka.Netflix}
		}
		return &eureka.DataCenterInfo{Class: eureka.ClassDefault, Name: eureka.MyOwn}
	})
}

func metadata() *rapid.Generator[eureka.Metadata] {
	return rapid.Custom(func(t *rapid.T) eureka.Metadata {
		var m eureka.Metadata
		for range rapid.IntRange(0, 20).Draw(t, "entries") {
			// The key instanceId stands in for a missing id, and "@class" may be Java's own note: tests of their own.
			if key := texts().Draw(t, "key"); key != "instanceId" && key != "@class" {
				m = m.Set(key, texts().Draw(t, "value"))
			}
		}
		return m
	})
}

func TestJSONComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := instances().Draw(t, "instance")
		form := eureka.Form(rapid.IntRange(0, 1).Draw(t, "form"))
		text := eureka.AppendInstance(nil, in, eureka.JSON, form)
		require.True(t, json.Valid(text), "%s", text)
		require.True(t, utf8.Valid(text))

		back, err := eureka.DecodeBareInstance(text, 0)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(in, back))
		require.Equal(t, string(text), string(eureka.AppendInstance(nil, back, eureka.JSON, form)))

		wrapped, err := eureka.DecodeInstance(eureka.AppendInstanceDocument(nil, in, eureka.JSON, form), eureka.JSON, 0)
		require.NoError(t, err)
		in.IsCoordinatingDiscoveryServer = false // never taken from a registration
		require.Empty(t, cmp.Diff(in, wrapped))
	})
}

func TestXMLComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := instances().Draw(t, "instance")
		text := eureka.AppendInstanceDocument(nil, in, eureka.XML, eureka.List)
		back, err := eureka.DecodeInstance(text, eureka.XML, 0)
		require.NoError(t, err, "%s", text)
		require.Equal(t, string(text), string(eureka.AppendInstanceDocument(nil, withCoordinating(back, in), eureka.XML, eureka.List)))

		want := in.Clone()
		want.IsCoordinatingDiscoveryServer = false
		want.Metadata = withoutEmptyKey(want.Metadata)
		if want.DataCenterInfo != nil {
			want.DataCenterInfo.Metadata = withoutEmptyKey(want.DataCenterInfo.Metadata)
		}
		require.Empty(t, cmp.Diff(want, back))
	})
}

func withCoordinating(in, like *eureka.Instance) *eureka.Instance {
	c := in.Clone()
	c.IsCoordinatingDiscoveryServer = like.IsCoordinatingDiscoveryServer
	return c
}

func withoutEmptyKey(m eureka.Metadata) eureka.Metadata {
	var kept eureka.Metadata
	for _, e := range m {
		if e.Key != "" {
			kept = append(kept, e)
		}
	}
	return kept
}

// Both compact forms carry the same, and all of it comes back.
func TestCompactFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := instances().Draw(t, "instance")
		if in.DataCenterInfo != nil {
			in.DataCenterInfo.Metadata = withoutEmptyKey(in.DataCenterInfo.Metadata)
		}
		app := &eureka.Application{Name: "APP", Instances: []*eureka.Instance{in}}
		asJSON, errJSON := eureka.DecodeApplication(eureka.AppendApplicationDocument(nil, app, eureka.JSONCompact), eureka.JSONCompact)
		asXML, errXML := eureka.DecodeApplication(eureka.AppendApplicationDocument(nil, app, eureka.XMLCompact), eureka.XMLCompact)
		if in.ID() == "" {
			require.Error(t, errJSON)
			require.Error(t, errXML)
			return
		}
		require.NoError(t, errJSON)
		require.NoError(t, errXML)
		require.Empty(t, cmp.Diff(asJSON, asXML))
		got := asJSON.Instances[0]
		require.Equal(t, in.HostName, got.HostName)
		require.Equal(t, in.Status, got.Status)
		require.Equal(t, in.VIPAddress, got.VIPAddress)
		require.Equal(t, in.LastUpdatedTimestamp, got.LastUpdatedTimestamp)
		require.Equal(t, in.Port, got.Port)
		require.Empty(t, got.Metadata)
	})
}

func applications() *rapid.Generator[*eureka.Applications] {
	return rapid.Custom(func(t *rapid.T) *eureka.Applications {
		a := &eureka.Applications{VersionsDelta: "1"}
		for range rapid.IntRange(0, 3).Draw(t, "applications") {
			app := &eureka.Application{Name: texts().Draw(t, "name")}
			for range rapid.IntRange(0, 3).Draw(t, "instances") {
				in := instances().Draw(t, "instance")
				if in.App == "" {
					in.App, in.Blank = eureka.UpperApp(app.Name), in.Blank&^eureka.FieldApp
				}
				if in.ID() != "" && in.App != "" {
					app.Instances = append(app.Instances, in)
				}
			}
			a.Applications = append(a.Applications, app)
		}
		a.AppsHashCode = a.HashCode()
		return a
	})
}

// A list put together from fragments is the list, and it comes back with its hash code.
func TestListsFromFragments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := applications().Draw(t, "applications")
		for f := range eureka.Format(eureka.NumFormats) {
			whole := eureka.AppendApplications(nil, a, f)
			require.Equal(t, string(whole), string(fromFragments(a, f)))

			back, err := eureka.DecodeApplications(whole, f)
			require.NoError(t, err)
			require.Equal(t, a.AppsHashCode, back.AppsHashCode)
			require.Equal(t, a.AppsHashCode, back.HashCode())
			require.Equal(t, string(whole), string(eureka.AppendApplications(nil, back, f)))
		}
	})
}

func fromFragments(a *eureka.Applications, f eureka.Format) []byte {
	dst := eureka.AppendApplicationsHead(nil, f, a.VersionsDelta, a.AppsHashCode)
	for i, app := range a.Applications {
		if i > 0 {
			dst = eureka.AppendSeparator(dst, f)
		}
		dst = eureka.AppendApplicationHead(dst, f, app.Name, false)
		for j, in := range app.Instances {
			if j > 0 {
				dst = eureka.AppendSeparator(dst, f)
			}
			dst = append(dst, eureka.AppendInstance(nil, in, f, eureka.List)...)
		}
		dst = eureka.AppendApplicationTail(dst, f, false)
	}
	return eureka.AppendApplicationsTail(dst, f, a.VersionsDelta, a.AppsHashCode)
}

func TestBatchesComeBack(t *testing.T) {
	item := rapid.Custom(func(t *rapid.T) eureka.ReplicationItem {
		it := eureka.ReplicationItem{
			AppName:          texts().Draw(t, "appName"),
			ID:               texts().Draw(t, "id"),
			Status:           rapid.SampledFrom([]string{"", "UP", "DOWN", "SLEEPING"}).Draw(t, "status"),
			OverriddenStatus: rapid.SampledFrom([]string{"", "UNKNOWN", "OUT_OF_SERVICE"}).Draw(t, "overridden"),
			Action:           eureka.Action(rapid.IntRange(0, 5).Draw(t, "action")),
		}
		if it.HasDirty = rapid.Bool().Draw(t, "hasDirty"); it.HasDirty {
			it.LastDirtyTimestamp = rapid.Int64Range(-1<<40, 1<<50).Draw(t, "dirty")
		}
		if rapid.Bool().Draw(t, "withInstance") {
			it.Instance = instances().Draw(t, "instance")
			it.Instance.IsCoordinatingDiscoveryServer = false
			it.InstanceText = eureka.AppendInstance(nil, it.Instance, eureka.JSON, eureka.Live)
		}
		return it
	})
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(item, 0, 5).Draw(t, "items")
		text := eureka.AppendReplicationList(nil, items)
		back, err := eureka.DecodeReplicationList(text, len(items), 0)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(append([]eureka.ReplicationItem{}, items...), back))
		if len(items) > 0 {
			_, err = eureka.DecodeReplicationList(text, len(items)-1, 0)
			require.ErrorContains(t, err, "too many items")
		}
	})
}

// Members may come in any order.
func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := instances().Draw(t, "instance")
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(eureka.AppendInstance(nil, in, eureka.JSON, eureka.List), &members))
		var text strings.Builder
		for i, k := range rapid.Permutation(slices.Sorted(maps.Keys(members))).Draw(t, "order") {
			text.WriteString(map[bool]string{true: "{", false: " , "}[i == 0])
			text.WriteString(`"` + k + `" : ` + string(members[k]))
		}
		text.WriteString("}")
		back, err := eureka.DecodeBareInstance([]byte(text.String()), 0)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(in, back))
	})
}
