package replication

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

const (
	benchInstances = 100_000
	benchBatch     = 1000
)

// benchWorld is a replicator whose registry holds many instances, as seen from the peer that has epoch 7.
func benchWorld(b *testing.B) (*Replicator, []registry.Key, []registry.Version) {
	r, _ := alone(b, nil)
	w := &world{lease: 90}
	keys, versions := make([]registry.Key, benchInstances), make([]registry.Version, benchInstances)
	for i := range keys {
		app := i % 2000
		keys[i] = registry.Key{
			App: fmt.Sprintf("ORDER-SERVICE-%04d", app),
			ID:  fmt.Sprintf("order-service-%04d-%08x-%05x:order-service-%04d:8080", app, uint32(i)*2654435761, i&0xfffff, app),
		}
		versions[i] = registry.Version{Stamp: 1732252800000 + int64(i), Registered: true, Epoch: 7}
		text := eureka.AppendInstance(nil, w.instance(keys[i].App, keys[i].ID, versions[i].Stamp), eureka.JSON, eureka.List)
		out := r.cfg.Registry.Merge(7, registry.Entry{Key: keys[i], Version: versions[i], Text: text, DeltaAge: -1})
		require.Equal(b, registry.Applied, out)
	}
	b.ReportAllocs()
	return r, keys, versions
}

// cpu measures the processor time of the whole process, which says more than the clock on a machine that others use too.
func cpu(b *testing.B) (stop func(n int, what string)) {
	used := func() time.Duration {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	runtime.GC()
	before := used()
	return func(n int, what string) {
		b.ReportMetric(float64(used()-before)/float64(b.N)/float64(n), "cpu-ns/"+what)
	}
}

// BenchmarkRenewalsIn is one call with a thousand renewals, decoded and merged into 100,000 leases.
func BenchmarkRenewalsIn(b *testing.B) {
	r, keys, versions := benchWorld(b)
	var calls [][]byte
	size := 0
	for from := 0; from < len(keys); from += benchBatch {
		frame, start := beginFrame(nil, frameRenewals)
		frame = append(frame, 1)
		var w renewalWriter
		for i := range benchBatch {
			k := (from + i*37) % len(keys)
			frame = w.append(frame, renewal{keys[k], versions[k], 100 * time.Millisecond})
		}
		calls = append(calls, endFrame(frame, start))
		size = len(frame)
	}
	_, err := r.receiver.receive(caller, request{Stream: 1})
	require.NoError(b, err)
	sequence := uint64(0)
	stop := cpu(b)
	for b.Loop() {
		sequence++
		q, err := decodeRequest(append(appendRequestHead(nil, request{Stream: 1, Sequence: sequence, Drained: true}), calls[sequence%uint64(len(calls))]...))
		if err == nil {
			_, err = r.receiver.receive(caller, q)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	stop(benchBatch, "renewal")
	b.ReportMetric(float64(size)/benchBatch, "B/renewal")
}

// BenchmarkRenewalsOut is a thousand renewals from the request's append to the body of a call, for one peer.
func BenchmarkRenewalsOut(b *testing.B) {
	r, keys, versions := benchWorld(b)
	st := newStream(r.newSender(newPeer("peer")))
	defer st.close()
	st.digestDue = r.cfg.Now().Add(time.Hour)
	next := 0
	stop := cpu(b)
	for b.Loop() {
		for range benchBatch {
			next = (next + 37) % len(keys)
			r.Enqueue(registry.Change{Key: keys[next], Kind: registry.LeaseRenewed, Version: versions[next]})
		}
		if err := st.pump(); err != nil {
			b.Fatal(err)
		}
		if _, drained := st.compose(); !drained {
			b.Fatal("not drained")
		}
	}
	stop(benchBatch, "renewal")
}

// BenchmarkEnqueue is what a client's request pays.
func BenchmarkEnqueue(b *testing.B) {
	r, _ := alone(b, nil)
	for range 4 { // peers
		defer r.feed.follow().close()
	}
	c := registry.Change{Key: registry.Key{App: "A", ID: "1"}, Kind: registry.LeaseRenewed}
	b.ReportAllocs()
	for b.Loop() {
		r.Enqueue(c)
	}
}

// BenchmarkCopyEverything is the full copy of 100,000 instances, per instance, without the network.
func BenchmarkCopyEverything(b *testing.B) {
	from, keys, _ := benchWorld(b)
	for b.Loop() {
		b.StopTimer()
		to, _ := alone(b, nil)
		_, err := to.receiver.receive(caller, request{Stream: 1})
		require.NoError(b, err)
		st := newStream(from.newSender(newPeer("peer")))
		require.NoError(b, st.want(want{Kind: wantAll, Round: 1}))
		sequence := uint64(0)
		b.StartTimer()
		for st.copies.pending() {
			sequence++
			frames, _ := st.compose()
			if _, err := to.receiver.receive(caller, request{Stream: 1, Sequence: sequence, Frames: string(frames)}); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		st.close()
		require.Equal(b, len(keys), to.cfg.Registry.Stats().Instances)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(keys)), "ns/instance")
}

// BenchmarkJavaHeartbeats is the batch of 250 heartbeats that a Java server gets, from the queue to the body.
func BenchmarkJavaHeartbeats(b *testing.B) {
	r, keys, versions := benchWorld(b)
	j, err := newJavaSender(&r.cfg, r.feed, &r.totals, func() bool { return true }, "http://java:8761/eureka/")
	require.NoError(b, err)
	q := newJavaQueue()
	var body []byte
	now := r.cfg.Now()
	next := 0
	stop := cpu(b)
	for b.Loop() {
		for range maxJavaBatch {
			next = (next + 37) % len(keys)
			q.push(javaTask{Key: keys[next], action: eureka.Heartbeat, dirty: versions[next].Stamp, status: eureka.Up, since: now, expires: now.Add(time.Hour)})
		}
		items, _ := j.items(j.fresh(q.take(maxJavaBatch)))
		body = eureka.AppendReplicationList(body[:0], items)
	}
	stop(maxJavaBatch, "renewal")
}
