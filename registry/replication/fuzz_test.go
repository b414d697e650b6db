package replication

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// FuzzCall feeds whole calls to the receiving side: nothing may panic, and what is accepted is answered within bounds.
func FuzzCall(f *testing.F) {
	v := registry.Version{Stamp: 1700000000000, Counter: 1, Registered: true, Epoch: 7}
	k := registry.Key{App: "ORDERS", ID: "host:orders:8080"}
	entry := registry.Entry{
		Key: k, Version: v, Age: time.Second, DeltaAge: -1,
		Text: []byte(`{"instanceId":"host:orders:8080","hostName":"host","app":"ORDERS","ipAddr":"10.0.0.1","status":"UP"}`),
	}
	tombstone := registry.Entry{Key: k, Version: registry.Version{Stamp: 1700000000000, Counter: 2, Epoch: 7}, Tombstone: true}
	override := registry.Entry{Key: k, Override: registry.Override{Counter: 1, Epoch: 7, Status: eureka.Down}, DeltaAge: -1}
	f.Add([]byte(renewalFrame(frameLeases, renewal{k, v, time.Second})))
	f.Add([]byte(renewalFrame(frameRenewals, renewal{k, v, time.Second}, renewal{registry.Key{App: "ORDERS", ID: "b"}, v, 0})))
	f.Add(appendEntry(appendEntry(appendEntry(nil, &entry), &tombstone), &override))
	f.Add(appendDigest(nil, digest{1, 2}))
	b, start := beginPiece(appendDigest(nil, digest{1, 0}), frameApps, 1)
	b = appendApp(b, "ORDERS", 1)
	lastPiece(b, start)
	b, start = beginPiece(endFrame(b, start), frameIndex, 1)
	b = appendIndexed(b, &entry)
	lastPiece(b, start)
	f.Add(appendCopied(endFrame(b, start), 1))
	f.Add([]byte("\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")) // a frame of 2^64 bytes
	r, _ := alone(f, nil)
	stream := uint64(0)
	f.Fuzz(func(t *testing.T, frames []byte) {
		stream++
		say(t, r, caller, request{Stream: stream})
		_, p := say(t, r, caller, request{Stream: stream, Sequence: 1, Drained: true, Frames: string(frames)})
		require.Less(t, len(p.Frames), 2*maxBody)
	})
}

// FuzzDecode feeds every decoder directly; what decodes is encoded and decoded to the same.
func FuzzDecode(f *testing.F) {
	f.Add(appendRequestHead(nil, request{Stream: 1, Sequence: 2, Idle: time.Second, Drained: true}))
	f.Add(appendResponseHead(nil, response{Stream: 1, Sequence: 2, Applied: true, More: true}))
	f.Add(appendQuestion(nil, question{Missing: []string{"a"}, Asked: []asked{{Key: registry.Key{App: "A", ID: "1"}}}}))
	f.Add(appendTestimony(nil, testimony{Heard: []time.Duration{-1, 1}, Answers: []witnessed{{}}}))
	f.Add(appendWant(nil, want{Kind: wantKeys, Keys: []registry.Key{{App: "A", ID: "1"}}})[5:])
	f.Add([]byte("\x01\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02")) // a number of 66 bits
	f.Fuzz(func(t *testing.T, body []byte) {
		if q, err := decodeRequest(body); err == nil {
			again, err := decodeRequest(append(appendRequestHead(nil, q), q.Frames...))
			require.NoError(t, err)
			require.Equal(t, q, again)
		}
		if p, err := decodeResponse(body); err == nil {
			again, err := decodeResponse(append(appendResponseHead(nil, p), p.Frames...))
			require.NoError(t, err)
			require.Equal(t, p, again)
		}
		if q, err := decodeQuestion(body); err == nil {
			again, err := decodeQuestion(appendQuestion(nil, q))
			require.NoError(t, err)
			require.Equal(t, q, again)
		}
		if a, err := decodeTestimony(body, 2, 1); err == nil {
			again, err := decodeTestimony(appendTestimony(nil, a), 2, 1)
			require.NoError(t, err)
			require.Equal(t, a, again)
		}
		payload := string(body)
		if w, err := decodeWant(payload); err == nil {
			r := reader{s: string(appendWant(nil, w))}
			_, again, ok := r.frame()
			require.True(t, ok)
			require.NotEmpty(t, again)
		}
		if e, err := decodeEntry(payload); err == nil && !e.Version.IsZero() {
			r := reader{s: string(appendEntry(nil, &e))}
			_, again, _ := r.frame()
			same, err := decodeEntry(again)
			require.NoError(t, err)
			require.True(t, bytes.Equal(e.Text, same.Text))
			require.Equal(t, e, same)
		}
		_, _ = decodeDigest(payload)
		_, _ = decodeCopied(payload)
		_, _, _ = decodeApps(payload, func(string, uint64) {})
		_, _, _ = decodeIndex(payload, func(indexed) {})
		_, _ = decodeRenewals(payload, func(renewal) {})
	})
}

// FuzzAnswer feeds what a peer answers to the sending side.
func FuzzAnswer(f *testing.F) {
	f.Add(appendWant(nil, want{Kind: wantAll, Round: 1, Last: true}))
	f.Add(appendWant(appendWant(nil, want{Kind: wantApps, Round: 1, Last: true}), want{Kind: wantDigest}))
	f.Add(appendWant(nil, want{Kind: wantIndex, Round: 2, Last: true, Apps: []string{"ORDERS"}}))
	f.Add(appendWant(nil, want{Kind: wantKeys, Round: 3, Last: true, Keys: []registry.Key{{App: "ORDERS", ID: "1"}}}))
	f.Add(appendWant(nil, want{Kind: wantKeys, Keys: []registry.Key{{App: "ORDERS", ID: "1"}}}))
	r, _ := alone(f, nil)
	f.Fuzz(func(t *testing.T, frames []byte) {
		st := newStream(r.newSender(newPeer("peer")))
		defer st.close()
		if st.answer(string(frames), 0) == nil {
			for range 100 {
				body, _ := st.compose()
				require.Less(t, len(body), 2*maxBody)
			}
		}
	})
}
