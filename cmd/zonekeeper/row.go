package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/peerstore/pgstore"
)

// keepRow makes the database ready, makes sure that we answer at our own address, and then keeps our row until ctx ends, when it
// says goodbye. All of it goes on for ever: no state of the database stops a server.
func (a *App) keepRow(ctx context.Context) {
	looked := sync.OnceFunc(func() { close(a.looked) })
	defer looked()
	if a.deps.Prepare != nil {
		pause := 100 * time.Millisecond
		for {
			err := a.deps.Prepare(ctx)
			if ctx.Err() != nil {
				return
			}
			a.sayDatabase(err)
			looked()
			if err == nil {
				break
			}
			if !rest(ctx, time.Duration(float64(pause)*(0.5+a.deps.Rand()/2))) {
				return
			}
			pause = min(2*pause, 3*time.Second)
		}
	}
	looked()
	if !a.findMyself(ctx) {
		return
	}
	// A nil error and a cancelled context are one: the Heartbeater ends for no other reason.
	_ = a.heart.Run(ctx)
}

// readList keeps the list of servers. It waits a moment for the database to be made ready: reading a schema that is about to be
// made would only be a false alarm. A database that is away holds up nothing.
func (a *App) readList(ctx context.Context) error {
	wait := time.NewTimer(listPatience)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-a.looked:
	case <-wait.C:
	}
	return a.list.Run(ctx)
}

// findMyself asks our advertised address who answers there. While it is somebody else we do not join: peers and clients would be sent
// to him. When nobody answers for ten seconds we do: many networks do not let a host reach itself by its outer address.
func (a *App) findMyself(ctx context.Context) bool {
	for stranger := ""; ; {
		check, identity, err := peerstore.CheckAddress(ctx, a.prober, a.heart.Self(), selfBound)
		switch {
		case ctx.Err() != nil:
			return false
		case check == peerstore.AddressMine:
			return true
		case check == peerstore.AddressSilent:
			a.log.Warn("nobody answers at our advertised address; joining all the same, since some networks do not let a host reach itself",
				"url", a.cfg.AdvertiseURL, "err", err)
			return true
		case identity.PeerID != stranger:
			stranger = identity.PeerID
			a.log.Error("another server answers at our advertised address: not joining the cluster; set --advertise-url",
				"url", a.cfg.AdvertiseURL, "peer", identity.PeerID, "cluster", identity.Cluster)
		}
		if !rest(ctx, selfProbeTick) {
			return false
		}
	}
}

// rest waits for d and reports whether ctx lives on.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// troubles remembers what is wrong with the database, so that each change is said once and not once a second.
type troubles struct {
	mu   sync.Mutex
	said string
}

// change stores what is wrong now and reports whether that is news.
func (t *troubles) change(what string) (before string, news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, t.said = t.said, what
	return before, before != what
}

func (t *troubles) now() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said
}

// sayDatabase logs what preparing the database came to, once per change.
func (a *App) sayDatabase(err error) {
	what := ""
	if err != nil {
		what = explainDatabase(err)
	}
	before, news := a.database.change(what)
	switch {
	case !news:
	case what == "":
		a.log.Info("the database is back", "before", before)
	default:
		said := strings.TrimSuffix(pgstore.Said(err), ": "+what) // the remedy once
		a.log.Warn("waiting for the database", "problem", what, "err", said)
	}
}

// absentStore stands for the database of a cluster that has none. Our row is then kept nowhere, and everything that was made for a
// database that is away applies.
type absentStore struct{}

var errNoDatabase = errors.New("no database is configured")

func (absentStore) Register(context.Context, peerstore.Peer, time.Duration) (peerstore.Registration, error) {
	return peerstore.Registration{}, errNoDatabase
}

func (absentStore) Heartbeat(context.Context, string, time.Duration, peerstore.Stats) error {
	return errNoDatabase
}

func (absentStore) SetPhase(context.Context, string, peerstore.Phase, string) error {
	return errNoDatabase
}

func (absentStore) SetNamesrvPhase(context.Context, string, peerstore.Phase) error {
	return errNoDatabase
}

func (absentStore) Rows(context.Context, string) (peerstore.View, error) {
	return peerstore.View{}, errNoDatabase
}

func (absentStore) DeclareOutage(context.Context, string, time.Duration) (bool, error) {
	return false, errNoDatabase
}
func (absentStore) Prune(context.Context, string) (int, error)  { return 0, errNoDatabase }
func (absentStore) Watch(context.Context, string, func()) error { return peerstore.ErrNoWatch }
