package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

const (
	simBeat  = 30 * time.Second
	simLease = 90 * time.Second
)

// simClient behaves as Eureka clients do: registers, renews every 30 s, tries up to three servers in a call, registers again on
// 404, follows the server list, and cancels when it stops.
type simClient struct {
	w    *simWorld
	id   int
	key  registry.Key
	http *http.Client
	rand *rand.Rand
	skew time.Duration // of its clock
	turn chan struct{} // held by whoever talks to a server: one call at a time

	mu         sync.Mutex
	stop       context.CancelFunc
	known      []string // addresses of servers
	sticky     int
	alive      bool
	registered bool
	text       int
	dirty      int64
	okSince    time.Time // answered 200 without a break since then; zero: no
	lastOK     time.Time
	lastHeard  time.Time        // any server heard it
	regAt      time.Time        // of its last registration
	version    registry.Version // of its last registration, as the server that took it numbered it
	cancelled  bool             // and not registered since
	cleanly    bool             // the server that took the cancel knew the last registration, and nothing was under way
	tombstone  registry.Version
	limbo      time.Time // when a call last ended without an answer: a server may still act on it
	joiner     time.Time // a server that does not serve yet answered last; it may know nobody whom it could tell
}

func (w *simWorld) newClient(id int) *simClient {
	app := fmt.Sprintf("APP%d", id%7)
	c := &simClient{
		w: w, id: id, key: registry.Key{App: app, ID: fmt.Sprintf("host-%d:%s:80", id, strings.ToLower(app))},
		rand: rand.New(rand.NewPCG(w.seed, uint64(1000+id))), skew: time.Duration(id%3) * time.Second, turn: make(chan struct{}, 1),
	}
	transport := &http.Transport{DialContext: w.net.Dialer(c.host()), IdleConnTimeout: 20 * time.Second}
	c.http = &http.Client{Transport: transport, Timeout: 4 * time.Second}
	return c
}

func (c *simClient) host() string { return fmt.Sprintf("10.1.0.%d", c.id) }

// Launch starts a new life of the client, with the odd clocks that real ones have.
func (c *simClient) Launch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive {
		return
	}
	c.alive, c.registered, c.cancelled, c.okSince = true, false, false, time.Time{}
	c.text++
	switch c.rand.IntN(4) {
	case 0: // the same timestamp again
	case 1: // its clock stepped back
		c.dirty -= c.rand.Int64N(100_000)
	default:
		c.dirty = c.clock()
	}
	if c.dirty <= 0 {
		c.dirty = c.clock()
	}
	ctx, cancel := context.WithCancel(c.w.ctx)
	c.stop = cancel
	c.w.group.Go(func() { c.live(ctx) })
}

func (c *simClient) clock() int64 { return time.Now().Add(c.skew).UnixMilli() }

func (c *simClient) live(ctx context.Context) {
	tick := time.NewTicker(simBeat)
	defer tick.Stop()
	for {
		c.alone(func() {
			if ctx.Err() == nil {
				c.beat(c.w.ctx)
			}
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// alone does one thing after the other: what a client sends after a cancel is no fault of the servers.
func (c *simClient) alone(talk func()) {
	select {
	case c.turn <- struct{}{}:
		talk()
		<-c.turn
	case <-c.w.ctx.Done():
	}
}

func (c *simClient) beat(ctx context.Context) {
	c.refresh(ctx)
	c.mu.Lock()
	registered := c.registered
	c.mu.Unlock()
	if !registered {
		c.register(ctx, "")
		return
	}
	status, server := c.call(ctx, "", http.MethodPut, c.path()+"?status=UP&lastDirtyTimestamp="+fmt.Sprint(c.dirtyNow()), "")
	switch status {
	case http.StatusOK:
		c.note(true, false)
	case http.StatusNotFound:
		c.w.count("renewals answered 404")
		c.mu.Lock()
		if c.rand.IntN(2) == 0 {
			c.dirty = c.clock()
		}
		c.okSince = time.Time{}
		c.mu.Unlock()
		c.register(ctx, server)
	default:
		c.note(false, false)
	}
}

func (c *simClient) dirtyNow() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dirty
}

func (c *simClient) path() string {
	return "/eureka/apps/" + c.key.App + "/" + url.PathEscape(c.key.ID)
}

func (c *simClient) register(ctx context.Context, server string) {
	c.mu.Lock()
	body := fmt.Sprintf(`{"instance":{"instanceId":%q,"hostName":%q,"app":%q,"ipAddr":%q,"status":"UP","port":{"$":80,"@enabled":"true"},`+
		`"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},"vipAddress":%q,`+
		`"lastDirtyTimestamp":"%d","leaseInfo":{"renewalIntervalInSecs":30,"durationInSecs":90},"metadata":{"text":"%d"}}}`,
		c.key.ID, c.host(), c.key.App, c.host(), strings.ToLower(c.key.App), c.dirty, c.text)
	c.mu.Unlock()
	status, at := c.call(ctx, server, http.MethodPost, "/eureka/apps/"+c.key.App, body)
	if status == http.StatusNoContent {
		version := c.w.versionAt(at, c.key)
		c.mu.Lock()
		c.registered, c.cancelled, c.regAt = true, false, time.Now()
		c.version = version
		c.mu.Unlock()
	}
	c.note(status == http.StatusNoContent, true)
}

// note keeps since when the client has been answered without a break.
func (c *simClient) note(ok, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !ok {
		if now.Sub(c.lastOK) > 2*simBeat {
			c.okSince = time.Time{}
		}
		return
	}
	gap := now.Sub(c.lastOK)
	c.lastOK = now
	if c.okSince.IsZero() || fresh || gap > 65*time.Second {
		c.okSince = now
	}
}

// Change registers other content, or the same again, perhaps at another server.
func (c *simClient) Change(move bool) {
	c.mu.Lock()
	ok := c.alive && c.registered
	if ok {
		c.text++
		c.dirty = max(c.dirty+1, c.clock())
		if move {
			c.sticky++
		}
	}
	c.mu.Unlock()
	if ok {
		c.w.group.Go(func() {
			c.alone(func() {
				c.mu.Lock()
				still := c.alive
				c.mu.Unlock()
				if still {
					c.register(c.w.ctx, "")
				}
			})
		})
	}
}

// Move makes the client go to another server with its next call.
func (c *simClient) Move() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sticky++
}

// Die ends the client without a word.
func (c *simClient) Die() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.alive {
		return
	}
	c.alive, c.okSince = false, time.Time{}
	c.stop()
}

// Cancel ends the client as a good one ends.
func (c *simClient) Cancel() {
	c.mu.Lock()
	if !c.alive || !c.registered {
		c.mu.Unlock()
		return
	}
	c.alive, c.okSince = false, time.Time{}
	c.stop()
	c.mu.Unlock()
	c.w.group.Go(func() {
		c.alone(func() {
			before := time.Now()
			status, at := c.call(c.w.ctx, "", http.MethodDelete, c.path(), "")
			if status != http.StatusOK {
				return
			}
			entry, _ := c.w.entryAt(at, c.key)
			c.mu.Lock()
			mine := c.version
			c.mu.Unlock()
			newer := c.w.newest(c.key).Compare(entry.Version) > 0
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.alive || c.regAt.After(before) { // launched again meanwhile
				return
			}
			c.cancelled, c.tombstone = true, entry.Version
			c.cleanly = entry.Tombstone && !newer && entry.Version.Compare(mine) > 0 && time.Since(c.limbo) > 3*time.Minute
		})
	})
}

// refresh reads the server list from whoever answers, as clientcfg does; a client that knows nobody alive asks the world's name service.
func (c *simClient) refresh(ctx context.Context) {
	status, body := 0, ""
	for _, addr := range c.candidates("") {
		if status, body = c.do(ctx, addr, http.MethodGet, "/zone.json", ""); status == http.StatusOK {
			break
		}
	}
	var list struct {
		Servers []struct {
			URL string `json:"url"`
		} `json:"servers"`
	}
	var found []string
	if status == http.StatusOK && json.Unmarshal([]byte(body), &list) == nil {
		for _, s := range list.Servers {
			if u, err := url.Parse(s.URL); err == nil {
				found = append(found, u.Host)
			}
		}
	}
	if len(found) == 0 {
		found = c.w.addresses()
	}
	slices.Sort(found)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(found, c.known) {
		c.known = found
	}
}

func (c *simClient) candidates(server string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var order []string
	if server != "" {
		order = append(order, server)
	}
	for i := range c.known {
		order = append(order, c.known[(c.sticky+c.id+i)%len(c.known)])
	}
	return order[:min(3, len(order))]
}

// call tries up to three servers. Once in 200 times an answer is lost: the server acted and the client takes it for a failure.
func (c *simClient) call(ctx context.Context, server, method, path, body string) (int, string) {
	for i, addr := range c.candidates(server) {
		if i > 0 {
			c.Move()
		}
		status, _ := c.do(ctx, addr, method, path, body)
		if status == 0 || status >= 500 || status == http.StatusForbidden {
			c.mu.Lock()
			c.limbo = time.Now()
			c.mu.Unlock()
			continue
		}
		joins := !slices.ContainsFunc(c.w.standing(), func(s *simServer) bool { return s.addr == addr && s.serving() })
		c.mu.Lock()
		if status < 300 {
			c.lastHeard = time.Now()
			if joins {
				c.joiner = c.lastHeard
			}
		}
		lost := c.rand.IntN(200) == 0
		c.mu.Unlock()
		if lost && !c.w.quiet() {
			continue
		}
		return status, addr
	}
	return 0, ""
}

// do is one request; status 0 means that there was no answer.
func (c *simClient) do(ctx context.Context, addr, method, path, body string) (int, string) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		c.w.fail("client", "%v", err)
		return 0, ""
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.w.partitioned(c.host(), addr) {
		return 0, ""
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(answer)
}
