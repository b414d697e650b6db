package replication

import (
	"fmt"
	"time"
)

// compose writes the frames of the next call: the leases of the opening, what is queued, the digest when it is due, and a piece of
// what the peer asked for. It is drained if nothing is queued then.
func (st *stream) compose() (frames []byte, drained bool) {
	b := st.body[:0]
	if st.leasing {
		b = st.composeLeases(b)
	}
	limit := softBody
	if st.copies.pending() {
		limit = softBody * 3 / 4 // a busy queue does not starve a copy
	}
	b = st.composeQueue(b, limit)
	now := st.s.cfg.Now()
	if drained = st.queue.len() == 0; drained && !st.leasing && !st.digestDue.After(now) {
		b = st.composeDigest(b, now)
	}
	b = st.copies.drain(b, st.s.cfg.Registry, st.s.totals)
	st.body = b
	return b, drained
}

// composeLeases appends a piece of the ages of all leases.
func (st *stream) composeLeases(b []byte) []byte {
	b, start := beginFrame(b, frameLeases)
	b = append(b, 0)
	now := st.s.cfg.Now()
	var w renewalWriter
	n := 0
	for ; n < len(st.leases) && len(b) < softBody; n++ {
		x := st.leases[n]
		b = w.append(b, renewal{x.key, x.version, now.Sub(x.renewed)})
	}
	if st.leases = st.leases[n:]; len(st.leases) == 0 {
		b[start] = 1
		st.leases, st.leasing = nil, false
	}
	return endFrame(b, start)
}

// composeQueue appends what is queued, in its order. Renewals that follow each other share a frame.
func (st *stream) composeQueue(b []byte, limit int) []byte {
	var w renewalWriter
	start, renewals := 0, uint64(0)
	finish := func() {
		if start > 0 {
			b = endFrame(b, start)
			start = 0
		}
	}
	now := st.s.cfg.Now()
	for len(b) < limit {
		x, ok := st.queue.pop()
		if !ok {
			break
		}
		if x.Content {
			finish()
			b = appendEntryOf(b, st.s.cfg.Registry, x.Key, st.s.totals)
			continue
		}
		if start == 0 {
			b, start = beginFrame(b, frameRenewals)
			b = append(b, 1)
			w = renewalWriter{}
		}
		b = w.append(b, renewal{x.Key, x.Version, now.Sub(x.Renewed)})
		renewals++
	}
	finish()
	st.s.totals.RenewalsSent.Add(renewals)
	return b
}

// composeDigest appends the digest, unless something changed while it was read: then it would tell of a change that the peer does
// not have yet, and waits for the next call.
func (st *stream) composeDigest(b []byte, now time.Time) []byte {
	reg := st.s.cfg.Registry
	d := digest{Sum: reg.Digest(), Instances: uint64(max(0, reg.Stats().Instances))}
	if st.pump() != nil || st.queue.content > 0 {
		return b
	}
	st.digestDue = now.Add(st.s.cfg.DigestInterval)
	return appendDigest(b, d)
}

// want takes what the peer asks for.
func (st *stream) want(w want) error {
	reg := st.s.cfg.Registry
	switch w.Kind {
	case wantAll:
		return st.copies.everything(reg, w.Round)
	case wantDigest:
		st.digestDue = time.Time{}
	case wantApps:
		return st.copies.applications(reg, w.Round)
	case wantIndex:
		return st.copies.index(reg, w)
	case wantKeys:
		if w.Round > 0 {
			return st.copies.add(copying{kind: frameEntry, round: w.Round, last: w.Last, keys: w.Keys})
		}
		now := st.s.cfg.Now()
		for _, k := range w.Keys {
			if err := st.enqueue(queued{Key: k, Content: true, Since: now, Renewed: now}); err != nil {
				return err
			}
		}
	}
	return nil
}

// answer takes the frames of an answer. A call that was sent again may be answered with what was written for the first attempt;
// so all ages in it may be as much greater as the call took.
func (st *stream) answer(frames string, took time.Duration) error {
	r := reader{s: frames}
	for {
		kind, payload, ok := r.frame()
		if !ok {
			return r.err
		}
		switch kind {
		case frameWant:
			w, err := decodeWant(payload)
			if err == nil {
				err = st.want(w)
			}
			if err != nil {
				return err
			}
		case frameEntry:
			e, err := decodeEntry(payload)
			if err != nil {
				return err
			}
			addAge(&e, took)
			st.s.totals.EntriesReceived.Add(1)
			st.s.cfg.Registry.Merge(st.s.peer.Epoch, e)
		default:
			return fmt.Errorf("%w: frame of kind %d in an answer", errWire, kind)
		}
	}
}
