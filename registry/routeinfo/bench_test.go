package routeinfo

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

func topicNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("order-service-topic-%06d", i)
	}
	return names
}

// bigTable has two brokers with n topics each.
func bigTable(b *testing.B, n int) *fixture {
	b.Helper()
	f := newFixture(b)
	f.register(1, brokerOf("a", 0), named(topicNames(n)...))
	f.register(2, brokerOf("b", 0), named(topicNames(n)...))
	return f
}

func BenchmarkRoute(b *testing.B) {
	f := bigTable(b, 50_000)
	topics := make([][]byte, 1024)
	for i := range topics {
		topics[i] = []byte(fmt.Sprintf("order-service-topic-%06d", i*48))
	}
	b.Run("ready", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := f.Route(topics[i%len(topics)], remoting.Quoted); !ok {
				b.Fatal("no route")
			}
		}
	})
	b.Run("ready, all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				f.Route(topics[i%len(topics)], remoting.Quoted)
			}
		})
	})
	b.Run("encoded anew", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			f.gen++
			f.Route(topics[i%len(topics)], remoting.Quoted)
		}
	})
}

func BenchmarkRegister(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		f := newFixture(b)
		f.register(2, brokerOf("b", 0), named(topicNames(n)...))
		r := reg(brokerOf("a", 0), named(topicNames(n)...))
		register := func(b *testing.B) {
			if _, err := f.Register(r, 1, f.now); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("topics=%d/unchanged", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				register(b)
			}
		})
		b.Run(fmt.Sprintf("topics=%d/other version", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Version.Counter++
				register(b)
			}
		})
		b.Run(fmt.Sprintf("topics=%d/all changed", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Version.Counter++
				for i := range r.Topics {
					r.Topics[i].ReadQueues ^= 1
				}
				register(b)
			}
		})
		b.Run(fmt.Sprintf("topics=%d/new", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				f.ConnClosed(1, f.now)
				b.StartTimer()
				register(b)
			}
		})
	}
}

// A topic is created at a broker of a table with 50,000: until a client sees it.
func BenchmarkChangeToVisible(b *testing.B) {
	f := bigTable(b, 50_000)
	r := reg(brokerOf("a", 0), named("created", "order-service-topic-000001"), versioned(2))
	b.Run("topic", func(b *testing.B) {
		for b.Loop() {
			r.Version.Counter++
			r.Topics[0].ReadQueues ^= 1
			_, _ = f.Register(r, 1, f.now)
			if _, ok := f.Route([]byte("created"), remoting.Quoted); !ok {
				b.Fatal("no route")
			}
		}
	})
	b.Run("broker gone and back", func(b *testing.B) {
		all := reg(brokerOf("c", 0), named("created", "order-service-topic-000001"))
		for b.Loop() {
			_, _ = f.Register(all, 3, f.now)
			f.ConnClosed(3, f.now)
			f.Route([]byte("created"), remoting.Quoted)
		}
	})
	b.Run("topic on another server", func(b *testing.B) {
		other := newFixture(b)
		l := &link{from: f, to: other, name: "a"}
		l.pull()
		for b.Loop() {
			r.Version.Counter++
			r.Topics[0].ReadQueues ^= 1
			_, _ = f.Register(r, 1, f.now)
			l.pull()
			if _, ok := other.Route([]byte("created"), remoting.Quoted); !ok {
				b.Fatal("no route")
			}
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	f := bigTable(b, 50_000)
	b.Run("after a topic", func(b *testing.B) {
		r := reg(brokerOf("a", 0), named("created", "order-service-topic-000001"), versioned(2))
		for b.Loop() {
			r.Version.Counter++
			r.Topics[0].ReadQueues ^= 1
			_, _ = f.Register(r, 1, f.now)
			f.Digest()
		}
	})
	b.Run("after a broker", func(b *testing.B) {
		for b.Loop() {
			f.gen++
			f.Digest()
		}
	})
}

// A server that is gone for good knew 1,000 brokers, each with 50 of 50,000 topics: until all of that has been taken away.
func BenchmarkExpire(b *testing.B) {
	from := newFixture(b)
	names := topicNames(50_000)
	for i := range 1_000 {
		from.register(ConnID(i+1), brokerOf(fmt.Sprintf("b%d", i), 0), at(fmt.Sprintf("10.0.%d.%d:10911", i/250, i%250+1)), named(names[i*50:(i+1)*50]...))
	}
	for b.Loop() {
		b.StopTimer()
		f := newFixture(b)
		(&link{from: from, to: f, name: "gone"}).pull()
		f.SetHeard("gone", false, f.now)
		b.StartTimer()
		f.Expire(f.now.Add(time.Hour))
		if n := f.Stats().Brokers; n > 0 {
			b.Fatalf("%d brokers left", n)
		}
	}
}

// BenchmarkMemory reports the bytes that a topic takes in tables of 50,000 topics with two brokers, as told by their own
// connections, and with two other servers that tell the same; and with every topic at numbers of its own.
func BenchmarkMemory(b *testing.B) {
	const n = 50_000
	live := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	measure := func(name string, fill func() *fixture) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := live()
				f := fill()
				for i := range n {
					f.Route([]byte(fmt.Sprintf("order-service-topic-%06d", i)), remoting.Quoted)
				}
				f.Digest()
				f.Topics()
				b.ReportMetric(float64(live()-before)/n, "B/topic")
				runtime.KeepAlive(f)
			}
		})
	}
	measure("direct", func() *fixture { return bigTable(b, n) })
	measure("of three servers", func() *fixture {
		f := bigTable(b, n)
		for _, name := range []string{"x", "y"} {
			other := bigTable(b, n)
			(&link{from: other, to: f, name: name}).pull()
		}
		return f
	})
	measure("all unlike", func() *fixture {
		f := newFixture(b)
		for i, letter := range []string{"a", "b"} {
			r := reg(brokerOf(letter, 0), named(topicNames(n)...))
			for j := range r.Topics {
				r.Topics[j].ReadQueues = int32(j)
			}
			_, _ = f.Register(r, ConnID(i+1), time.Time{})
		}
		return f
	})
}
