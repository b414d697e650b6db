package replication

import (
	"errors"
	"io"
	"net/http"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// ServeStream answers POST /api/v1/peer/stream. The caller has verified the signature that from comes from.
//
//	200  the answer, of MediaType
//	400  malformed
//	409  not the continuation of an open stream: open a new one
//	413  too large
//	415  another version of the protocol
//	503  too many peers
func (r *Replicator) ServeStream(w http.ResponseWriter, req *http.Request, from peerstore.Caller) {
	body, ok := r.readCall(w, req)
	if !ok {
		return
	}
	q, err := decodeRequest(body)
	if err != nil {
		r.refuse(w, http.StatusBadRequest, err)
		return
	}
	answer, err := r.receiver.receive(from, q)
	switch {
	case errors.Is(err, errGap):
		r.refuse(w, http.StatusConflict, err)
	case errors.Is(err, errWire):
		r.refuse(w, http.StatusBadRequest, err)
	case err != nil:
		r.refuse(w, http.StatusServiceUnavailable, err)
	default:
		if r.cfg.Heard != nil {
			r.cfg.Heard(from.PeerID)
		}
		r.writeAnswer(w, req, answer)
	}
}

// ServeVouch answers POST /api/v1/peer/vouch: what this server knows of instances whose lease is over at the caller.
func (r *Replicator) ServeVouch(w http.ResponseWriter, req *http.Request, from peerstore.Caller) {
	body, ok := r.readCall(w, req)
	if !ok {
		return
	}
	q, err := decodeQuestion(body)
	if err != nil {
		r.refuse(w, http.StatusBadRequest, err)
		return
	}
	r.writeAnswer(w, req, appendTestimony(nil, r.testify(q)))
}

// readCall reads the whole body. If it is not ok, the call is answered.
func (r *Replicator) readCall(w http.ResponseWriter, req *http.Request) (body []byte, ok bool) {
	if req.Header.Get("Content-Type") != MediaType {
		r.refuse(w, http.StatusUnsupportedMediaType, errors.New("want "+MediaType))
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		r.refuse(w, http.StatusRequestEntityTooLarge, err)
		return nil, false
	}
	return body, true
}

// refuse answers in a few words, for the log of the peer.
func (r *Replicator) refuse(w http.ResponseWriter, status int, err error) {
	r.totals.Refused.Add(1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error()) // a caller that is gone needs no answer
}

// writeAnswer signs the answer: the caller merges what is in it.
func (r *Replicator) writeAnswer(w http.ResponseWriter, call *http.Request, body []byte) {
	w.Header().Set("Content-Type", MediaType)
	r.cfg.Signer.SignAnswer(w.Header(), call, body)
	_, _ = w.Write(body) // a caller that is gone asks again
}
