package replication

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// routeGrace is what a connection is given beyond the wait for news, to read the call and write the answer.
const routeGrace = 10 * time.Second

// Serve answers POST /api/v1/peer/routes: what is new in this server's feed since the caller's cursor, as soon as there is something,
// or nothing after the wait that it asked for. The caller has verified the signature that from comes from.
//
//	200  the answer, of MediaType
//	400  malformed
//	413  too large
//	415  another version of the protocol
//	503  too many calls wait
func (r *Routes) Serve(w http.ResponseWriter, req *http.Request, from peerstore.Caller) {
	if req.Header.Get("Content-Type") != MediaType {
		r.refuse(w, http.StatusUnsupportedMediaType, errors.New("want "+MediaType))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRouteCall))
	if err != nil {
		r.refuse(w, http.StatusRequestEntityTooLarge, err)
		return
	}
	q, err := decodeRouteCall(body)
	if err != nil {
		r.refuse(w, http.StatusBadRequest, err)
		return
	}
	turn, err := r.polls.enter(from.PeerID)
	if err != nil {
		r.refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	defer r.polls.leave(turn)
	r.poke(from.PeerID)
	q.Wait = min(q.Wait, maxRouteWait)
	extend(w, q.Wait+routeGrace)
	q.Hears = append(q.Hears, from.PeerID)
	answer, ok := r.news(req.Context(), q, turn)
	if !ok {
		return // nobody is there any more
	}
	w.Header().Set("Content-Type", MediaType)
	r.cfg.Signer.SignAnswer(w.Header(), req, answer)
	_, _ = w.Write(answer) // a caller that is gone asks again
}

// extend moves the connection's deadlines behind a wait. The one for reading matters too: net/http goes on reading while a handler
// runs, and takes a deadline that passes for a caller that is gone. It is the connection's clock; a writer without one has no deadline.
func extend(w http.ResponseWriter, d time.Duration) {
	c, end := http.NewResponseController(w), time.Now().Add(d)
	_ = c.SetReadDeadline(end)
	_ = c.SetWriteDeadline(end)
}

// news waits until there is something to tell and returns the body of the answer. It is not ok if the caller has gone. Renewals alone
// are no news that hurry: they gather for a while.
func (r *Routes) news(ctx context.Context, q routeCall, turn *poll) (body []byte, ok bool) {
	over := time.NewTimer(q.Wait)
	defer over.Stop()
	var gathered <-chan time.Time
	for {
		changed := r.cfg.Table.Changed()
		batch := r.since(q, softRouteBody)
		if batch.Reset || batch.More || !onlyRenewals(batch.Items) {
			return r.encode(q, batch), true
		}
		if len(batch.Items) > 0 && gathered == nil {
			gathered = time.After(r.cfg.RenewalDelay)
		}
		select {
		case <-changed:
			continue
		case <-gathered:
		case <-over.C:
		case <-turn.over:
		case <-ctx.Done():
			return nil, false
		}
		return r.encode(q, r.since(q, softRouteBody)), true
	}
}

// onlyRenewals is true for nothing, too.
func onlyRenewals(items []routeinfo.Item) bool {
	return !slices.ContainsFunc(items, func(x routeinfo.Item) bool { return x.Kind != routeinfo.Renewed })
}

// since reads the feed and leaves out what other servers said whom the caller asks itself.
func (r *Routes) since(q routeCall, limit int) routeinfo.Batch {
	batch := r.cfg.Table.Since(q.Feed, q.Cursor, true, limit, r.cfg.Now())
	batch.Items = slices.DeleteFunc(batch.Items, func(x routeinfo.Item) bool { return x.Source != "" && slices.Contains(q.Hears, x.Source) })
	return batch
}

// encode writes an answer. The digest is taken after the news: should anything change between the two, it comes with the next
// answer, at once. Should the body be larger than a caller takes, which the table's own reckoning prevents, it tells one item only; and
// one that by itself is too large stays untold, else nothing after it would ever pass.
func (r *Routes) encode(q routeCall, batch routeinfo.Batch) []byte {
	body, oversized := appendRouteAnswer(nil, r.answer(q, batch))
	if oversized > 0 && len(batch.Items) > 1 {
		batch = r.since(q, 1)
		body, oversized = appendRouteAnswer(body[:0], r.answer(q, batch))
	}
	if oversized > 0 {
		r.totals.Oversized.Add(uint64(oversized))
		r.cfg.Log.Error("a broker is too large to be told to other servers", "items", oversized)
	}
	r.totals.Sent.Add(uint64(len(batch.Items) - oversized))
	return body
}

func (r *Routes) answer(q routeCall, batch routeinfo.Batch) *routeAnswer {
	a := &routeAnswer{Batch: batch, Compare: !batch.More && (q.Compare || len(batch.Items) == 0)}
	if a.Compare {
		a.Digest = r.cfg.Table.Digest()
	}
	return a
}

// StopWaiting answers every call that waits for news now, and further ones at once, so that a listener can be closed without cutting
// anybody off. It does not block.
func (r *Routes) StopWaiting() { r.polls.stop() }

// refuse answers in a few words, for the log of the peer.
func (r *Routes) refuse(w http.ResponseWriter, status int, err error) {
	r.totals.Refused.Add(1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error()) // a caller that is gone needs no answer
}
