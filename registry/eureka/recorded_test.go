package eureka_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
)

func scenarios(t testing.TB) []recorded.Scenario {
	all, err := recorded.Load("testdata/recorded")
	require.NoError(t, err)
	return all
}

// formatOf is the format of a recorded body: it says so itself, labels can be wrong (Accept with both types).
func formatOf(e recorded.Exchange, body string) eureka.Format {
	compact := strings.EqualFold(e.Request.Headers["X-Eureka-Accept"], "compact") && rootOf(body) != "instance"
	switch {
	case strings.HasPrefix(body, "<") && compact:
		return eureka.XMLCompact
	case strings.HasPrefix(body, "<"):
		return eureka.XML
	case compact:
		return eureka.JSONCompact
	}
	return eureka.JSON
}

// rootOf is the first name in a body.
func rootOf(body string) string {
	body = strings.TrimLeft(body, "<{\"")
	if i := strings.IndexAny(body, "\">"); i >= 0 {
		return body[:i]
	}
	return ""
}

// What the recorded server answers with 200 decodes, and encodes to the same bytes: nothing masked, nothing sorted.
func TestRecordedAnswersComeBackToTheByte(t *testing.T) {
	count := map[string]int{}
	for _, s := range scenarios(t) {
		for _, e := range s.Exchanges {
			body := e.Response.Body
			if e.Response.Status != 200 || body == "" || bool(e.Response.BodyNotCompared) {
				continue
			}
			f := formatOf(e, body)
			var got []byte
			var err error
			switch rootOf(body) {
			case "applications":
				var a *eureka.Applications
				a, err = eureka.DecodeApplications([]byte(body), f)
				if err == nil {
					got = eureka.AppendApplications(nil, a, f)
				}
			case "application":
				var a *eureka.Application
				a, err = eureka.DecodeApplication([]byte(body), f)
				if err == nil {
					got = eureka.AppendApplicationDocument(nil, a, f)
				}
			case "instance":
				var in *eureka.Instance
				in, err = eureka.DecodeInstance([]byte(body), f, 0)
				if err == nil {
					got = eureka.AppendInstanceDocument(nil, in, f, eureka.Live)
				}
			default:
				continue
			}
			name := s.Scenario + "/" + e.Name
			if strings.Contains(body, "<>") { // upstream's element without a name, which we neither write nor read
				require.Error(t, err, name)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, body, string(got), name)
			count[rootOf(body)+" "+f.String()]++
		}
	}
	t.Log(count)
	for _, root := range []string{"applications", "application"} {
		for f := range eureka.Format(eureka.NumFormats) {
			require.NotZero(t, count[root+" "+f.String()], "%s %s", root, f)
		}
	}
	require.NotZero(t, count["instance json"])
	require.NotZero(t, count["instance xml"])
}

// Every registration that the recorded server took decodes, is valid, and says what the server then showed of it.
func TestRecordedRegistrations(t *testing.T) {
	taken, shown := 0, 0
	for _, s := range scenarios(t) {
		for i, e := range s.Exchanges {
			app, ok := strings.CutPrefix(strings.TrimSuffix(e.Request.Path, "/"), "/eureka/apps/")
			app = strings.TrimPrefix(app, "/eureka/v2/apps/")
			if e.Request.Method != http.MethodPost || !ok || e.Response.Status != 204 || strings.Contains(app, "%") {
				continue
			}
			name := s.Scenario + "/" + e.Name
			body := e.Request.Body()
			f := eureka.JSON
			if strings.HasPrefix(strings.TrimLeft(string(body), "\ufeff"), "<") {
				f = eureka.XML
			}
			in, err := eureka.DecodeInstance(body, f, 42)
			require.NoError(t, err, name)
			require.NoError(t, in.Validate(app), name)
			taken++

			if ruled := s.Scenario >= "08" && s.Scenario < "14"; ruled { // what shows there is the registry's doing
				continue
			}
			if i+1 < len(s.Exchanges) && shows(s.Exchanges[i+1], in) {
				requireShown(t, name, s.Exchanges[i+1], in)
				shown++
			}
		}
	}
	t.Logf("%d registrations, %d of them compared with what the server showed", taken, shown)
	require.Greater(t, taken, 100)
	require.Greater(t, shown, 50)
}

func shows(next recorded.Exchange, in *eureka.Instance) bool {
	body := next.Response.Body
	return next.Request.Method == http.MethodGet && next.Response.Status == 200 &&
		rootOf(body) == "instance" && strings.Contains(body, in.ID())
}

// requireShown compares a registration with the next answer, apart from what a registry puts in.
func requireShown(t *testing.T, name string, next recorded.Exchange, in *eureka.Instance) {
	f := formatOf(next, next.Response.Body)
	if strings.Contains(next.Response.Body, "<>") {
		return
	}
	seen, err := eureka.DecodeInstance([]byte(next.Response.Body), f, 0)
	require.NoError(t, err, name)
	in.LeaseInfo.RegistrationTimestamp = seen.LeaseInfo.RegistrationTimestamp
	in.LeaseInfo.LastRenewalTimestamp = seen.LeaseInfo.LastRenewalTimestamp
	in.LeaseInfo.EvictionTimestamp = seen.LeaseInfo.EvictionTimestamp
	in.LeaseInfo.ServiceUpTimestamp = seen.LeaseInfo.ServiceUpTimestamp
	in.LastUpdatedTimestamp = seen.LastUpdatedTimestamp
	in.ActionType = seen.ActionType
	in.OverriddenStatus = seen.OverriddenStatus
	if in.LastDirtyTimestamp == 42 {
		in.LastDirtyTimestamp = seen.LastDirtyTimestamp
	}
	if f == eureka.XML { // DOWN in place of the truth, see doc.go
		in.Status = seen.Status
	}
	sorted := func(in *eureka.Instance) string {
		e := recorded.Exchange{}
		text, err := e.Normal(string(eureka.AppendInstanceDocument(nil, in, eureka.JSON, eureka.Live)))
		require.NoError(t, err, name)
		return text
	}
	if differs[name] != "" {
		require.NotEqual(t, sorted(seen), sorted(in), name)
		return
	}
	require.Equal(t, sorted(seen), sorted(in), name)
}

// differs lists where we keep on purpose what upstream lost.
var differs = map[string]string{
	"15-metadata-odd/nested value":      "brackets filed as values",
	"15-metadata-odd/array value":       "brackets filed as values",
	"16-fields/Amazon without metadata": "the member after the data center lost",
}

// Registrations that the recorded server refused are refused here, with the same text where it is validation's.
func TestRecordedRefusals(t *testing.T) {
	lenient := map[string]bool{ // refused upstream, taken here: see doc.go
		"15-metadata-odd/nested value, then more":              true,
		"17-invalid/data center without class":                 true,
		"18-undecodable/port a number":                         true,
		"18-undecodable/unknown object field first":            true,
		"18-undecodable/unknown object field before the ports": true,
	}
	refused := 0
	for _, s := range scenarios(t) {
		for _, e := range s.Exchanges {
			app, ok := strings.CutPrefix(e.Request.Path, "/eureka/apps/")
			kind := e.Request.Headers["Content-Type"]
			if e.Request.Method != http.MethodPost || !ok || e.Response.Status != 400 || strings.Contains(app, "/") ||
				e.Request.Headers["Content-Encoding"] != "" || kind != "application/json" && kind != "application/xml" {
				continue
			}
			name := s.Scenario + "/" + e.Name
			f := eureka.JSON
			if kind == "application/xml" {
				f = eureka.XML
			}
			in, err := eureka.DecodeInstance(e.Request.Body(), f, 0)
			switch {
			case lenient[name]:
				require.NoError(t, err, name)
				require.NoError(t, in.Validate(app), name)
			case strings.Contains(e.Response.Body, "cannot parse"):
				var decode *eureka.DecodeError
				require.ErrorAs(t, err, &decode, name)
			default:
				require.NoError(t, err, name)
				var invalid *eureka.ValidationError
				require.ErrorAs(t, in.Validate(app), &invalid, name)
				require.Equal(t, e.Response.Body, invalid.Error(), name)
			}
			refused++
		}
	}
	require.Greater(t, refused, 30)
}

func TestRecordedNullBody(t *testing.T) {
	_, err := eureka.DecodeInstance([]byte("null"), eureka.JSON, 0)
	require.ErrorIs(t, err, eureka.ErrNull)
}

// Batches of a real server decode and encode to the same bytes, and so do the answers to them.
func TestRecordedBatches(t *testing.T) {
	lists, answers := 0, 0
	for _, s := range scenarios(t) {
		for _, e := range s.Exchanges {
			if !strings.Contains(e.Request.Path, "/peerreplication/batch") || e.Request.Method != http.MethodPost || e.Response.Status != 200 {
				continue
			}
			name := s.Scenario + "/" + e.Name
			items, err := eureka.DecodeReplicationList(e.Request.Body(), 250, 0)
			require.NoError(t, err, name)
			if s.Client() {
				require.Equal(t, e.Request.Text, string(eureka.AppendReplicationList(nil, items)), name)
				for i := range items {
					require.NoError(t, items[i].InstanceError, name)
					if in := items[i].Instance; in != nil {
						require.Equal(t, string(items[i].InstanceText), string(eureka.AppendInstance(nil, in, eureka.JSON, eureka.Live)), name)
					}
				}
				lists++
			}
			if !strings.HasPrefix(e.Response.Body, "{") {
				continue
			}
			list, err := eureka.DecodeReplicationAnswers([]byte(e.Response.Body), 250)
			require.NoError(t, err, name)
			if e.Name != "wrapped instance" { // upstream's parser loses its place and answers twice
				require.Len(t, list, len(items), name)
			}
			require.Equal(t, e.Response.Body, string(eureka.AppendReplicationAnswers(nil, list)), name)
			answers++
		}
	}
	require.Greater(t, lists, 5)
	require.Greater(t, answers, 40)
}

// The hash code that lists carry is the hash code of what they hold, but for deltas and queries that hold less.
func TestRecordedHashCodes(t *testing.T) {
	checked := 0
	for _, s := range scenarios(t) {
		for _, e := range s.Exchanges {
			path, _, _ := strings.Cut(strings.TrimSuffix(e.Request.Path, "/"), "?")
			if e.Response.Status != 200 || !strings.HasSuffix(path, "/apps") || e.Request.Method != http.MethodGet {
				continue
			}
			a, err := eureka.DecodeApplications([]byte(e.Response.Body), formatOf(e, e.Response.Body))
			if err != nil {
				require.Contains(t, e.Response.Body, "<>")
				continue
			}
			require.Equal(t, a.AppsHashCode, a.HashCode(), "%s/%s", s.Scenario, e.Name)
			checked++
		}
	}
	require.Greater(t, checked, 20)
}

// JSON that we write is JSON to everybody.
func TestRecordedAnswersAreJSON(t *testing.T) {
	for _, s := range scenarios(t) {
		for _, e := range s.Exchanges {
			if rootOf(e.Response.Body) != "applications" || !strings.HasPrefix(e.Response.Body, "{") {
				continue
			}
			a, err := eureka.DecodeApplications([]byte(e.Response.Body), eureka.JSON)
			require.NoError(t, err)
			for f := range eureka.Format(2) {
				require.True(t, json.Valid(eureka.AppendApplications(nil, a, f)))
			}
		}
	}
}
