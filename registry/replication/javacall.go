package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

const (
	maxJavaAnswer = 16 << 20  // bytes: 250 entities
	maxJavaApps   = 256 << 20 // bytes: some 200,000 instances
	// javaSyncWait is how long a Java server is not asked for its instances until ours have been copied: what they hold goes first.
	javaSyncWait = 10 * time.Second
	javaSyncTime = 10 * time.Second // for its answer
)

var errAnswer = errors.New("answer cannot be read")

// post sends a batch.
// Compat: recorded from Spring Cloud 2025.0.1 (testdata of the recordings: clients-peer-server): path, labels and identity headers.
func (j *javaSender) post(ctx context.Context, items []eureka.ReplicationItem) ([]eureka.ReplicationAnswer, error) {
	body := eureka.AppendReplicationList(nil, items)
	answer, err := j.call(ctx, http.MethodPost, "peerreplication/batch/", body, javaTimeout, maxJavaAnswer)
	if err != nil {
		return nil, err
	}
	answers, err := eureka.DecodeReplicationAnswers(answer, len(items))
	if err != nil {
		return nil, fmt.Errorf("batch to %s: %w: %w", j.base, errAnswer, err)
	}
	return answers, nil
}

func (j *javaSender) call(ctx context.Context, method, path string, body []byte, timeout time.Duration, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, j.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call java server: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("DiscoveryIdentity-Name", "DefaultServer")
	req.Header.Set("DiscoveryIdentity-Version", "1.0")
	req.Header.Set("DiscoveryIdentity-Id", j.identity())
	if j.auth != "" {
		req.Header.Set("Authorization", j.auth)
	}
	res, err := j.cfg.Transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("call java server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
		return nil, &statusError{res.StatusCode, http.StatusText(res.StatusCode)}
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the java server's answer: %w", err)
	}
	if int64(len(answer)) > limit {
		return nil, fmt.Errorf("call java server: %w: more than %d bytes", errAnswer, limit)
	}
	return answer, nil
}

// identity is what Java servers put there: the address of the caller.
func (j *javaSender) identity() string { return hostOf(j.cfg.Self().EurekaURL) }

// syncUp asks the server for its instances, until it answers once, and takes those that nobody here knows. Those that are known have
// a version among our own servers, which a copy without one must not replace; the server's own heartbeats settle the rest.
func (j *javaSender) syncUp(ctx context.Context) {
	began := j.cfg.Now()
	for !j.ready() && j.cfg.Now().Sub(began) < javaSyncWait {
		if !sleep(ctx, 50*time.Millisecond) {
			return
		}
	}
	wait := time.Second
	for {
		n, err := j.copyAll(ctx)
		j.asked.Store(true)
		if err == nil {
			j.cfg.Log.Info("copied from java server", "peer", j.base, "instances", n)
			return
		}
		j.result(err)
		if !sleep(ctx, time.Duration(float64(wait)*(0.5+j.cfg.Rand()/2))) {
			return
		}
		wait = min(2*wait, 30*time.Second)
	}
}

func (j *javaSender) copyAll(ctx context.Context) (n int, err error) {
	body, err := j.call(ctx, http.MethodGet, "apps/", nil, javaSyncTime, maxJavaApps)
	if err != nil {
		return 0, err
	}
	all, err := eureka.DecodeApplications(body, eureka.JSON)
	if err != nil {
		return 0, fmt.Errorf("instances of %s: %w: %w", j.base, errAnswer, err)
	}
	for _, app := range all.Applications {
		for _, in := range app.Instances {
			k := registry.Key{App: eureka.UpperApp(in.App), ID: in.ID()}
			if e, ok := j.cfg.Registry.Entry(k); ok && !e.Version.IsZero() || in.Validate(in.App) != nil {
				continue
			}
			if err := j.cfg.Registry.Register(in, registry.FromJavaPeer); err == nil {
				n++
			}
		}
	}
	return n, nil
}
