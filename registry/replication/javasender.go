package replication

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

const (
	// javaGather is how long heartbeats wait for company. Compat: upstream's batching delay, which there holds up everything.
	javaGather = 500 * time.Millisecond
	// Compat: Netflix/eureka TrafficShaper.java: after a network error, and after 503 or a read timeout.
	javaNetworkRetry    = 100 * time.Millisecond
	javaCongestionRetry = time.Second
	javaTimeout         = 5 * time.Second
)

// A javaSender tells one Eureka server written in Java what clients do here, as such servers tell each other: every registration,
// heartbeat, cancel and status change of our own clients, in batches, one at a time and so in order.
// Compat: Netflix/eureka PeerEurekaNode.java, ReplicationTaskProcessor.java.
type javaSender struct {
	cfg    *Config
	feed   *feed
	totals *Totals
	ready  func() bool // our own servers have been copied
	base   string      // with a slash at its end, without credentials
	auth   string      // value of Authorization; "" for none

	asked atomic.Bool // it was asked for what it has, with or without success

	mu     sync.Mutex
	queued int
	oldest time.Time
	up     bool
	err    error
	flush  []chan<- struct{}
	urge   chan struct{}
}

func newJavaSender(cfg *Config, f *feed, t *Totals, ready func() bool, raw string) (*javaSender, error) {
	u, err := parseJavaPeer(raw)
	if err != nil {
		return nil, err
	}
	j := &javaSender{cfg: cfg, feed: f, totals: t, ready: ready, urge: make(chan struct{}, 1)}
	// Compat: as the Java transports, which send Basic only when the URL has both a name and a password.
	if password, ok := u.User.Password(); ok {
		j.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	j.base = strings.TrimSuffix(bare.String(), "/") + "/"
	return j, nil
}

// run sends until ctx ends, and meanwhile asks once for what the server has.
func (j *javaSender) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { j.syncUp(ctx) })

	cursor := j.feed.follow()
	defer cursor.close()
	defer j.finishFlush()
	q := newJavaQueue()
	for ctx.Err() == nil {
		j.pump(cursor, q)
		now := j.cfg.Now()
		j.note(q)
		flushing := j.flushing()
		wait := time.Hour
		switch {
		case q.now > 0, q.n >= maxJavaBatch, flushing && q.n > 0:
			wait = 0
		case flushing:
			j.finishFlush()
		case q.n > 0:
			wait = q.oldest().Add(javaGather).Sub(now)
		}
		if wait <= 0 {
			j.deliver(ctx, q.take(maxJavaBatch), func() { j.pump(cursor, q) }, q)
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-cursor.wait(q.n > 0):
		case <-t.C:
		case <-j.urge:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// pump queues what our own clients did. What came as replication is never sent on.
func (j *javaSender) pump(c *cursor, q *javaQueue) {
	changes, complete := c.read(nil)
	if !complete {
		j.totals.JavaDropped.Add(1) // their later heartbeats find out
	}
	for _, c := range changes {
		if c.Origin != registry.FromClient || c.Action == eureka.NoReplication {
			continue
		}
		t := javaTask{Key: c.Key, action: c.Action, dirty: c.Dirty, status: c.Status, overridden: c.Overridden, since: c.at, expires: c.at.Add(javaTaskLife)}
		j.totals.JavaDropped.Add(uint64(q.push(t)))
	}
}

// deliver sends one batch until it is answered, refused for good, or expired. Meanwhile pump keeps up with the feed.
func (j *javaSender) deliver(ctx context.Context, batch []javaTask, pump func(), q *javaQueue) {
	for {
		batch = j.fresh(batch)
		items, tasks := j.items(batch)
		if len(items) == 0 {
			return
		}
		answers, err := j.post(ctx, items)
		j.result(err)
		if err == nil {
			j.totals.JavaItems.Add(uint64(len(items)))
			j.react(tasks, answers, q)
			return
		}
		j.finishFlush() // nobody waits for a server that does not answer
		wait := javaNetworkRetry
		var status *statusError
		switch {
		case errors.As(err, &status) && status.code != http.StatusServiceUnavailable, errors.Is(err, errAnswer):
			j.totals.JavaDropped.Add(uint64(len(items)))
			return
		case errors.As(err, &status), errors.Is(err, context.DeadlineExceeded):
			wait = javaCongestionRetry
		}
		if !sleep(ctx, wait) {
			return
		}
		pump()
	}
}

// fresh drops what has expired.
func (j *javaSender) fresh(batch []javaTask) []javaTask {
	now := j.cfg.Now()
	kept := batch[:0]
	for _, t := range batch {
		if t.expires.After(now) {
			kept = append(kept, t)
		} else {
			j.totals.JavaDropped.Add(1)
		}
	}
	return kept
}

// items writes the tasks as a Java server would. A registration carries the instance as it is now; one that is gone meanwhile is
// left out, as its cancel follows.
func (j *javaSender) items(batch []javaTask) (items []eureka.ReplicationItem, tasks []javaTask) {
	items, tasks = make([]eureka.ReplicationItem, 0, len(batch)), make([]javaTask, 0, len(batch))
	for _, t := range batch {
		item := eureka.ReplicationItem{AppName: t.App, ID: t.ID, Action: t.action}
		switch t.action {
		case eureka.Cancel:
		case eureka.Register:
			in, ok := j.cfg.Registry.Instance(t.Key)
			if !ok {
				continue
			}
			item.LastDirtyTimestamp, item.HasDirty, item.Status, item.Instance = in.LastDirtyTimestamp, true, in.Status.String(), in
		default:
			item.LastDirtyTimestamp, item.HasDirty, item.Status = t.dirty, true, t.status.String()
			if t.action == eureka.Heartbeat && t.overridden != eureka.Unknown {
				item.OverriddenStatus = t.overridden.String()
			}
		}
		items, tasks = append(items, item), append(tasks, t)
	}
	return items, tasks
}

// react to the answers: 404 to a heartbeat means that the server does not know the instance, another refusal with an entity that it
// holds a newer one. Everything else is at most worth a line.
func (j *javaSender) react(tasks []javaTask, answers []eureka.ReplicationAnswer, q *javaQueue) {
	if len(answers) != len(tasks) {
		j.cfg.Log.Warn("java server answered another number of items", "peer", j.base, "sent", len(tasks), "answered", len(answers))
		return
	}
	for i, a := range answers {
		t := tasks[i]
		switch {
		case a.StatusCode >= 200 && a.StatusCode < 300:
		case t.action == eureka.Heartbeat && a.StatusCode == http.StatusNotFound:
			now := j.cfg.Now()
			t.action, t.since, t.expires = eureka.Register, now, now.Add(javaTaskLife)
			j.totals.JavaDropped.Add(uint64(q.push(t)))
		case t.action == eureka.Heartbeat && a.Entity != nil:
			if err := j.adopt(t.Key, a.Entity); err != nil {
				j.cfg.Log.Warn("newer instance of a java server not taken", "peer", j.base, "app", t.App, "instance", t.ID, "err", err)
			}
		default:
			j.cfg.Log.Debug("java server refused an item", "peer", j.base, "app", t.App, "instance", t.ID, "action", t.action.String(), "code", a.StatusCode)
		}
	}
}

// adopt takes the instance that a Java server holds in place of our older one.
func (j *javaSender) adopt(k registry.Key, entity []byte) error {
	in, err := eureka.DecodeBareInstance(entity, j.cfg.Now().UnixMilli())
	if err != nil {
		return err
	}
	if got := (registry.Key{App: eureka.UpperApp(in.App), ID: in.ID()}); got != k {
		return fmt.Errorf("the entity is %s/%s", got.App, got.ID)
	}
	if err := j.cfg.Registry.Register(in, registry.FromJavaPeer); err != nil {
		return err
	}
	// Compat: upstream stores the peer's override first (storeOverriddenStatusIfRequired), over one that we have.
	own, ok := j.cfg.Registry.Instance(k)
	if in.OverriddenStatus != eureka.Unknown && ok && own.OverriddenStatus != in.OverriddenStatus {
		return j.cfg.Registry.SetStatus(k, in.OverriddenStatus, in.LastDirtyTimestamp, registry.FromJavaPeer)
	}
	return nil
}
