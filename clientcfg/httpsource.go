package clientcfg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// HTTPConfig tells an HTTPSource how to ask. The zero value works.
type HTTPConfig struct {
	// Cluster, if not empty, passes over servers that answer with the list of
	// another cluster.
	Cluster string
	// Timeout bounds one request to one server. Defaults to 2 seconds.
	Timeout time.Duration
	// Wait is how long a server may hold a watch back. Defaults to 30 seconds.
	Wait time.Duration
	// HTTP does the requests. Defaults to http.DefaultClient, bounded by the
	// time-outs above.
	HTTP *http.Client
	// Rand draws whom to ask first. The source locks around it; nobody else may
	// use it. Defaults to a randomly seeded one.
	Rand *rand.Rand
}

// HTTPSource asks servers for their list: those it was told by Learn, in random
// order, then its seeds. Seeds only matter while none of the servers known
// answers, so they may be one stable name, or servers that are long gone.
//
// What a server answers is not known by that: the Client may refuse it, and
// then its servers must not be asked next.
type HTTPSource struct {
	cfg   HTTPConfig
	seeds []string

	mu    sync.Mutex
	known ServerList
	etag  string    // what the servers call known
	heard [2]string // entity tag of the last answer: ours, the server's
}

// askKnown is how many of the known servers are asked before the seeds get
// their turn: a list that is dead as a whole must not use up the time.
const askKnown = 3

// NewHTTPSource returns a source that starts with these seeds: URLs of servers
// as clients use them (http://zk-1:8761/eureka/), or without the path. Without
// seeds it needs another source in Sources to begin with, as the database.
func NewHTTPSource(seeds []string, cfg HTTPConfig) (*HTTPSource, error) {
	h := &HTTPSource{cfg: cfg}
	for _, s := range seeds {
		u, err := baseURL(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
		h.seeds = append(h.seeds, u)
	}
	h.cfg.Timeout = cmp.Or(max(cfg.Timeout, 0), 2*time.Second)
	h.cfg.Wait = cmp.Or(max(cfg.Wait, 0), 30*time.Second)
	h.cfg.HTTP = cmp.Or(cfg.HTTP, http.DefaultClient)
	if h.cfg.Rand == nil {
		h.cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return h, nil
}

// Learn makes the list the one whose servers are asked first.
func (h *HTTPSource) Learn(l ServerList) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	tag := l.ETag()
	if tag != h.known.ETag() {
		h.known, h.etag = l, tag
	}
	if tag == h.heard[0] {
		h.etag = h.heard[1]
	}
	return nil
}

// Servers asks one server after the other until one answers with a list that
// is not empty.
func (h *HTTPSource) Servers(ctx context.Context) (ServerList, error) {
	return h.ask(ctx, "zone.json", h.cfg.Timeout)
}

// Watch asks a server to answer when its list is no longer the one with this
// tag, and returns the list then; or the list as it is, after HTTPConfig.Wait
// or shortly before ctx ends.
func (h *HTTPSource) Watch(ctx context.Context, etag string) (ServerList, error) {
	h.mu.Lock()
	same := etag == h.known.ETag()
	h.mu.Unlock()
	if !same {
		return h.Servers(ctx)
	}
	wait := h.cfg.Wait
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-500*time.Millisecond)
	}
	if wait < 100*time.Millisecond {
		<-ctx.Done() // too short to be worth a request
		return ServerList{}, ctx.Err()
	}
	query := "?wait=" + wait.Truncate(time.Millisecond).String()
	return h.ask(ctx, "api/v1/zone/watch"+query, wait+h.cfg.Timeout)
}

var errNobodyToAsk = fmt.Errorf("%w: no seeds, and no server known yet", ErrNoServers)

// ask sends the request to one base after the other.
func (h *HTTPSource) ask(ctx context.Context, path string, timeout time.Duration) (ServerList, error) {
	bases := h.bases()
	if len(bases) == 0 {
		return ServerList{}, errNobodyToAsk
	}
	var errs []error
	for _, base := range bases {
		l, err := h.askOne(ctx, root(base)+path, timeout)
		if err == nil {
			return l, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return ServerList{}, errors.Join(errs...)
}

// bases returns whom to ask, in order: some known servers, the seeds, the rest.
func (h *HTTPSource) bases() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.known.URLs("")
	h.cfg.Rand.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	seeds := slices.DeleteFunc(slices.Clone(h.seeds), func(s string) bool { return slices.Contains(known, s) })
	h.cfg.Rand.Shuffle(len(seeds), func(i, j int) { seeds[i], seeds[j] = seeds[j], seeds[i] })
	early := min(askKnown, len(known))
	return slices.Concat(known[:early], seeds, known[early:])
}

func (h *HTTPSource) askOne(ctx context.Context, url string, timeout time.Duration) (ServerList, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ServerList{}, err
	}
	req.Header.Set("Accept", JSON.ContentType())
	h.mu.Lock()
	known, etag := h.known, h.etag
	h.mu.Unlock()
	if etag != "" && !known.Empty() {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := h.cfg.HTTP.Do(req)
	if err != nil {
		return ServerList{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && !known.Empty() {
		return known, nil
	}
	if resp.StatusCode != http.StatusOK {
		return ServerList{}, fmt.Errorf("%s answered %s", shown(url), resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxListBytes+1))
	if err != nil {
		return ServerList{}, fmt.Errorf("read %s: %w", shown(url), err)
	}
	l, err := DecodeServerList(body)
	switch {
	case err != nil:
		return ServerList{}, fmt.Errorf("%s: %w", shown(url), err)
	case l.Empty():
		return ServerList{}, fmt.Errorf("%s: %w", shown(url), ErrNoServers)
	case h.cfg.Cluster != "" && l.Cluster != "" && l.Cluster != h.cfg.Cluster:
		return ServerList{}, fmt.Errorf("%s belongs to cluster %q, not %q", shown(url), l.Cluster, h.cfg.Cluster)
	}
	tag := l.ETag()
	h.mu.Lock()
	h.heard = [2]string{tag, cmp.Or(resp.Header.Get("ETag"), tag)}
	h.mu.Unlock()
	return l, nil
}

// root returns where /zone.json lies beside a server's Eureka API.
func root(base string) string {
	for _, context := range [...]string{"eureka/v2/", "eureka/", "v2/"} {
		if r, ok := strings.CutSuffix(base, "/"+context); ok {
			return r + "/"
		}
	}
	return base
}
