package registry

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// moment is a point in time on the monotonic clock: nanoseconds since the registry was made. No wall clock decides
// anything here.
type moment int64

func (m moment) add(d time.Duration) moment      { return m + moment(d) }
func (m moment) since(from moment) time.Duration { return time.Duration(m - from) }
func (m moment) before(other moment) bool        { return m < other }

const (
	never     = moment(math.MaxInt64)
	chunkSize = 1024
)

// leases is the table of all leases. It lies in arrays without a pointer per lease but the owner's, so that a look for
// leases that are over walks memory in order: 1 ms for a million. A lease's slot is its record's for life.
//
// Renewals come under the shared lock of the instance's stripe, at the same time as others; so everything is atomic, and
// the latest wins. add, set and remove come under the exclusive one.
type leases struct {
	mu     sync.Mutex // of free and of growing
	chunks atomic.Pointer[[]*leaseChunk]
	free   []int32
	resume atomic.Int64 // the moment at which this server's last pause ended
}

type leaseChunk struct {
	deadline [chunkSize]atomic.Int64 // moment at which the lease is over; never: the slot is free
	last     [chunkSize]atomic.Int64 // moment of the latest renewal heard anywhere
	interval [chunkSize]atomic.Int32 // seconds between renewals as the client means it
	extended [chunkSize]atomic.Int32 // milliseconds that pauses of this server added
	via      [chunkSize]atomic.Int64 // epoch of the server that heard the latest renewal, 0: this one
	owner    [chunkSize]atomic.Pointer[record]
}

// lease is one slot of the table.
type lease struct {
	c *leaseChunk
	i int
}

func newLeases() *leases {
	l := &leases{}
	l.chunks.Store(&[]*leaseChunk{})
	l.resume.Store(math.MinInt64)
	return l
}

func (l *leases) at(slot int32) lease {
	return lease{(*l.chunks.Load())[slot/chunkSize], int(slot % chunkSize)}
}

// add takes a slot for rec; the caller sets its lease.
func (l *leases) add(rec *record) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) == 0 {
		l.grow()
	}
	slot := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	l.at(slot).c.owner[slot%chunkSize].Store(rec)
	return slot
}

func (l *leases) grow() {
	old := *l.chunks.Load()
	c := &leaseChunk{}
	for i := range c.deadline {
		c.deadline[i].Store(int64(never))
	}
	chunks := append(old[:len(old):len(old)], c)
	l.chunks.Store(&chunks)
	for i := chunkSize - 1; i >= 0; i-- {
		l.free = append(l.free, int32(len(old)*chunkSize+i))
	}
}

func (l *leases) remove(slot int32) {
	x := l.at(slot)
	x.c.deadline[x.i].Store(int64(never))
	x.c.owner[x.i].Store(nil)
	l.mu.Lock()
	l.free = append(l.free, slot)
	l.mu.Unlock()
}

// set begins a lease anew: heard at last, over after lasts.
func (x lease) set(last moment, lasts, interval time.Duration, via int64) {
	x.c.last[x.i].Store(int64(last))
	x.c.deadline[x.i].Store(int64(last.add(lasts)))
	x.c.extended[x.i].Store(0)
	x.c.via[x.i].Store(via)
	x.c.interval[x.i].Store(int32(interval / time.Second))
}

// own makes rec the owner of the slot.
func (x lease) own(rec *record) { x.c.owner[x.i].Store(rec) }

func (x lease) via() int64              { return x.c.via[x.i].Load() }
func (x lease) interval() time.Duration { return time.Duration(x.c.interval[x.i].Load()) * time.Second }
func (x lease) owner() *record          { return x.c.owner[x.i].Load() }
func (x lease) last() moment            { return moment(x.c.last[x.i].Load()) }
func (x lease) end() moment             { return moment(x.c.deadline[x.i].Load()) }
func (x lease) extended() time.Duration {
	return time.Duration(x.c.extended[x.i].Load()) * time.Millisecond
}

// renew is a renewal that this server heard itself. It counts in any case.
func (x lease) renew(now moment, lasts time.Duration) {
	if x.c.extended[x.i].Load() != 0 {
		x.c.extended[x.i].Store(0)
	}
	if x.c.via[x.i].Load() != 0 {
		x.c.via[x.i].Store(0)
	}
	storeMax(&x.c.last[x.i], int64(now))
	storeMax(&x.c.deadline[x.i], int64(now.add(lasts)))
}

// hear is a renewal that another server heard at t. Copied ones, out of a list of ages or a copy of content, count only
// if they are later than ours by more than a renewal may travel: else the travel times of copies of copies would add up.
// What a pause of ours added falls away as soon as the renewal proves that the client found a server after it.
func (x lease) hear(t moment, lasts time.Duration, copied bool, via int64, resume moment) {
	last := x.last()
	if t <= last || copied && t <= last.add(travel) {
		return
	}
	ext := x.extended()
	if ext != 0 && (t >= last.add(ext) || t > resume) {
		ext = 0
		x.c.extended[x.i].Store(0)
	}
	x.c.via[x.i].Store(via)
	storeMax(&x.c.last[x.i], int64(t))
	storeMax(&x.c.deadline[x.i], int64(t.add(ext+lasts)))
}

// extend gives back what a pause of this server took: every lease not renewed since lastTick lasts longer by gap.
// It is this server's own affair; ages that it tells others do not contain it.
func (l *leases) extend(lastTick, now moment, gap time.Duration) {
	l.resume.Store(int64(now))
	for _, c := range *l.chunks.Load() {
		for i := range c.deadline {
			d := c.deadline[i].Load()
			if moment(d) == never || moment(c.last[i].Load()) > lastTick {
				continue
			}
			ms := min(int64(c.extended[i].Load())+gap.Milliseconds(), math.MaxInt32)
			c.extended[i].Store(int32(ms))
			c.deadline[i].CompareAndSwap(d, d+int64(gap))
		}
	}
}

// over yields the slots of all leases that ended at limit or before.
func (l *leases) over(limit moment, yield func(slot int32, end moment)) {
	for n, c := range *l.chunks.Load() {
		for i := range c.deadline {
			if d := moment(c.deadline[i].Load()); d <= limit {
				yield(int32(n*chunkSize+i), d)
			}
		}
	}
}

// each yields every lease.
func (l *leases) each(yield func(x lease)) {
	for _, c := range *l.chunks.Load() {
		for i := range c.deadline {
			if moment(c.deadline[i].Load()) != never {
				yield(lease{c, i})
			}
		}
	}
}

// storeMax never lets an older renewal win over a newer one that came in between.
func storeMax(a *atomic.Int64, v int64) {
	for {
		old := a.Load()
		if v <= old || a.CompareAndSwap(old, v) {
			return
		}
	}
}

// adjust fits the lease to content that asks for another one.
func (x lease) adjust(lasts, interval time.Duration) {
	x.c.interval[x.i].Store(int32(interval / time.Second))
	x.c.deadline[x.i].Store(int64(x.last().add(lasts + x.extended())))
}

// resumed is the moment at which this server's last pause ended.
func (l *leases) resumed() moment { return moment(l.resume.Load()) }
