package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// shape is what is registered and how it is asked for.
type shape struct {
	brokers, topics int
	connections     int
	pipeline        int
	seconds         time.Duration
	registrations   int
}

// brokers holds one connection for each broker: it must stay open, or the server takes the broker for dead.
type brokers struct {
	shape   shape
	conns   []net.Conn
	readers []*bufio.Reader
	last    [][]byte // what each sent last
	counter int
	buf     []byte
}

func connectBrokers(addr string, s shape) (*brokers, error) {
	b := &brokers{shape: s, last: make([][]byte, s.brokers)}
	for range s.brokers {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.close()
			return nil, err
		}
		b.conns = append(b.conns, conn)
		b.readers = append(b.readers, bufio.NewReader(conn))
	}
	return b, nil
}

func (b *brokers) close() {
	for _, c := range b.conns {
		c.Close()
	}
}

// register sends n registrations, broker after broker: each with a new version and so with changed topics, or what the broker
// sent last. It returns how long each took; frames are made between them.
func (b *brokers) register(n int, changed bool) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		broker := i % len(b.conns)
		if changed {
			b.counter++
			b.last[broker] = registerFrame(broker, b.shape.topics, b.counter)
		}
		began := time.Now()
		if _, err := b.conns[broker].Write(b.last[broker]); err != nil {
			return nil, fmt.Errorf("register: %w", err)
		}
		if _, _, err := readAnswer(b.readers[broker], &b.buf); err != nil {
			return nil, fmt.Errorf("register: %w", err)
		}
		took[i] = time.Since(began)
	}
	return took, nil
}

// check asks for some routes and wants all brokers in each; it returns the size of one.
func check(addr string, s shape) (size int, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	r, buf := bufio.NewReader(conn), []byte(nil)
	for _, topic := range []int{0, s.topics / 2, s.topics - 1} {
		if _, err := conn.Write(queryFrame(topic, 1)); err != nil {
			return 0, err
		}
		_, body, err := readAnswer(r, &buf)
		if err != nil {
			return 0, fmt.Errorf("route of %s: %w", topicName(topic), err)
		}
		for b := range s.brokers {
			if !bytes.Contains(body, fmt.Appendf(nil, `"0":"10.0.0.%d:10911"`, b+1)) {
				return 0, fmt.Errorf("route of %s: broker %d is missing: %s", topicName(topic), b, body)
			}
		}
		size = len(body)
	}
	return size, nil
}

// query asks for routes of random topics on several connections, each with so many requests in flight, and returns how
// long each batch took; a batch of one is a request.
func query(addr string, s shape, inFlight int) (queries int, took []time.Duration, err error) {
	frames := make([][]byte, s.topics)
	for i := range frames {
		frames[i] = queryFrame(i, i)
	}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		stop = time.Now().Add(s.seconds)
	)
	for c := range s.connections {
		wg.Go(func() {
			mine, e := queryOn(addr, frames, inFlight, stop, rand.New(rand.NewPCG(uint64(c), 1)))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			if e != nil && err == nil {
				err = e
			}
		})
	}
	wg.Wait()
	return len(took) * inFlight, took, err
}

func queryOn(addr string, frames [][]byte, inFlight int, stop time.Time, random *rand.Rand) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r, buf, batch := bufio.NewReaderSize(conn, 64<<10), []byte(nil), []byte(nil)
	for {
		began := time.Now()
		if began.After(stop) {
			return took, nil
		}
		batch = batch[:0]
		for range inFlight {
			batch = append(batch, frames[random.IntN(len(frames))]...)
		}
		if _, err := conn.Write(batch); err != nil {
			return took, fmt.Errorf("query: %w", err)
		}
		for range inFlight {
			if _, _, err := readAnswer(r, &buf); err != nil {
				return took, fmt.Errorf("query: %w", err)
			}
		}
		took = append(took, time.Since(began))
	}
}

// quantile returns the q-th quantile; it sorts what it is given.
func quantile(took []time.Duration, q float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(len(took)-1, int(q*float64(len(took))))]
}
