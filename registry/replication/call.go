package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// statusError is an answer that is not the one hoped for.
type statusError struct {
	code   int
	reason string
}

func (e *statusError) Error() string { return fmt.Sprintf("answered %d: %s", e.code, e.reason) }

// temporary reports whether the same call may still succeed: the peer is there, but somebody in front of it or its load answered.
func (e *statusError) temporary() bool {
	switch e.code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// call delivers one call of the stream, again until it is answered or hopeless, and takes the answer. Meanwhile changes are taken
// from the feed, so that a slow peer does not make it overflow.
func (st *stream) call(ctx context.Context, frames []byte, drained bool) error {
	q := request{Stream: st.number, Sequence: st.next, Drained: drained}
	if !st.answered.IsZero() {
		q.Idle = st.composed.Sub(st.answered)
	}
	type outcome struct {
		response
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		p, err := st.deliver(ctx, q, frames, st.composed)
		done <- outcome{p, err}
	}()
	tick := time.NewTicker(pumpInterval)
	defer tick.Stop()
	for {
		select {
		case o := <-done:
			if o.err != nil {
				return o.err
			}
			st.next++
			if o.Applied && !st.applied {
				st.s.copied(st.s.peer.ID)
			}
			st.answered, st.applied, st.more = st.s.cfg.Now(), o.Applied, o.More
			return st.answer(o.Frames, st.answered.Sub(st.composed))
		case <-tick.C:
			if err := st.pump(); err != nil {
				// The call is given up with the stream; deliver ends with the stream's context.
				st.s.drop(err)
				<-done
				return err
			}
		}
	}
}

// deliver sends one call until there is an answer. A lost answer costs one more attempt: the receiver knows the last call again.
// It gives up before the receiver would forget the stream.
func (st *stream) deliver(ctx context.Context, q request, frames []byte, composed time.Time) (response, error) {
	cfg := st.s.cfg
	wait := firstRetry
	for {
		q.Delay = max(0, cfg.Now().Sub(composed))
		body := append(appendRequestHead(make([]byte, 0, len(frames)+48), q), frames...)
		answer, err := st.s.post(ctx, StreamPath, body)
		if err == nil {
			p, err := decodeResponse(answer)
			if err == nil && (p.Stream != q.Stream || p.Sequence != q.Sequence) {
				err = fmt.Errorf("%w: answer to another call", errWire)
			}
			return p, err
		}
		var status *statusError
		switch {
		case ctx.Err() != nil:
			return response{}, ctx.Err()
		case errors.As(err, &status) && status.code == http.StatusConflict:
			return response{}, fmt.Errorf("%w: %w", errReset, err)
		case errors.As(err, &status) && !status.temporary(), errors.Is(err, peerstore.ErrNoSecret), errors.Is(err, errWire):
			return response{}, err
		case errors.Is(err, syscall.ECONNREFUSED): // nobody listens there any more, so nobody knows this stream either
			return response{}, err
		case q.Sequence == 0, cfg.Now().Add(wait).Sub(composed) > cfg.Silence*2/3:
			return response{}, err
		}
		if !sleep(ctx, time.Duration(float64(wait)*(0.5+cfg.Rand()/2))) {
			return response{}, ctx.Err()
		}
		wait = min(2*wait, lastRetry)
	}
}

// post sends one signed body to the peer and returns the body of its answer.
func (s *sender) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	return exchange(ctx, s.cfg.Transport, s.cfg.Signer, s.peer.ID, s.url+path, body, maxBody)
}

// exchange sends one signed body to the peer whose id is to and returns the body of its answer, of at most limit bytes, verified.
func exchange(ctx context.Context, way http.RoundTripper, signer *peerstore.Signer, to, url string, body []byte, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call peer: %w", err)
	}
	req.Header.Set("Content-Type", MediaType)
	req.Header.Set("Accept", MediaType)
	if err := signer.Sign(req, body, to); err != nil {
		return nil, fmt.Errorf("call peer: %w", err)
	}
	res, err := way.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("call peer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(io.LimitReader(res.Body, 200))
		return nil, &statusError{res.StatusCode, string(bytes.TrimSpace(reason))}
	}
	if t := res.Header.Get("Content-Type"); t != MediaType {
		return nil, fmt.Errorf("call peer: %w: answer of type %q", errWire, t)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the peer's answer: %w", err)
	}
	if int64(len(answer)) > limit {
		return nil, fmt.Errorf("call peer: %w: answer of more than %d bytes", errWire, limit)
	}
	if err := signer.VerifyAnswer(res.Header, req, answer); err != nil {
		return nil, fmt.Errorf("call peer: %w", err)
	}
	return answer, nil
}

// vouch puts a question to the peer.
func (s *sender) vouch(ctx context.Context, q question) (testimony, error) {
	answer, err := s.post(ctx, VouchPath, appendQuestion(nil, q))
	if err != nil {
		return testimony{}, err
	}
	return decodeTestimony(answer, len(q.Missing), len(q.Asked))
}
