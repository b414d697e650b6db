package eurekaclient_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// cluster is a set of Eureka servers without sockets that share one registry,
// which is what well replicated servers look like from outside.
type cluster struct {
	mu       sync.Mutex
	state    map[string]string // by host: "" refuses, "up", "hangs", "joining" (403 to list reads), "broken" (500), "not eureka" (200 and a page), "lying" (wrong hash in deltas)
	list     clientcfg.ServerList
	leases   map[string]*leased
	delta    []change
	requests []string // host, method and path without query
	lost     []string // instances whose lease ran out
	noDelta  bool
}

type leased struct {
	in  *eureka.Instance
	end time.Time
}

type change struct {
	at time.Time
	in *eureka.Instance
}

func newCluster(hosts ...string) *cluster {
	f := &cluster{state: map[string]string{}, leases: map[string]*leased{}}
	f.set("up", hosts...)
	f.announce(hosts...)
	return f
}

func serverURL(host string) string { return "http://" + host + ":8761/eureka/" }

func (f *cluster) set(state string, hosts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range hosts {
		f.state[h] = state
	}
}

// announce makes these hosts the list that clients read.
func (f *cluster) announce(hosts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = clientcfg.ServerList{}
	for _, h := range hosts {
		f.list.Servers = append(f.list.Servers, clientcfg.Server{URL: serverURL(h)})
	}
}

func (f *cluster) servers() clientcfg.ServerList {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list
}

// put stands for another client that registers.
func (f *cluster) put(app, id string, status eureka.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.register(&eureka.Instance{InstanceID: id, App: app, HostName: id, IPAddr: "10.0.0.1", Status: status, DataCenterInfo: &eureka.DataCenterInfo{Name: eureka.MyOwn}}, 24*time.Hour)
}

func (f *cluster) drop(app, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancel(app + "/" + id)
}

// forget loses a lease without a trace in the delta.
func (f *cluster) forget(app, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.leases, app+"/"+id)
}

func (f *cluster) instance(app, id string) *eureka.Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	if l := f.leases[app+"/"+id]; l != nil {
		return l.in
	}
	return nil
}

func (f *cluster) statuses() map[string]eureka.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]eureka.Status{}
	for key, l := range f.leases {
		out[key] = l.in.Status
	}
	return out
}

func (f *cluster) register(in *eureka.Instance, lease time.Duration) {
	in = in.Clone()
	in.ActionType = eureka.Added
	f.leases[in.App+"/"+in.ID()] = &leased{in, time.Now().Add(lease)}
	f.delta = append(f.delta, change{time.Now(), in})
}

func (f *cluster) cancel(key string) bool {
	l := f.leases[key]
	if l == nil {
		return false
	}
	delete(f.leases, key)
	gone := l.in.Clone()
	gone.ActionType = eureka.Deleted
	f.delta = append(f.delta, change{time.Now(), gone})
	return true
}

func (f *cluster) expire() {
	for key, l := range f.leases {
		if time.Now().After(l.end) {
			f.cancel(key)
			f.lost = append(f.lost, key)
		}
	}
	f.delta = slices.DeleteFunc(f.delta, func(c change) bool { return time.Since(c.at) > 3*time.Minute })
}

func (f *cluster) count(method, path string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.Contains(r, " "+method+" "+path) {
			n++
		}
	}
	return n
}

func (f *cluster) client() *http.Client { return &http.Client{Transport: f} }

func (f *cluster) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Hostname()
	f.mu.Lock()
	f.requests = append(f.requests, host+" "+req.Method+" "+req.URL.Path)
	state := f.state[host]
	f.mu.Unlock()
	switch state {
	case "":
		return nil, errors.New("connection refused")
	case "hangs":
		<-req.Context().Done()
		return nil, req.Context().Err()
	case "broken":
		return reply(http.StatusInternalServerError, nil), nil
	case "not eureka":
		if req.Method == http.MethodGet {
			return reply(http.StatusOK, []byte("<html>Welcome!</html>")), nil
		}
		return reply(http.StatusMethodNotAllowed, nil), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	if req.URL.Path == "/zone.json" {
		return reply(http.StatusOK, f.list.Render(clientcfg.JSON, "")), nil
	}
	path, ok := strings.CutPrefix(req.URL.Path, "/eureka/apps")
	if !ok {
		return reply(http.StatusNotFound, nil), nil
	}
	return f.serve(req, state, strings.TrimPrefix(path, "/")), nil
}

func (f *cluster) serve(req *http.Request, state, path string) *http.Response {
	app, id, _ := strings.Cut(path, "/")
	switch {
	case req.Method == http.MethodGet && (state == "joining" || f.noDelta && app == "delta"):
		return reply(http.StatusForbidden, nil)
	case req.Method == http.MethodGet:
		return reply(http.StatusOK, f.answer(app == "delta", state == "lying"))
	case req.Method == http.MethodPost:
		body, _ := io.ReadAll(req.Body)
		in, err := eureka.DecodeInstance(body, eureka.JSON, 0)
		if err != nil || in.Validate(app) != nil || in.HostName == "refused" {
			return reply(http.StatusBadRequest, []byte("no such host name, please"))
		}
		f.register(in, in.LeaseInfo.Duration())
		return reply(http.StatusNoContent, nil)
	case req.Method == http.MethodDelete:
		if !f.cancel(app + "/" + id) {
			return reply(http.StatusNotFound, nil)
		}
		return reply(http.StatusOK, nil)
	}
	l := f.leases[app+"/"+id]
	dirty, err := strconv.ParseInt(req.URL.Query().Get("lastDirtyTimestamp"), 10, 64)
	if l == nil || err != nil || dirty > l.in.LastDirtyTimestamp {
		return reply(http.StatusNotFound, nil)
	}
	l.end = time.Now().Add(l.in.LeaseInfo.Duration())
	return reply(http.StatusOK, nil)
}

func (f *cluster) answer(delta, lying bool) []byte {
	var counts [eureka.NumStatuses]int
	apps := map[string]*eureka.Application{}
	add := func(in *eureka.Instance) {
		if apps[in.App] == nil {
			apps[in.App] = &eureka.Application{Name: in.App}
		}
		apps[in.App].Instances = append(apps[in.App].Instances, in)
	}
	for _, l := range f.leases {
		counts[l.in.Status]++
		if !delta {
			add(l.in)
		}
	}
	if delta {
		for _, c := range f.delta {
			add(c.in)
		}
	}
	all := &eureka.Applications{VersionsDelta: "1", AppsHashCode: eureka.HashCode(counts)}
	if lying && delta {
		all.AppsHashCode = "UP_99_"
	}
	for _, a := range apps {
		all.Applications = append(all.Applications, a)
	}
	return eureka.AppendApplications(nil, all, eureka.JSON)
}

func reply(code int, body []byte) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}
}
