package eureka_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// javaRegistration is the body of the Jersey Java client, with ten metadata entries as a Spring application has.
func javaRegistration(tb testing.TB) []byte {
	in, err := eureka.DecodeInstance(firstRegistration(tb), eureka.JSON, 0)
	require.NoError(tb, err)
	for i := range 9 {
		in.Metadata = in.Metadata.Set(fmt.Sprintf("spring.application.key-%d", i), fmt.Sprintf("a value of usual length %d", i))
	}
	return eureka.AppendInstanceDocument(nil, in, eureka.JSON, eureka.List)
}

func firstRegistration(tb testing.TB) []byte {
	for _, s := range scenarios(tb) {
		if s.Scenario == "02-register-java" {
			return s.Exchanges[0].Request.Body()
		}
	}
	require.Fail(tb, "no recording 02-register-java")
	return nil
}

func heartbeats(n int) []eureka.ReplicationItem {
	items := make([]eureka.ReplicationItem, n)
	for i := range items {
		items[i] = eureka.ReplicationItem{
			AppName: "ORDERS", ID: fmt.Sprintf("orders-%d.example.com:orders:8080", i), Status: "UP",
			LastDirtyTimestamp: 1700000000000, HasDirty: true, Action: eureka.Heartbeat,
		}
	}
	return items
}

func BenchmarkDecodeInstance(b *testing.B) {
	body := javaRegistration(b)
	in, err := eureka.DecodeInstance(body, eureka.JSON, 0)
	require.NoError(b, err)
	for _, f := range []eureka.Format{eureka.JSON, eureka.XML} {
		text := eureka.AppendInstanceDocument(nil, in, f, eureka.Live)
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := eureka.DecodeInstance(text, f, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendInstance(b *testing.B) {
	in, err := eureka.DecodeInstance(javaRegistration(b), eureka.JSON, 0)
	require.NoError(b, err)
	for f := range eureka.Format(eureka.NumFormats) {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = eureka.AppendInstance(dst[:0], in, f, eureka.List)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

func BenchmarkDecodeReplicationList(b *testing.B) {
	const n = 250
	body := eureka.AppendReplicationList(nil, heartbeats(n))
	b.Run("heartbeats", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := eureka.DecodeReplicationList(body, n, 0); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/item")
	})
}

func BenchmarkAppendReplicationAnswers(b *testing.B) {
	answers := make([]eureka.ReplicationAnswer, 250)
	for i := range answers {
		answers[i].StatusCode = 200
	}
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = eureka.AppendReplicationAnswers(dst[:0], answers)
	}
}

func BenchmarkHashCode(b *testing.B) {
	counts := [eureka.NumStatuses]int{eureka.Up: 99_000, eureka.Down: 700, eureka.OutOfService: 300}
	b.ReportAllocs()
	for b.Loop() {
		eureka.HashCode(counts)
	}
}

func BenchmarkDecodeApplications(b *testing.B) {
	in, err := eureka.DecodeInstance(javaRegistration(b), eureka.JSON, 0)
	require.NoError(b, err)
	app := &eureka.Application{Name: "ORDERS"}
	for range 1000 {
		app.Instances = append(app.Instances, in)
	}
	body := eureka.AppendApplications(nil, &eureka.Applications{Applications: []*eureka.Application{app}}, eureka.JSON)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := eureka.DecodeApplications(body, eureka.JSON); err != nil {
			b.Fatal(err)
		}
	}
}
