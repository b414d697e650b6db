package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// Operators' words about routes (key-value configuration, wiped permissions, deleted topics) live in every server's table. The database
// keeps them for the day on which all servers restart, and is told behind the request.

// keepWord is told each word under the table's lock, whoever said it: to this server, or to another that told us. What is just being read
// from the database is not written to it again.
func (ns *nameServer) keepWord(w routeinfo.Word) {
	if ns.words == nil {
		return
	}
	stored := storedWord(w)
	if r := ns.reading.Load(); r != nil && storedWord(*r) == stored {
		return
	}
	ns.words.Put(stored)
}

// readWords takes over what the database has, once it can be asked, however long that takes. What was said or heard meanwhile is newer, and
// the table knows it.
func (a *App) readWords(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-a.heart.Registered(): // the database answers and its schema is right
	}
	ns := a.namesrv
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		stored, err := ns.words.Load(ctx)
		if err == nil {
			for _, s := range stored {
				w := tableWord(s)
				ns.reading.Store(&w)
				ns.table.MergeWord(w)
			}
			ns.reading.Store(nil)
			ns.table.WordsRead()
			close(ns.wordsRead)
			return nil
		}
		a.log.Debug("words about routes not read yet", "err", err)
		if !rest(ctx, pause) {
			return nil
		}
	}
}

// wordKinds translates between the table's words and the database's.
var wordKinds = map[routeinfo.WordKind]intent.WordKind{routeinfo.KV: intent.KV, routeinfo.Wipe: intent.Wipe, routeinfo.Deletion: intent.Deletion}

func storedWord(w routeinfo.Word) intent.Word {
	return intent.Word{
		Kind: wordKinds[w.Kind], Scope: w.Scope, Name: w.Name, Value: w.Value, Deleted: w.Deleted, Counter: w.Counter, Epoch: w.Epoch, By: w.By, At: w.At,
	}
}

func tableWord(w intent.Word) routeinfo.Word {
	word := routeinfo.Word{
		Scope: w.Scope, Name: w.Name, Value: w.Value, Deleted: w.Deleted, Counter: w.Counter, Epoch: w.Epoch, By: w.By, At: w.At,
	}
	for kind, stored := range wordKinds {
		if stored == w.Kind {
			word.Kind = kind
		}
	}
	return word
}

// keepAudit notes who used, or tried to use, what changes the name server. The database is told of all behind the request; the log shows
// what took effect by an operator's hand, since strangers could fill it with the rest.
func (a *App) keepAudit(r namesrv.AuditRecord) {
	level := slog.LevelDebug
	if r.Done && r.Who != "broker" {
		level = slog.LevelInfo
	}
	a.log.Log(context.Background(), level, "administration of the name server", "action", r.Action, "who", r.Who, "from", r.From, "what", r.What, "result", r.Result)
	if audit := a.namesrv.audit; audit != nil {
		audit.Put(intent.AuditRecord{
			At: r.At, Server: a.cfg.AdvertiseURL, Code: r.Code, Action: r.Action, Who: r.Who, From: r.From, What: r.What, Result: r.Result,
		})
	}
}

// keepWords starts what writes to the database, and what reads from it.
func (a *App) keepWords(ctx context.Context, start func(context.Context, string, func(context.Context) error)) {
	if a.namesrv.words != nil {
		start(ctx, "words", a.namesrv.words.Run)
		start(ctx, "words", a.readWords)
	}
	if a.namesrv.audit != nil {
		start(ctx, "audit", a.namesrv.audit.Run)
	}
}

// flush writes what waits, as the last thing before the goodbye.
func (ns *nameServer) flush(ctx context.Context, flushes *sync.WaitGroup) {
	if ns.words != nil {
		flushes.Go(func() {
			if err := ns.words.Flush(ctx); err != nil {
				ns.log.Warn("some words about routes were not written to the database", "pending", ns.words.Pending(), "err", err)
			}
		})
	}
	if ns.audit != nil {
		flushes.Go(func() {
			if err := ns.audit.Flush(ctx); err != nil {
				ns.log.Warn("some audit records were not written to the database", "pending", ns.audit.Pending(), "err", err)
			}
		})
	}
}
