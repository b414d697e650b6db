package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

const recordings = "../eureka/testdata/recorded"

// TestRecordedScenarios sends every recorded request to this server, byte by byte, in virtual time, and holds each answer to the
// recorded one or, where the table of differences lists the step, to the answer given there. A listed step that answers as
// upstream did fails as well: the table would promise a difference that is none.
func TestRecordedScenarios(t *testing.T) {
	scenarios, err := recorded.Load(recordings)
	require.NoError(t, err)
	listed := stepsOf(t, differences, scenarios)
	ran := 0
	for _, sc := range scenarios {
		if sc.Client() {
			continue
		}
		ran++
		for _, v := range variantsOf(sc) {
			t.Run(sc.Scenario+v.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := startServer(t, v.registry, v.server)
					deltas := newDeltaVersions()
					for _, e := range sc.Exchanges {
						time.Sleep(e.After() + 5*time.Millisecond)
						got := srv.send(t, e.Request)
						row, isListed := listed[step{sc.Scenario + v.name, e.Name}]
						if err := judge(sc, e, got, row, isListed, deltas); err != nil {
							t.Errorf("%s: %v", e.Name, err)
						}
					}
				})
			})
		}
	}
	require.Equal(t, 31, ran)
}

// variant is one way in which a scenario runs. Differences of a variant are listed under the scenario's name with the variant's
// name behind it.
type variant struct {
	name     string
	registry registry.Config
	server   httpapi.Deps
}

// variantsOf maps the settings of the recorded server to ours.
func variantsOf(sc recorded.Scenario) []variant {
	base := variant{registry: registry.Config{Preserve: registry.Off}}
	for key, value := range sc.Settings {
		switch fmt.Sprint(key, "=", value) {
		case "eviction-ms=1000":
			base.registry.EvictionInterval = time.Second
		case "self-preservation=true":
			base.registry.Preserve = registry.Evidence
		case "eureka.server.disable-delta=true":
			base.registry.NoDelta, base.server.NoDelta = true, true
		case "wait-ms=600000":
			base.server.Phase = func() peerstore.Phase { return peerstore.PhaseJoining }
		}
	}
	switch sc.Scenario {
	case "26-expiry":
		doubled := base
		doubled.name = " (lease factor 2)"
		doubled.registry.LeaseFactor = 2
		return []variant{base, doubled}
	case "27-expired-not-evicted":
		upstream := base
		upstream.name = " (upstream's self-preservation)"
		upstream.registry.Preserve = registry.Upstream
		return []variant{base, upstream}
	}
	return []variant{base}
}

// judge compares one answer with what is due.
func judge(sc recorded.Scenario, e recorded.Exchange, got reply, row listing, isListed bool, deltas *deltaVersions) error {
	if isDelta(e) && got.status == http.StatusOK {
		if err := deltas.check(e, got); err != nil {
			return err
		}
		e.Volatile = append(slices.Clone(e.Volatile), versionPattern)
	}
	like := sameAsRecorded(e, got)
	switch {
	case !isListed:
		return like
	case like == nil:
		return fmt.Errorf("is listed as a difference (%s) but answers as upstream", row.row.title)
	}
	return row.answer.due(sc, e, got)
}

// sameAsRecorded is nil if the answer is the recorded one. Of an error that upstream's container decorated, status and Allow
// count: our errors are empty.
func sameAsRecorded(e recorded.Exchange, got reply) error {
	want := e.Response
	if got.status != want.Status {
		return fmt.Errorf("status %d, recorded %d; body %.200q", got.status, want.Status, got.body)
	}
	if allow := want.Headers["Allow"]; !sameSet(got.header.Get("Allow"), allow) {
		return fmt.Errorf("Allow %q, recorded %q", got.header.Get("Allow"), allow)
	}
	if byContainer(e) {
		if got.body != "" && !got.byLibrary {
			return fmt.Errorf("an error answer has a body: %.200q", got.body)
		}
		return nil
	}
	for _, name := range []string{"Content-Type", "Content-Encoding"} {
		if have := got.header.Get(name); have != want.Headers[name] {
			return fmt.Errorf("%s %q, recorded %q", name, have, want.Headers[name])
		}
	}
	if want.BodyNotCompared {
		return nil
	}
	return e.Same(got.body)
}

// byContainer reports whether an error's body came from Tomcat or Spring and not from Eureka. Eureka's own are the texts of
// refused registrations, of bodies that do not decode, and the instance in a 409.
func byContainer(e recorded.Exchange) bool {
	if e.Response.Status < 400 {
		return false
	}
	body := e.Response.Body
	return bool(e.Response.BodyNotCompared) || body == "" || strings.HasPrefix(body, `{"timestamp":`) || strings.HasPrefix(body, "<Map>")
}

func sameSet(a, b string) bool {
	set := func(s string) []string {
		names := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(names)
		return names
	}
	return slices.Equal(set(a), set(b))
}

// versionPattern masks versions__delta in all formats.
const versionPattern = `versions__delta"?[:>]"?(-?\d+)`

func isDelta(e recorded.Exchange) bool {
	path, _, _ := strings.Cut(e.Request.Path, "?")
	path = strings.TrimSuffix(path, "/")
	return e.Request.Method == http.MethodGet && (strings.HasSuffix(path, "/apps/delta") || strings.HasSuffix(path, "/apps/ALL_APPS_DELTA"))
}

// deltaVersions holds versions__delta to its only promise: it changes exactly when the content does.
// Upstream counts the payloads it generated, so its numbers are compared nowhere.
type deltaVersions struct{ content map[string]string }

func newDeltaVersions() *deltaVersions { return &deltaVersions{content: make(map[string]string)} }

func (d *deltaVersions) check(e recorded.Exchange, got reply) error {
	e.Volatile = lastTimes
	body, err := e.Normal(got.body)
	if err != nil {
		return err
	}
	version := versionOf(body)
	if version == "" {
		return fmt.Errorf("delta without version: %.200q", body)
	}
	content := strings.Replace(body, version, "*", 1)
	format := got.header.Get("Content-Type") + e.Request.Headers["X-Eureka-Accept"]
	for known, was := range d.content {
		sameVersion, sameContent := known == format+version, was == content
		if !strings.HasPrefix(known, format) || sameVersion == sameContent {
			continue
		}
		return fmt.Errorf("versions__delta %s and content do not change together: before %s", version, known)
	}
	d.content[format+version] = content
	return nil
}

// lastTimes are what a renewal changes in a delta without being a change.
var lastTimes = []string{`"lastRenewalTimestamp":"?(\d{13})`, `<lastRenewalTimestamp>(\d{13})</`}

func versionOf(body string) string {
	_, rest, _ := strings.Cut(body, "versions__delta")
	rest = strings.TrimLeft(rest, `":>`)
	end := strings.IndexAny(rest, `"<`)
	if end < 0 {
		return ""
	}
	return rest[:end]
}
