package registry

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

const eurekaJSON = eureka.JSON

// member is instance i of a synthetic fleet: like a Spring Boot service, with 10 metadata entries.
func member(i, perApp int) *eureka.Instance {
	app := i / perApp
	name := fmt.Sprintf("order-service-%04d", app)
	host := fmt.Sprintf("ip-10-%d-%d-%d.eu-west-1.compute.internal", i>>16&255, i>>8&255, i&255)
	in := &eureka.Instance{
		InstanceID: fmt.Sprintf("%s:%s:8080", host, name), HostName: host, App: eureka.UpperApp(name),
		IPAddr: fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255), Status: eureka.Up,
		Port: eureka.Port{Number: 8080, Enabled: true}, SecurePort: eureka.Port{Number: 443}, CountryID: 1,
		DataCenterInfo: &eureka.DataCenterInfo{Name: "MyOwn"},
		HomePageURL:    "http://" + host + ":8080/", StatusPageURL: "http://" + host + ":8080/actuator/info",
		HealthCheckURL: "http://" + host + ":8080/actuator/health",
		VIPAddress:     name, SecureVIPAddress: name, LastDirtyTimestamp: dirty + int64(i),
	}
	for j, v := range []string{"8081", "3.2." + strconv.Itoa(app), "eu-west-1a", "blue", fmt.Sprintf("%016x", uint64(i+1)*0x9e3779b97f4a7c15), "team-" + strconv.Itoa(app%20), fmt.Sprintf("2026-02-%02dT%02d:15:%02dZ", i%27+1, i%24, i%60), "true", "jdk-17.0.9", "10"} {
		key := []string{"management.port", "version", "zone", "colour", "commit", "owner", "built", "canary", "runtime", "weight"}[j]
		in.Metadata = append(in.Metadata, eureka.MetadataEntry{Key: key, Value: v})
	}
	return in
}

func fill(r *Registry, n, perApp int) {
	for i := range n {
		if err := r.Register(member(i, perApp), FromClient); err != nil {
			panic(err)
		}
	}
}

func keyOf(in *eureka.Instance) Key { return Key{App: in.App, ID: in.ID()} }

func filled(b *testing.B, n int) *Registry {
	b.Helper()
	r, err := New(Config{Epoch: 1})
	if err != nil {
		b.Fatal(err)
	}
	fill(r, n, 50)
	return r
}

var sizes = []int{1_000, 10_000, 100_000}

func eachSize(b *testing.B, bench func(b *testing.B, r *Registry, n int)) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { bench(b, filled(b, n), n) })
	}
}

func BenchmarkRenew(b *testing.B) {
	eachSize(b, func(b *testing.B, r *Registry, n int) {
		keys := make([]Key, 1<<14)
		for i := range keys {
			keys[i] = keyOf(member(i*7919%n, 50)) // fresh strings, in no order
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if r.Renew(keys[i&(len(keys)-1)], Renewal{}, FromClient) != Renewed {
				b.Fatal("not found")
			}
			i++
		}
	})
}

func BenchmarkRenewParallel(b *testing.B) {
	r := filled(b, 10_000)
	keys := make([]Key, 1<<12)
	for i := range keys {
		keys[i] = keyOf(member(i*7919%10_000, 50))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			r.Renew(keys[i&(len(keys)-1)], Renewal{}, FromClient)
		}
	})
}

func BenchmarkMergeRenewal(b *testing.B) {
	r := filled(b, 100_000)
	keys := make([]Key, 1<<14)
	for i := range keys {
		keys[i] = keyOf(member(i*7919%100_000, 50))
	}
	e, _ := r.Entry(keys[0])
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.MergeRenewal(2, keys[i&(len(keys)-1)], e.Version, 0, false)
		i++
	}
}

// BenchmarkRegister is a registration from the decoded instance to its place in the registry.
func BenchmarkRegister(b *testing.B) {
	eachSize(b, func(b *testing.B, r *Registry, n int) {
		list := make([]*eureka.Instance, 1024)
		for i := range list {
			list[i] = member(i*7919%n, 50)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if err := r.Register(list[i&1023], FromClient); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}

// BenchmarkFull is a full fetch that nothing changed before.
func BenchmarkFull(b *testing.B) {
	eachSize(b, func(b *testing.B, r *Registry, n int) {
		body := r.Snapshot().Full(eureka.JSON, true)
		b.ReportMetric(float64(body.Len()), "gzipB")
		b.ReportAllocs()
		for b.Loop() {
			r.Snapshot().Full(eureka.JSON, true)
		}
	})
}

// BenchmarkChangeToVisible is one re-registration and the full fetch that shows it: what a change costs.
func BenchmarkChangeToVisible(b *testing.B) {
	eachSize(b, func(b *testing.B, r *Registry, n int) {
		r.Snapshot().Full(eureka.JSON, true)
		list := make([]*eureka.Instance, 256)
		for i := range list {
			list[i] = member(i*7919%n, 50)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if err := r.Register(list[i&255], FromClient); err != nil {
				b.Fatal(err)
			}
			now, _ := r.clock()
			r.view.latest(now).Full(eureka.JSON, true)
			i++
		}
	})
}

// BenchmarkDelta is the delta after a change, with so many changes in it.
func BenchmarkDelta(b *testing.B) {
	for _, changes := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("changes=%d", changes), func(b *testing.B) {
			r := filled(b, 10_000)
			r.view.build.Lock()
			r.view.apply()
			r.view.delta = newDelta(r.view.retention)
			r.view.build.Unlock()
			for i := range changes {
				if err := r.Register(member(i*7919%10_000, 50), FromClient); err != nil {
					b.Fatal(err)
				}
			}
			in := member(0, 50)
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Register(in, FromClient); err != nil {
					b.Fatal(err)
				}
				now, _ := r.clock()
				r.view.latest(now).Delta(eureka.JSON, true)
			}
			b.ReportMetric(float64(len(r.Snapshot().Delta(eureka.JSON, true))), "gzipB")
		})
	}
}

// BenchmarkExpiryScan is the look for leases that are over, where none is, among a million.
func BenchmarkExpiryScan(b *testing.B) {
	l := newLeases()
	for range 1_000_000 {
		l.at(l.add(&record{})).set(0, 90*time.Second, 30*time.Second, 0)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.over(0, func(int32, moment) { b.Fatal("none is over") })
	}
}

// BenchmarkSurvey is what self-preservation costs per look, while leases are over.
func BenchmarkSurvey(b *testing.B) {
	r := filled(b, 100_000)
	for b.Loop() {
		r.survey(0, longAgo)
	}
}

// BenchmarkMemory reports the live bytes of an instance: everything but the bodies, and with a full body made.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	live := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for b.Loop() {
		before := live()
		r, err := New(Config{Epoch: 1, DeltaRetention: time.Nanosecond})
		if err != nil {
			b.Fatal(err)
		}
		fill(r, n, 50)
		time.Sleep(5 * time.Millisecond) // until the delta is empty
		r.Snapshot()
		b.ReportMetric((live()-before)/n, "B/instance")
		body := r.Snapshot().Full(eureka.JSON, true).Len()
		b.ReportMetric((live()-before)/n, "B/instance-with-body")
		b.ReportMetric(float64(body)/n, "gzipB/instance")
		e, _ := r.Entry(keyOf(member(0, 50)))
		b.ReportMetric(float64(len(e.Text)), "textB")
		runtime.KeepAlive(r)
	}
}
