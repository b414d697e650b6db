package peerstoretest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// ErrDown is what a call gets from a database that is down, as a refused connection would be.
var ErrDown = errors.New("fake database is down")

// A Fake is a database in memory. It is itself a Store; NewPath gives each server its own way to it, with faults of its own.
// It keeps its own clock, which is that of the process (virtual in a synctest bubble) plus the jumps it was told to make.
// It is safe for concurrent use.
type Fake struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever a fault ends or begins, or a watcher must look
	offset   time.Duration // of the database's clock
	down     bool
	frozen   bool // takes connections, answers nothing
	timeline int
	now      state
	standby  *state   // what a promoted standby would have; nil: it is up to date
	late     []func() // what arrived while it was frozen, in order
	watchers map[*watcher]struct{}
	calls    int
}

// A Path is one server's way to a Fake. The zero faults mean a good one. It implements peerstore.Store.
type Path struct {
	fake *Fake

	mu      sync.Mutex
	cut     bool
	hole    bool
	latency time.Duration
	lose    int
	stuck   chan struct{} // closed to end a stuck call
}

var (
	_ peerstore.Store = (*Fake)(nil)
	_ peerstore.Store = (*Path)(nil)
)

// NewFake returns an empty, healthy database.
func NewFake() *Fake {
	return &Fake{
		changed: make(chan struct{}), timeline: 1, now: newState(), watchers: make(map[*watcher]struct{}),
	}
}

// NewPath returns a healthy way to the database.
func (f *Fake) NewPath() *Path { return &Path{fake: f} }

// SetDown stops or starts the database: every call fails at once, watchers lose their connection.
func (f *Fake) SetDown(down bool) { f.change(func() { f.down = down }) }

// SetFrozen makes the database hang: calls neither succeed nor fail. What was asked meanwhile commits when it thaws, even if the
// caller has long given up, as a stopped process would do with what lies in its socket buffers.
func (f *Fake) SetFrozen(frozen bool) {
	f.change(func() {
		f.frozen = frozen
		if !frozen {
			for _, commit := range f.late {
				commit()
			}
			f.late = nil
		}
	})
}

// JumpClock moves the database's clock, forwards or back.
func (f *Fake) JumpClock(d time.Duration) { f.change(func() { f.offset += d }) }

// Now is the database's clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock()
}

// StopReplication freezes what an asynchronous standby has: Failover will come back to this moment.
func (f *Fake) StopReplication() {
	f.change(func() { s := f.now.clone(); f.standby = &s })
}

// Failover promotes the standby: writes since StopReplication are lost, the timeline grows, watchers lose their connection, and
// the database is up.
func (f *Fake) Failover() {
	f.change(func() {
		if f.standby != nil {
			f.now, f.standby = *f.standby, nil
		}
		f.timeline++
		f.down, f.frozen, f.late = false, false, nil
		f.dropWatchers()
	})
}

// Calls is how many calls reached the database, of all servers together, watching left out.
func (f *Fake) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Do runs what an operator might type: it may change the rows of a cluster by hand. It notifies nobody.
func (f *Fake) Do(change func(*Rows)) {
	f.change(func() { change(&Rows{state: &f.now, now: f.clock()}) })
}

// SetCut makes this path refuse connections, or not.
func (p *Path) SetCut(cut bool) { p.change(func() { p.cut = cut }) }

// SetBlackHole makes this path swallow what is sent, so that calls end by their deadlines only; nothing arrives later.
func (p *Path) SetBlackHole(hole bool) { p.change(func() { p.hole = hole }) }

// SetLatency delays every call by d before the database sees it.
func (p *Path) SetLatency(d time.Duration) { p.change(func() { p.latency = d }) }

// LoseReplies lets the next n calls commit and then drops their answers: the caller waits for its deadline.
func (p *Path) LoseReplies(n int) { p.change(func() { p.lose = n }) }

// Stick makes the next call on this path ignore its deadline, as a driver with a bug would, until the returned function is called.
func (p *Path) Stick() (release func()) {
	stuck := make(chan struct{})
	p.change(func() { p.stuck = stuck })
	return sync.OnceFunc(func() { close(stuck) })
}

func (p *Path) change(set func()) {
	p.mu.Lock()
	set()
	p.mu.Unlock()
	p.fake.change(func() {}) // whoever waits looks again
}

func (f *Fake) change(set func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set()
	if f.down {
		f.dropWatchers()
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *Fake) clock() time.Time { return time.Now().Add(f.offset) }

// call runs one transaction under the faults of the day.
func (p *Path) call(ctx context.Context, commit func(*state, time.Time) error) error {
	p.mu.Lock()
	stuck, latency := p.stuck, p.latency
	p.stuck = nil
	p.mu.Unlock()
	if stuck != nil {
		<-stuck
		return errors.New("fake connection was stuck")
	}
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-ctx.Done():
			return fmt.Errorf("fake database: %w", ctx.Err())
		}
	}
	if err := p.arrive(ctx); err != nil {
		return err
	}
	f := p.fake
	f.mu.Lock()
	run := func() error {
		f.calls++
		defer f.notify()
		return commit(&f.now, f.clock())
	}
	var err error
	if f.frozen {
		thawed := make(chan error, 1)
		f.late = append(f.late, func() { thawed <- run() })
		f.mu.Unlock()
		select {
		case err = <-thawed:
		case <-ctx.Done():
			return fmt.Errorf("fake database hangs: %w", ctx.Err())
		}
	} else {
		err = run()
		f.mu.Unlock()
	}

	p.mu.Lock()
	lost := p.lose > 0
	if lost {
		p.lose--
	}
	p.mu.Unlock()
	if lost {
		<-ctx.Done()
		return fmt.Errorf("fake reply lost: %w", ctx.Err())
	}
	return err
}

// arrive waits until the call has reached the database or failed to.
func (p *Path) arrive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("fake database: %w", err)
	}
	p.mu.Lock()
	cut, hole := p.cut, p.hole
	p.mu.Unlock()
	p.fake.mu.Lock()
	down := p.fake.down
	p.fake.mu.Unlock()
	switch {
	case hole:
		<-ctx.Done()
		return fmt.Errorf("fake database does not answer: %w", ctx.Err())
	case cut, down:
		return ErrDown
	}
	return nil
}

// secret makes a cluster's secret.
func secret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}
