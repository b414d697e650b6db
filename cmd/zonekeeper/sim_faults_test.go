package main

import (
	"time"
)

// during does something for a while and undoes it.
func (w *simWorld) during(d time.Duration, on, off func()) {
	on()
	w.group.Go(func() {
		sleep(w.ctx, d)
		off()
	})
}

// chaos is one fault, drawn at random.
func (w *simWorld) chaos() {
	r := w.rand
	n := len(w.slots)
	server := func() *simServer { return w.slots[r.IntN(n)] }
	client := func() *simClient { return w.clients[r.IntN(len(w.clients))] }
	seconds := func(most int) time.Duration {
		return time.Duration(200+r.IntN(most*1000)) * time.Millisecond
	}
	w.faultsDid++
	switch r.IntN(16) {
	case 0: // one link, one direction or both
		a, b := server(), server()
		if a == nil || b == nil || a == b {
			return
		}
		both := r.IntN(2) == 0
		w.during(seconds(120), func() { w.cut(a, b, both, true) }, func() { w.cut(a, b, both, false) })
	case 1: // one server alone
		a := server()
		if a == nil {
			return
		}
		others := w.standing()
		w.during(seconds(60), func() {
			for _, b := range others {
				if b != a {
					w.cut(a, b, true, true)
				}
			}
		}, func() {
			for _, b := range others {
				if b != a {
					w.cut(a, b, true, false)
				}
			}
		})
	case 2: // a slow link
		a, b := server(), server()
		if a == nil || b == nil || a == b {
			return
		}
		d := time.Duration(500+r.IntN(2500)) * time.Millisecond
		w.during(seconds(90), func() { w.net.SetSlow(a.host, b.host, d); w.disturb(1) }, func() { w.net.SetSlow(a.host, b.host, 0); w.disturb(-1) })
	case 3, 4: // a crash, or a graceful stop, and a successor
		s := server()
		if s == nil {
			return
		}
		crash, same, after := r.IntN(3) > 0, r.IntN(2) == 0, seconds(60)
		if crash && s.Crash() || !crash && s.Leave() {
			w.group.Go(func() {
				if <-s.done; sleep(w.ctx, after) && !w.quiet() {
					w.Start(s.slot, same)
				}
			})
		}
	case 5: // a stopped process
		if s := server(); s != nil {
			s.Pause(2*time.Second + seconds(90))
		}
	case 6: // the database is down, or hangs
		hang := r.IntN(2) == 0
		set := w.db.SetDown
		if hang {
			set = w.db.SetFrozen
		}
		w.mu.Lock()
		busy := w.dbTrouble > 0
		w.mu.Unlock()
		if !busy {
			w.during(seconds(60), func() { set(true); w.disturbDB(1) }, func() { set(false); w.disturbDB(-1) })
		}
	case 7: // its clock jumps
		w.db.JumpClock(time.Duration(r.IntN(120)-60) * time.Second)
		w.disturbDB(0)
	case 8: // one server's way to it is lost, or loses replies
		s := server()
		if s == nil || s.paused() {
			return
		}
		if r.IntN(2) == 0 {
			s.path.LoseReplies(1 + r.IntN(3))
			w.disturbDB(0)
			return
		}
		w.during(seconds(60), func() { s.path.SetCut(true); w.disturbDB(1) }, func() {
			if s.running() {
				s.path.SetCut(false)
			}
			w.disturbDB(-1)
		})
	case 9: // a client cannot reach a server
		c, s := client(), server()
		if s == nil {
			return
		}
		w.during(seconds(120), func() { w.separate(c.host(), s.addr, true) }, func() { w.separate(c.host(), s.addr, false) })
	case 10:
		c := client()
		c.Die()
		w.relaunch(c, seconds(200), r.IntN(2) == 0)
	case 11, 12:
		c := client()
		c.Cancel()
		if r.IntN(2) == 0 {
			c.Move()
		}
		w.relaunch(c, seconds(1+r.IntN(180)), true)
	case 13, 14:
		client().Change(r.IntN(2) == 0)
	case 15:
		client().Move()
	}
}

func (w *simWorld) relaunch(c *simClient, after time.Duration, really bool) {
	w.group.Go(func() {
		if sleep(w.ctx, after) && really && !w.quiet() {
			c.Launch()
		}
	})
}

func (w *simWorld) cut(a, b *simServer, both, on bool) {
	w.net.SetCut(a.host, b.host, on)
	if both {
		w.net.SetCut(b.host, a.host, on)
	}
	if on {
		w.disturb(1)
	} else {
		w.disturb(-1)
	}
}
