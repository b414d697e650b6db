package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// TestRecordedClients sends what real clients, and a real server as our peer, sent through a recording proxy. The files leave
// repeats out and carry real clocks, so statuses and labels are compared, and of the bodies what they decode to.
func TestRecordedClients(t *testing.T) {
	scenarios, err := recorded.Load(recordings)
	require.NoError(t, err)
	ran := 0
	for _, sc := range scenarios {
		if !sc.Client() {
			continue
		}
		ran++
		t.Run(sc.Scenario, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := startServer(t, registry.Config{Preserve: registry.Off, EvictionInterval: time.Minute}, httpapi.Deps{})
				start := time.Now()
				for i, e := range sc.Exchanges {
					if due := start.Add(time.Duration(e.AtMs) * time.Millisecond); due.After(time.Now()) {
						time.Sleep(time.Until(due))
					}
					srv.meanwhile(t, sc, i)
					if err := sameToAClient(e, srv.send(t, e.Request)); err != nil {
						t.Errorf("%d. %s: %v", i+1, e.Name, err)
					}
				}
			})
		})
	}
	require.Equal(t, 9, ran)
}

// meanwhile does what happened to the recorded server beside the proxy: between its eighth and ninth batch a client registered a
// newer orders-2 with it directly, which the sender of the batches learns from the 409.
func (s *testServer) meanwhile(t *testing.T, sc recorded.Scenario, next int) {
	if sc.Scenario != "clients-peer-server" || next != 8 {
		return
	}
	answers, err := eureka.DecodeReplicationAnswers([]byte(sc.Exchanges[next].Response.Body), 1)
	require.NoError(t, err)
	in, err := eureka.DecodeBareInstance(answers[0].Entity, 0)
	require.NoError(t, err)
	require.NoError(t, s.registry.Register(in, registry.FromClient))
}

// sameToAClient is nil if a client cannot tell the answers apart.
func sameToAClient(e recorded.Exchange, got reply) error {
	want := e.Response
	if got.status != want.Status {
		return fmt.Errorf("status %d, recorded %d", got.status, want.Status)
	}
	if byContainer(e) {
		if got.body != "" {
			return fmt.Errorf("an error answer has a body: %.200q", got.body)
		}
		return nil
	}
	for _, name := range []string{"Content-Type", "Content-Encoding"} {
		if have := got.header.Get(name); have != want.Headers[name] {
			return fmt.Errorf("%s %q, recorded %q", name, have, want.Headers[name])
		}
	}
	theirs, err := decoded(want.Headers["Content-Type"], want.Body)
	if err != nil {
		return fmt.Errorf("recorded body: %w", err)
	}
	ours, err := decoded(want.Headers["Content-Type"], got.body)
	if err != nil {
		return fmt.Errorf("our body: %w", err)
	}
	if diff := cmp.Diff(theirs, ours, clocks...); diff != "" {
		return fmt.Errorf("decoded bodies differ (- recorded, + ours):\n%s", diff)
	}
	return nil
}

// clocks are the fields that servers stamp, what has no order, and the number of a delta.
var clocks = []cmp.Option{
	cmpopts.IgnoreFields(eureka.LeaseInfo{}, "RegistrationTimestamp", "LastRenewalTimestamp", "EvictionTimestamp", "ServiceUpTimestamp"),
	cmpopts.IgnoreFields(eureka.Instance{}, "LastUpdatedTimestamp", "LastDirtyTimestamp"),
	cmpopts.IgnoreFields(eureka.Applications{}, "VersionsDelta"),
	cmpopts.SortSlices(func(a, b eureka.MetadataEntry) bool { return a.Key < b.Key }),
	cmpopts.SortSlices(func(a, b *eureka.Application) bool { return a.Name < b.Name }),
	cmpopts.SortSlices(func(a, b *eureka.Instance) bool { return a.ID() < b.ID() }),
	cmpopts.EquateEmpty(),
}

// decoded is what a client makes of a body.
func decoded(label, body string) (any, error) {
	format := eureka.JSON
	if strings.HasPrefix(label, "application/xml") {
		format = eureka.XML
	}
	trimmed := strings.TrimSpace(body)
	switch {
	case body == "":
		return nil, nil
	case strings.HasPrefix(trimmed, `{"applications"`), strings.HasPrefix(trimmed, "<applications"):
		return eureka.DecodeApplications([]byte(body), format)
	case strings.HasPrefix(trimmed, `{"application"`), strings.HasPrefix(trimmed, "<application>"):
		return eureka.DecodeApplication([]byte(body), format)
	case strings.HasPrefix(trimmed, `{"instance"`), strings.HasPrefix(trimmed, "<instance"):
		return eureka.DecodeInstance([]byte(body), format, 0)
	case strings.HasPrefix(trimmed, `{"responseList"`):
		return decodedAnswers(body)
	}
	return body, nil
}

// decodedAnswers is what a server makes of the answer to its batch.
func decodedAnswers(body string) (any, error) {
	answers, err := eureka.DecodeReplicationAnswers([]byte(body), 1000)
	if err != nil {
		return nil, err
	}
	type one struct {
		Status int
		Entity *eureka.Instance
	}
	var out []one
	for _, a := range answers {
		o := one{Status: a.StatusCode}
		if a.Entity != nil {
			if o.Entity, err = eureka.DecodeBareInstance(a.Entity, 0); err != nil {
				return nil, err
			}
		}
		out = append(out, o)
	}
	return out, nil
}
