// Program load measures two name servers side by side on loopback: the Apache NameServer and Zonekeeper. Both get the same
// registrations and the same queries in turn, round after round; what counts is the processor time that each server used
// for one request, which does not depend on how busy the client is. README.md says more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	log.SetFlags(0)
	var (
		zonekeeper = flag.String("zonekeeper", "", "the zonekeeper program")
		apache     = flag.String("apache", "", "folder with the Apache NameServer's libraries")
		dir        = flag.String("dir", "", "folder for logs")
		rounds     = flag.Int("rounds", 5, "rounds that count; one more warms up")
		seconds    = flag.Int("seconds", 5, "length of each run of queries")
		s          shape
	)
	flag.IntVar(&s.brokers, "brokers", 4, "brokers, each with every topic")
	flag.IntVar(&s.topics, "topics", 1000, "topics")
	flag.IntVar(&s.connections, "connections", 32, "connections that query")
	flag.IntVar(&s.pipeline, "pipeline", 16, "requests in flight on each connection in the pipelined runs")
	flag.IntVar(&s.registrations, "registrations", 600, "registrations in each round")
	flag.Parse()
	s.seconds = time.Duration(*seconds) * time.Second

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runtime.LockOSThread() // the kernel ends the servers when the thread that started them does
	if err := compare(ctx, *zonekeeper, *apache, *dir, s, *rounds); err != nil {
		log.Fatal(err)
	}
}

// figures is what one round measured at one server.
type figures struct {
	query, pipelined, changed, again work
}

// work is one kind of request in one round.
type work struct {
	perSecond float64
	cpu       time.Duration // of the server, for one request
	p50, p99  time.Duration // of one request, or of a batch in flight together
}

func compare(ctx context.Context, zonekeeper, apache, dir string, s shape, rounds int) error {
	reference, err := startApache(ctx, apache, dir)
	if err != nil {
		return err
	}
	defer reference.stop()
	ours, err := startZonekeeper(ctx, zonekeeper, dir)
	if err != nil {
		return err
	}
	defer ours.stop()
	servers := []*server{reference, ours}

	var registered []*brokers
	for _, sv := range servers {
		b, err := connectBrokers(sv.addr, s)
		if err != nil {
			return err
		}
		defer b.close()
		if _, err := b.register(s.brokers, true); err != nil {
			return fmt.Errorf("%s: %w", sv.name, err)
		}
		size, err := check(sv.addr, s)
		if err != nil {
			return fmt.Errorf("%s: %w", sv.name, err)
		}
		fmt.Printf("%s: %d brokers with %d topics each, routes of %d bytes, %d MiB resident\n", sv.name, s.brokers, s.topics, size, sv.rss())
		registered = append(registered, b)
	}
	fmt.Printf("%s; %d connections, %d in flight when pipelined, %s a run, %d rounds after one to warm up\n\n",
		processor(), s.connections, s.pipeline, s.seconds, rounds)

	results := make([][]figures, len(servers))
	for round := range rounds + 1 {
		for i, sv := range servers {
			f, err := measure(ctx, sv, registered[i], s)
			if err != nil {
				return fmt.Errorf("%s: %w", sv.name, err)
			}
			if round > 0 {
				results[i] = append(results[i], f)
			}
		}
	}
	report(servers, results)
	return nil
}

func measure(ctx context.Context, sv *server, b *brokers, s shape) (f figures, err error) {
	if f.query, err = timed(ctx, sv, func() (int, []time.Duration, error) { return query(sv.addr, s, 1) }); err != nil {
		return f, err
	}
	if f.pipelined, err = timed(ctx, sv, func() (int, []time.Duration, error) { return query(sv.addr, s, s.pipeline) }); err != nil {
		return f, err
	}
	register := func(changed bool) (work, error) {
		return timed(ctx, sv, func() (int, []time.Duration, error) {
			took, err := b.register(s.registrations, changed)
			return len(took), took, err
		})
	}
	if f.changed, err = register(true); err != nil {
		return f, err
	}
	f.again, err = register(false)
	return f, err
}

func timed(ctx context.Context, sv *server, do func() (int, []time.Duration, error)) (w work, err error) {
	if ctx.Err() != nil {
		return w, errors.New("interrupted")
	}
	before, err := sv.cpu()
	if err != nil {
		return w, err
	}
	began := time.Now()
	n, took, err := do()
	if err != nil {
		return w, err
	}
	elapsed := time.Since(began)
	after, err := sv.cpu()
	if err != nil {
		return w, err
	}
	return work{perSecond: float64(n) / elapsed.Seconds(), cpu: (after - before) / time.Duration(n), p50: quantile(took, 0.5), p99: quantile(took, 0.99)}, nil
}

// report prints medians, and the ratio of processor time in each round: median, least and greatest.
func report(servers []*server, results [][]figures) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "request\tserver\tCPU each\tper second\tp50\tp99")
	kinds := []struct {
		name string
		of   func(figures) work
	}{
		{"route query, one at a time", func(f figures) work { return f.query }},
		{"route query, pipelined", func(f figures) work { return f.pipelined }},
		{"registration, changed topics", func(f figures) work { return f.changed }},
		{"registration, said again", func(f figures) work { return f.again }},
	}
	for _, k := range kinds {
		for i, sv := range servers {
			all := make([]work, len(results[i]))
			for r, f := range results[i] {
				all[r] = k.of(f)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\t%s\t%s\n", k.name, sv.name,
				micro(median(all, func(a work) float64 { return float64(a.cpu) })), median(all, func(a work) float64 { return a.perSecond }),
				micro(median(all, func(a work) float64 { return float64(a.p50) })), micro(median(all, func(a work) float64 { return float64(a.p99) })))
		}
		ratios := make([]float64, len(results[0]))
		for r := range ratios {
			ratios[r] = float64(k.of(results[1][r]).cpu) / float64(max(1, k.of(results[0][r]).cpu))
		}
		fmt.Fprintf(w, "\tours / Apache\t%.3f (%.3f to %.3f)\n", median(ratios, func(r float64) float64 { return r }), slices.Min(ratios), slices.Max(ratios))
	}
	for _, sv := range servers {
		fmt.Fprintf(w, "resident memory at the end\t%s\t%d MiB\n", sv.name, sv.rss())
	}
}

func median[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, a := range all {
		values[i] = of(a)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func micro(ns float64) string { return fmt.Sprintf("%.1f µs", ns/1000) }
