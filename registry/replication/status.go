package replication

import "time"

// PeerStatus is what this server knows about copying to and from one peer.
type PeerStatus struct {
	ID   string `json:"id,omitempty"` // empty for a Java server
	URL  string `json:"url"`
	Java bool   `json:"java,omitempty"`
	// Connected: our stream to it is open and its last call was answered.
	Connected bool `json:"connected"`
	// Hears: its stream to us is open, its snapshot copied, and its last frame young enough.
	Hears bool `json:"hears"`
	// HeardThroughAge: every renewal that it heard longer ago than this has reached us. Negative while nothing has.
	HeardThroughAge time.Duration `json:"heardThroughAge"`
	// Queue is how many instances wait to be sent, Lag how long the oldest has waited.
	Queue int           `json:"queue"`
	Lag   time.Duration `json:"lag"`
	// Agrees: the last digest it sent equalled ours. DiffersFor is how long it has not.
	Agrees     bool          `json:"agrees"`
	DiffersFor time.Duration `json:"differsFor"`
	LastError  string        `json:"lastError,omitempty"`
}

// status is what the sending side knows.
func (s *sender) status() PeerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := PeerStatus{ID: s.peer.ID, URL: s.url, Connected: s.open, Queue: s.queue, HeardThroughAge: -1}
	if !s.oldest.IsZero() {
		p.Lag = s.cfg.Now().Sub(s.oldest)
	}
	if s.err != nil {
		p.LastError = s.err.Error()
	}
	return p
}

// describe adds what this server hears of the peer.
func (h *hearing) describe(p *PeerStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	p.Hears = h.hearsLocked(p.ID, now)
	if x := h.heard[p.ID]; x != nil && !x.through.IsZero() {
		p.HeardThroughAge = now.Sub(x.through)
	}
}

// describe adds how the peer's last digest compared.
func (v *receiver) describe(p *PeerStatus) {
	v.mu.Lock()
	s := v.sessions[p.ID]
	v.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Agrees = s.comparison.equal
	if !s.comparison.differs.IsZero() {
		p.DiffersFor = v.cfg.Now().Sub(s.comparison.differs)
	}
}

// status tells about a Java server.
func (j *javaSender) status() PeerStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := PeerStatus{URL: j.base, Java: true, Connected: j.up, Queue: j.queued, HeardThroughAge: -1}
	if !j.oldest.IsZero() {
		p.Lag = j.cfg.Now().Sub(j.oldest)
	}
	if j.err != nil {
		p.LastError = j.err.Error()
	}
	return p
}

// note keeps what status tells about the queue.
func (j *javaSender) note(q *javaQueue) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.queued, j.oldest = q.n, q.oldest()
}

// result keeps how the last call went, and logs a change.
func (j *javaSender) result(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil && !j.up:
		j.cfg.Log.Info("copying to java server", "peer", j.base)
	case err != nil && (j.up || j.err == nil):
		j.cfg.Log.Warn("not copying to java server", "peer", j.base, "err", err)
	}
	j.up, j.err = err == nil, err
}

// flushed returns a channel that is closed once the queue is empty, or the server does not answer; nil if it did not lately.
func (j *javaSender) flushed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.up {
		return nil
	}
	done := make(chan struct{})
	j.flush = append(j.flush, done)
	select {
	case j.urge <- struct{}{}:
	default:
	}
	return done
}

func (j *javaSender) flushing() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.flush) > 0
}

func (j *javaSender) finishFlush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, done := range j.flush {
		close(done)
	}
	j.flush = nil
}
