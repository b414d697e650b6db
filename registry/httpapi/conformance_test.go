package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// What any server has to do for unmodified clients to be content, one test a demand. The recordings show the same in the small.

// conforming is a server whose changes are written down.
type conforming struct {
	*httpapi.Server
	registry *registry.Registry
	changes  []registry.Change
}

func newConforming(t *testing.T, deps httpapi.Deps) *conforming {
	c := &conforming{}
	now := time.Now() // stands still, so that equal states read the same
	var err error
	c.registry, err = registry.New(registry.Config{Epoch: 1, Now: func() time.Time { return now }, OnChange: func(ch registry.Change) { c.changes = append(c.changes, ch) }})
	require.NoError(t, err)
	deps.Registry = c.registry
	c.Server, err = httpapi.New(deps)
	require.NoError(t, err)
	return c
}

func (c *conforming) register(t *testing.T, id, status, dirty string) {
	body := strings.NewReplacer(`"status":"UP"`, `"status":"`+status+`"`, "1700000000000", dirty).Replace(orders(id))
	w := do(c, http.MethodPost, "/eureka/apps/ORDERS", body, "Content-Type", "application/json")
	require.Equal(t, http.StatusNoContent, w.Code, w.Body.String())
	require.Zero(t, w.Body.Len(), "204 and not one byte")
}

func (c *conforming) status(t *testing.T, id string) string {
	w := do(c, http.MethodGet, "/eureka/apps/ORDERS/"+id, "", "Accept", "application/json")
	require.Equal(t, http.StatusOK, w.Code)
	in, err := eureka.DecodeInstance(w.Body.Bytes(), eureka.JSON, 0)
	require.NoError(t, err)
	return in.Status.String()
}

func TestHeartbeatByTimestamp(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	w := do(c, http.MethodPut, "/eureka/apps/ORDERS/one?status=UP&lastDirtyTimestamp=1700000000000", "")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Zero(t, w.Body.Len(), "a body here and Java clients never register again")
	require.Empty(t, w.Header().Get("Content-Type"))

	c.register(t, "one", "UP", "1700000000000")
	for _, tc := range []struct {
		dirty           string
		client, replica int
	}{
		{"1700000000001", http.StatusNotFound, http.StatusNotFound},
		{"1700000000000", http.StatusOK, http.StatusOK},
		{"1699999999999", http.StatusOK, http.StatusConflict},
	} {
		path := "/eureka/apps/ORDERS/one?status=UP&lastDirtyTimestamp=" + tc.dirty
		w := do(c, http.MethodPut, path, "{}", "Content-Type", "application/json")
		require.Equal(t, tc.client, w.Code, tc.dirty)
		require.Zero(t, w.Body.Len())
		w = do(c, http.MethodPut, path, "", "x-netflix-discovery-replication", "true", "Accept", "application/json")
		require.Equal(t, tc.replica, w.Code, tc.dirty)
		if tc.replica == http.StatusConflict {
			in, err := eureka.DecodeInstance(w.Body.Bytes(), eureka.JSON, 0)
			require.NoError(t, err)
			require.Equal(t, "one", in.ID())
		} else {
			require.Zero(t, w.Body.Len())
		}
	}
}

// Spring's client decodes with a mapper that fails on unknown properties; these are the ones it knows.
func TestFullJSONHasNoFieldThatAStrictMapperRefuses(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	c.register(t, "one", "UP", "1700000000000")
	var doc struct {
		Applications struct {
			VersionsDelta string `json:"versions__delta"`
			AppsHashCode  string `json:"apps__hashcode"`
			Application   []struct {
				Name     string `json:"name"`
				Instance []struct {
					InstanceID, HostName, App, IPAddr string
					SID, HomePageURL, StatusPageURL   *string
					HealthCheckURL, AppGroupName      *string
					SecureHealthCheckURL, ASGName     *string
					VIPAddress, SecureVIPAddress      *string
					Status, OverriddenStatus          string
					Port, SecurePort                  struct {
						Number  int    `json:"$"`
						Enabled string `json:"@enabled"`
					}
					CountryID      int
					DataCenterInfo struct {
						Class string `json:"@class"`
						Name  string
					}
					LeaseInfo struct {
						RenewalIntervalInSecs, DurationInSecs                                              int
						RegistrationTimestamp, LastRenewalTimestamp, EvictionTimestamp, ServiceUpTimestamp int64
					}
					Metadata                      map[string]string
					IsCoordinatingDiscoveryServer string
					LastUpdatedTimestamp          string
					LastDirtyTimestamp            string
					ActionType                    string
				} `json:"instance"`
			} `json:"application"`
		} `json:"applications"`
	}
	w := do(c, http.MethodGet, "/eureka/apps/", "", "Accept", "application/json")
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&doc))
	require.Equal(t, "1", doc.Applications.VersionsDelta)
	in := doc.Applications.Application[0].Instance[0]
	require.Equal(t, "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", in.DataCenterInfo.Class)
	require.Equal(t, "true", in.Port.Enabled)
	require.Equal(t, "UP", in.Status)
}

func TestXMLHasWhatPythonNeeds(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	c.register(t, "one", "UP", "1700000000000")
	do(c, http.MethodPut, "/eureka/apps/ORDERS/one/metadata?a_b%20%24=1", "")
	w := do(c, http.MethodGet, "/eureka/apps", "")
	require.Equal(t, "application/xml", w.Header().Get("Content-Type"), "Python's client sends no Accept at all")
	for _, want := range []string{`<port enabled="true">8080</port>`, `<securePort enabled="false">443</securePort>`, `<dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo">`, `<a__b_.0020_->1</a__b_.0020_->`} {
		require.Contains(t, w.Body.String(), want)
	}
	apps, err := eureka.DecodeApplications(w.Body.Bytes(), eureka.XML)
	require.NoError(t, err)
	value, ok := apps.Applications[0].Instances[0].Metadata.Get("a_b $")
	require.True(t, ok)
	require.Equal(t, "1", value)
}

func TestDeltaAppliedGivesTheFullHash(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	fetch := func(path string) *eureka.Applications {
		w := do(c, http.MethodGet, path, "", "Accept", "application/json")
		require.Equal(t, http.StatusOK, w.Code)
		apps, err := eureka.DecodeApplications(w.Body.Bytes(), eureka.JSON)
		require.NoError(t, err)
		return apps
	}
	known := make(map[string]*eureka.Instance)
	seen := make(map[string]bool)
	for i := range 30 {
		id := fmt.Sprint("i", i%7)
		switch i % 4 {
		case 0, 1:
			c.register(t, id, "UP", fmt.Sprint(1700000000000+i))
		case 2:
			do(c, http.MethodPut, "/eureka/apps/ORDERS/"+id+"/status?value=OUT_OF_SERVICE", "")
		case 3:
			do(c, http.MethodDelete, "/eureka/apps/ORDERS/"+id, "")
		}
		delta := fetch("/eureka/apps/delta")
		for _, app := range delta.Applications {
			for _, in := range app.Instances {
				if in.ActionType == eureka.Deleted {
					delete(known, in.ID())
				} else {
					known[in.ID()] = in
				}
			}
		}
		mine := &eureka.Applications{Applications: []*eureka.Application{{}}}
		for _, in := range known {
			mine.Applications[0].Instances = append(mine.Applications[0].Instances, in)
		}
		require.Equal(t, delta.AppsHashCode, mine.HashCode(), "after step %d", i)
		require.Equal(t, delta.AppsHashCode, fetch("/eureka/apps").AppsHashCode)
		seen[delta.VersionsDelta] = true
	}
	require.Greater(t, len(seen), 15, "the version changes with the content")
}

func TestOverrideLifeCycle(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	c.register(t, "one", "UP", "1700000000000")
	put := func(method, path string) int { return do(c, method, "/eureka/apps/ORDERS/one"+path, "").Code }
	require.Equal(t, http.StatusOK, put(http.MethodPut, "/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=1700000000000"))
	require.Equal(t, "OUT_OF_SERVICE", c.status(t, "one"))
	require.Equal(t, http.StatusOK, put(http.MethodPut, "?status=UP&lastDirtyTimestamp=1700000000000"))
	c.register(t, "one", "UP", "1700000000001")
	require.Equal(t, "OUT_OF_SERVICE", c.status(t, "one"), "it survives heartbeats and registrations")
	c.register(t, "one", "DOWN", "1700000000002")
	require.Equal(t, "DOWN", c.status(t, "one"), "what the client says of its own troubles shows through")
	c.register(t, "one", "UP", "1700000000003")
	require.Equal(t, "OUT_OF_SERVICE", c.status(t, "one"))
	require.Equal(t, http.StatusOK, put(http.MethodDelete, "/status"))
	require.Equal(t, "UNKNOWN", c.status(t, "one"))
	require.Equal(t, http.StatusNotFound, put(http.MethodPut, "?status=UP&lastDirtyTimestamp=1700000000003"), "so that the client registers")
	c.register(t, "one", "UP", "1700000000004")
	require.Equal(t, "UP", c.status(t, "one"))
	require.Equal(t, http.StatusBadRequest, put(http.MethodPut, "/status?value=SLEEPING"))
	require.Equal(t, http.StatusBadRequest, put(http.MethodPut, "/status?value=DOWN&lastDirtyTimestamp=soon"))
	require.Equal(t, "UP", c.status(t, "one"), "a bad request changes nothing")
}

// A batch of a Java server: one answer an item, in order, and none of it goes on to other Java servers.
func TestBatchOfManyItems(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	var items []eureka.ReplicationItem
	var want []int
	add := func(status int, item eureka.ReplicationItem) {
		item.AppName = "ORDERS"
		items, want = append(items, item), append(want, status)
	}
	for i := range 50 {
		id := fmt.Sprint("i", i)
		in, err := eureka.DecodeInstance([]byte(orders(id)), eureka.JSON, 0)
		require.NoError(t, err)
		add(http.StatusOK, eureka.ReplicationItem{ID: id, Action: eureka.Register, Instance: in, LastDirtyTimestamp: in.LastDirtyTimestamp, HasDirty: true})
		add(http.StatusOK, eureka.ReplicationItem{ID: id, Action: eureka.Heartbeat, LastDirtyTimestamp: in.LastDirtyTimestamp, HasDirty: true, Status: "UP"})
		add(http.StatusConflict, eureka.ReplicationItem{ID: id, Action: eureka.Heartbeat, LastDirtyTimestamp: 5, HasDirty: true})
		add(http.StatusNotFound, eureka.ReplicationItem{ID: "nobody", Action: eureka.Heartbeat})
		add(http.StatusOK, eureka.ReplicationItem{ID: id, Action: eureka.StatusUpdate, Status: "OUT_OF_SERVICE", LastDirtyTimestamp: in.LastDirtyTimestamp, HasDirty: true})
	}
	body := eureka.AppendReplicationList(nil, items)
	for _, path := range []string{"/eureka/peerreplication/batch/", "/eureka/v2/peerreplication/batch", "/v2/peerreplication/batch/"} {
		w := do(c, http.MethodPost, path, string(body), "Content-Type", "application/json", "Accept", "application/json")
		require.Equal(t, http.StatusOK, w.Code)
		answers, err := eureka.DecodeReplicationAnswers(w.Body.Bytes(), 1000)
		require.NoError(t, err)
		require.Len(t, answers, len(items))
		for i, a := range answers {
			require.Equal(t, want[i], a.StatusCode, "item %d", i)
			require.Equal(t, want[i] == http.StatusConflict, a.Entity != nil, "item %d", i)
		}
		// Entities are written when all is done, so they show what came later.
		entity, err := eureka.DecodeBareInstance(answers[2].Entity, 0)
		require.NoError(t, err)
		require.Equal(t, eureka.OutOfService, entity.Status)
	}
	for _, ch := range c.changes {
		require.Equal(t, registry.FromJavaPeer, ch.Origin)
	}

	c.changes = nil
	c.register(t, "mine", "UP", "1700000000000")
	do(c, http.MethodPut, "/eureka/apps/ORDERS/mine", "")
	require.Len(t, c.changes, 2, "clients' changes go on, every heartbeat too")
	require.Equal(t, registry.FromClient, c.changes[1].Origin)
}

func TestJoining(t *testing.T) {
	c := newConforming(t, httpapi.Deps{Phase: func() peerstore.Phase { return peerstore.PhaseJoining }})
	c.register(t, "one", "UP", "1700000000000")
	for _, path := range []string{"/eureka/apps", "/eureka/apps/delta", "/eureka/apps/ORDERS", "/eureka/vips/orders", "/eureka/svips/orders", "/apps", "/eureka/apps/ALL_APPS"} {
		w := do(c, http.MethodGet, path, "")
		require.Equal(t, http.StatusForbidden, w.Code, path)
		require.Zero(t, w.Body.Len(), path)
	}
	require.Equal(t, http.StatusOK, do(c, http.MethodPut, "/eureka/apps/ORDERS/one", "").Code)
	require.Equal(t, http.StatusOK, do(c, http.MethodGet, "/eureka/apps/ORDERS/one", "").Code)
	require.Equal(t, http.StatusOK, do(c, http.MethodPut, "/eureka/apps/ORDERS/one/status?value=DOWN", "").Code)
	require.Equal(t, http.StatusOK, do(c, http.MethodDelete, "/eureka/apps/ORDERS/one", "").Code)
	require.Equal(t, http.StatusServiceUnavailable, do(c, http.MethodGet, "/readyz", "").Code)
}

func TestUnknownVIPsAndApplications(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	w := do(c, http.MethodGet, "/eureka/vips/nobody", "", "Accept", "application/json")
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, cmp.Diff(noApplications, w.Body.String()), "to the byte")
	require.Equal(t, http.StatusNotFound, do(c, http.MethodGet, "/eureka/apps/NOBODY", "").Code)
}

// A client in composite mode asks any seed for the vip of the servers and then goes where the answer says.
func TestCompositeBootstrap(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	c.registry.SetServers(httpapi.SelfInstances([]peerstore.Peer{peer(1, serving, true), peer(2, draining, true)}, "p1"))
	for _, vip := range []string{"zonekeeper", "ZoneKeeper"} {
		w := do(c, http.MethodGet, "/eureka/vips/"+vip, "", "Accept", "application/json")
		apps, err := eureka.DecodeApplications(w.Body.Bytes(), eureka.JSON)
		require.NoError(t, err)
		require.Len(t, apps.Applications, 1, vip)
		up := apps.Applications[0].Instances[0]
		require.Equal(t, eureka.Up, up.Status)
		require.Equal(t, "10.0.0.1", up.HostName)
		require.Equal(t, 8761, up.Port.Number)
		require.Equal(t, eureka.Down, apps.Applications[0].Instances[1].Status)
	}
	full := do(c, http.MethodGet, "/eureka/apps", "", "Accept", "application/json").Body.String()
	require.Contains(t, full, `"apps__hashcode":"DOWN_1_UP_1_"`)
}

// Odd ids can be registered, renewed, read and cancelled, those that Java's servers refuse to address included.
func TestOddIDsRoundTrip(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	for _, id := range []string{"a/b", "a:b#c%20 d", "ümlaut/中文", `back\slash`, "semi;colon", "..", "a+b=c&d", "\u0001bell", "😀"} {
		encoded, err := json.Marshal(id)
		require.NoError(t, err)
		body := strings.Replace(orders("X"), `"X"`, string(encoded), 1)
		require.Equal(t, http.StatusNoContent, do(c, http.MethodPost, "/eureka/apps/ORDERS", body, "Content-Type", "application/json").Code, id)
		path := "/eureka/apps/ORDERS/" + escape(id)
		require.Equal(t, http.StatusOK, do(c, http.MethodPut, path, "").Code, id)
		w := do(c, http.MethodGet, path, "", "Accept", "application/json")
		in, err := eureka.DecodeInstance(w.Body.Bytes(), eureka.JSON, 0)
		require.NoError(t, err)
		require.Equal(t, id, in.InstanceID)
		require.Equal(t, http.StatusOK, do(c, http.MethodGet, "/eureka/instances/"+escape(id), "").Code, id)
		require.Equal(t, http.StatusOK, do(c, http.MethodDelete, path, "").Code, id)
	}
}

// escape percent-encodes every byte.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func TestRegisterAnswersAreTheOnesWithText(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	post := func(body string, headers ...string) (int, string, string) {
		w := do(c, http.MethodPost, "/eureka/apps/ORDERS", body, headers...)
		return w.Code, w.Header().Get("Content-Type"), w.Body.String()
	}
	code, label, text := post(strings.Replace(orders("one"), "orders-1.example.com", "", 1), "Content-Type", "application/json")
	require.Equal(t, []any{400, "application/xml", "Missing hostname"}, []any{code, label, text})
	code, label, text = post("{", "Content-Type", "application/json")
	require.Equal(t, []any{400, "application/json", `{"error": "cannot parse request body"}`}, []any{code, label, text})
	code, label, text = post("{", "Content-Type", "application/xml")
	require.Equal(t, []any{400, "application/xml", `<error><message>cannot parse request body</message></error>`}, []any{code, label, text})
	code, _, text = post(orders("one"), "Content-Type", "text/plain")
	require.Equal(t, []any{415, ""}, []any{code, text})
	code, _, text = post(orders("one"))
	require.Equal(t, []any{415, ""}, []any{code, text})
	code, _, text = post(orders("one"), "Content-Type", "application/json", "Accept", "text/html")
	require.Equal(t, []any{406, ""}, []any{code, text})
	require.Zero(t, c.registry.Stats().Instances)
}

func TestGzipOnlyWhereItWasRecorded(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	c.register(t, "one", "UP", "1700000000000")
	for path, compressed := range map[string]bool{"/eureka/apps": true, "/eureka/apps/delta": true, "/eureka/apps/ORDERS": false, "/eureka/apps/ORDERS/one": false, "/eureka/vips/orders": false} {
		w := do(c, http.MethodGet, path, "", "Accept-Encoding", "gzip", "Accept", "application/json")
		require.Equal(t, compressed, w.Header().Get("Content-Encoding") == "gzip", path)
		plain := do(c, http.MethodGet, path, "", "Accept", "application/json").Body.String()
		if compressed {
			require.Equal(t, plain, gunzipped(t, w.Body.Bytes()))
		} else {
			require.Equal(t, plain, w.Body.String())
		}
		require.Equal(t, fmt.Sprint(len(plain)), do(c, http.MethodGet, path, "", "Accept", "application/json").Header().Get("Content-Length"))
	}
}

func gunzipped(t *testing.T, b []byte) string {
	zr, err := gzip.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	plain, err := io.ReadAll(zr)
	require.NoError(t, err)
	return string(plain)
}
