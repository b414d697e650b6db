package peerstore

import "time"

// A Member is a peer with the observer's verdict, for people.
type Member struct {
	Peer
	Listed  bool          `json:"listed"`
	Verdict string        `json:"verdict"` // in words
	Silent  time.Duration `json:"silent"`  // observed silence of its lease
	// Age is the time since the last heartbeat that was seen in the database. It grows while nobody can read there, which silence
	// does not; 0 for who has no row.
	Age     time.Duration `json:"age"`
	Stats   Stats         `json:"stats"`
	Problem string        `json:"problem,omitempty"` // of the last failed probe
	// Gone: its address refuses connections, or somebody else answers there. It may have a living row for as long as its lease lasts.
	Gone bool `json:"gone,omitempty"`
}

// ListStatus says how the reading goes and how many peers are well.
type ListStatus struct {
	// Source is what the list rests on: "database", "last good" when the database was read once and is away, "peers" when it
	// never was and others were found by disk, seeds or announcement, else "nothing".
	Source      string        `json:"source"`
	SinceRead   time.Duration `json:"sinceRead"` // since the last good read; 0 before the first
	LastError   string        `json:"lastError,omitempty"`
	ClusterUUID string        `json:"clusterUuid"`
	Version     int64         `json:"version"`
	Timeline    string        `json:"timeline,omitempty"`
	Holding     string        `json:"holding,omitempty"` // why nobody is removed for silence now
	PeersTotal  int           `json:"peersTotal"`
	PeersOK     int           `json:"peersOk"` // of these, reachable
	Unreachable []string      `json:"unreachable,omitempty"`
}

// Status is for people and metrics.
func (l *List) Status() ListStatus {
	pub := l.published.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	r, now := l.roster, l.cfg.Now()
	s := ListStatus{
		Source: "nothing", LastError: l.readError, ClusterUUID: r.uuid, Version: r.view.Version, Timeline: r.timeline,
		Holding: r.held(now), PeersTotal: len(pub.peers),
	}
	switch {
	case !r.lastRead.IsZero() && l.readError == "":
		s.Source = "database"
	case !r.lastRead.IsZero():
		s.Source = "last good"
	case len(pub.peers) > 0:
		s.Source = "peers"
	}
	if !r.lastRead.IsZero() {
		s.SinceRead = now.Sub(r.lastRead)
	}
	for _, p := range pub.peers {
		if p.Reachable {
			s.PeersOK++
		} else {
			s.Unreachable = append(s.Unreachable, p.ID)
		}
	}
	return s
}
