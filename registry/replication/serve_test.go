package replication

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
)

// alone returns a replicator that nobody runs, to be called by hand, and its clock.
func alone(t testing.TB, options func(*Config)) (*Replicator, *time.Time) {
	now := time.Unix(1_700_000_000, 0)
	clock := func() time.Time { return now }
	reg, err := registry.New(registry.Config{Epoch: 1, Now: clock, Rand: rand.New(rand.NewPCG(1, 2))})
	require.NoError(t, err)
	cfg := Config{
		Registry: reg, Self: func() peerstore.Identity { return peerstore.Identity{PeerID: "me"} }, Peers: func() []peerstore.Peer { return nil },
		Changed: func() <-chan struct{} { return nil }, Signer: peerstore.NewSigner([]byte("secret")), Now: clock,
		Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }),
	}
	if options != nil {
		options(&cfg)
	}
	r, err := New(cfg)
	require.NoError(t, err)
	return r, &now
}

var caller = peerstore.Caller{PeerID: "peer", Epoch: 7}

// say makes one call of a stream and returns its status and answer.
func say(t testing.TB, r *Replicator, from peerstore.Caller, q request) (int, response) {
	body := append(appendRequestHead(nil, q), q.Frames...)
	req := httptest.NewRequest(http.MethodPost, StreamPath, bytes.NewReader(body))
	req.Header.Set("Content-Type", MediaType)
	w := httptest.NewRecorder()
	r.ServeStream(w, req, from)
	if w.Code != http.StatusOK {
		return w.Code, response{}
	}
	require.Equal(t, MediaType, w.Header().Get("Content-Type"))
	p, err := decodeResponse(w.Body.Bytes())
	require.NoError(t, err)
	return w.Code, p
}

func renewalFrame(kind frameKind, list ...renewal) string {
	b, start := beginFrame(nil, kind)
	b = append(b, 1)
	var w renewalWriter
	for _, x := range list {
		b = w.append(b, x)
	}
	return string(endFrame(b, start))
}

func TestSequenceNumbers(t *testing.T) {
	r, now := alone(t, nil)
	step := func(stream, sequence uint64, want int) {
		t.Helper()
		got, p := say(t, r, caller, request{Stream: stream, Sequence: sequence, Drained: true})
		require.Equal(t, want, got, "stream %d call %d", stream, sequence)
		if want == http.StatusOK {
			require.Equal(t, []uint64{stream, sequence}, []uint64{p.Stream, p.Sequence})
		}
	}
	step(5, 1, http.StatusConflict) // not open
	step(5, 0, http.StatusOK)
	step(5, 0, http.StatusOK) // its answer was lost
	step(5, 2, http.StatusConflict)
	step(5, 1, http.StatusOK)
	step(5, 1, http.StatusOK)
	step(5, 0, http.StatusConflict) // long past
	step(5, 2, http.StatusOK)
	step(4, 0, http.StatusConflict) // the late opening of an older stream
	step(5, 3, http.StatusOK)
	step(6, 0, http.StatusOK)
	step(5, 4, http.StatusConflict) // given up
	step(6, 1, http.StatusOK)
	*now = now.Add(15 * time.Second)
	step(6, 2, http.StatusOK)
	*now = now.Add(15*time.Second + 1)
	step(6, 3, http.StatusConflict) // it may have been under way for so long
	step(7, 0, http.StatusOK)
	r.Paused(time.Minute)
	step(7, 0, http.StatusConflict) // buffered while this process did not run
	step(7, 1, http.StatusConflict)
	step(8, 0, http.StatusOK)
	step(8, 1, http.StatusOK)
}

// A call that is sent again is applied once, and its answer is the same, questions included.
func TestRepeatedCallIsAnsweredTheSame(t *testing.T) {
	r, _ := alone(t, nil)
	say(t, r, caller, request{Stream: 1})
	v := registry.Version{Stamp: 1, Registered: true, Epoch: 7}
	q := request{Stream: 1, Sequence: 1, Frames: renewalFrame(frameRenewals, renewal{registry.Key{App: "A", ID: "1"}, v, 0})}
	_, first := say(t, r, caller, q)
	_, second := say(t, r, caller, q)
	require.Equal(t, first, second)
	require.EqualValues(t, 1, r.totals.RenewalsReceived.Load())
	frames := reader{s: first.Frames}
	kind, payload, ok := frames.frame()
	require.True(t, ok)
	require.Equal(t, frameWant, kind)
	w, err := decodeWant(payload)
	require.NoError(t, err)
	require.Equal(t, want{Kind: wantKeys, Last: true, Keys: []registry.Key{{App: "A", ID: "1"}}}, w)
}

func TestHostileCalls(t *testing.T) {
	r, _ := alone(t, nil)
	post := func(contentType string, body []byte) int {
		req := httptest.NewRequest(http.MethodPost, StreamPath, bytes.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		r.ServeStream(w, req, caller)
		v := httptest.NewRecorder()
		req.Body = http.NoBody
		r.ServeVouch(v, req, caller)
		require.GreaterOrEqual(t, v.Code, 400)
		return w.Code
	}
	require.Equal(t, http.StatusUnsupportedMediaType, post("application/vnd.zonekeeper.peer.v2", nil))
	require.Equal(t, http.StatusBadRequest, post(MediaType, nil))
	require.Equal(t, http.StatusBadRequest, post(MediaType, []byte("GET / HTTP/1.1")))
	require.Equal(t, http.StatusRequestEntityTooLarge, post(MediaType, make([]byte, maxBody+1)))

	// Malformed frames end the stream.
	code, _ := say(t, r, caller, request{Stream: 1})
	require.Equal(t, http.StatusOK, code)
	code, _ = say(t, r, caller, request{Stream: 1, Sequence: 1, Frames: "\x63\x00"})
	require.Equal(t, http.StatusBadRequest, code)
	code, _ = say(t, r, caller, request{Stream: 1, Sequence: 1})
	require.Equal(t, http.StatusConflict, code)
	require.NotZero(t, r.totals.Refused.Load())
}

// What a hostile peer makes us remember is bounded.
func TestHostileMemory(t *testing.T) {
	r, now := alone(t, nil)
	say(t, r, caller, request{Stream: 1})
	v := registry.Version{Stamp: 1, Registered: true, Epoch: 7}
	var sequence uint64
	for round := range 20 { // renewals of what nobody knows
		var list []renewal
		for i := range 5000 {
			list = append(list, renewal{registry.Key{App: "A", ID: fmt.Sprintf("%060d-%d", i, round)}, v, 0})
		}
		sequence++
		code, p := say(t, r, caller, request{Stream: 1, Sequence: sequence, Frames: renewalFrame(frameRenewals, list...)})
		require.Equal(t, http.StatusOK, code)
		require.Less(t, len(p.Frames), 2*softBody)
	}
	s := r.receiver.sessions["peer"]
	require.LessOrEqual(t, len(s.replies.wanted.keys), maxReplies)
	for !s.replies.empty() { // and all of it comes out
		sequence++
		code, p := say(t, r, caller, request{Stream: 1, Sequence: sequence})
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, !s.replies.empty(), p.More)
	}
	// Digests that never match, many in one call: one comparison.
	frames := ""
	for i := range 1000 {
		frames += string(appendDigest(nil, digest{uint64(i + 1), 0}))
	}
	sequence++
	_, p := say(t, r, caller, request{Stream: 1, Sequence: sequence, Frames: frames})
	require.Less(t, len(p.Frames), 100)
	// Peers without number.
	for i := range maxSessions + 10 {
		say(t, r, peerstore.Caller{PeerID: fmt.Sprint("peer", i)}, request{Stream: 1})
	}
	require.Len(t, r.receiver.sessions, maxSessions)
	*now = now.Add(time.Hour)
	r.receiver.forget(func(id string) bool { return id == "peer3" })
	require.Len(t, r.receiver.sessions, 1, "silent for long and not listed")
}

// A receiver that asks for more and more is cut off.
func TestGreedyPeer(t *testing.T) {
	r, _ := alone(t, nil)
	st := newStream(r.newSender(peerstore.Peer{ID: "peer"}))
	defer st.close()
	keys := make([]registry.Key, 100_000)
	var err error
	for range 100 {
		if err = st.want(want{Kind: wantKeys, Round: 1, Keys: keys}); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errGreedy)
	require.LessOrEqual(t, st.copies.names, maxCopying+len(keys))
	for range 5000 {
		if err = st.want(want{Kind: wantApps, Round: 1}); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errGreedy)
}

// A copy that takes longer than a comparison may stand still is not begun anew while its pieces come.
func TestLongCopyIsNotBegunAnew(t *testing.T) {
	r, now := alone(t, nil)
	say(t, r, caller, request{Stream: 1})
	asked := 0
	var p response
	for sequence := uint64(1); sequence <= 24; sequence++ {
		*now = now.Add(10 * time.Second)
		e := registry.Entry{Key: registry.Key{App: "A", ID: fmt.Sprint(sequence)}, Override: registry.Override{Counter: 1}, DeltaAge: -1}
		_, p = say(t, r, caller, request{Stream: 1, Sequence: sequence, Drained: true, Frames: string(appendEntry(appendDigest(nil, digest{99, 1000}), &e))})
		if frames := (&reader{s: p.Frames}); frames.more() {
			asked++
		}
	}
	require.Equal(t, 1, asked)
	require.False(t, p.Applied)
	_, p = say(t, r, caller, request{Stream: 1, Sequence: 25, Frames: string(appendCopied(nil, r.receiver.sessions["peer"].comparison.round))})
	require.True(t, p.Applied)
}

// What stands still is begun anew.
func TestStalledCopyIsBegunAnew(t *testing.T) {
	r, now := alone(t, nil)
	say(t, r, caller, request{Stream: 1})
	asked := 0
	for sequence := uint64(1); sequence <= 12; sequence++ {
		*now = now.Add(10 * time.Second)
		_, p := say(t, r, caller, request{Stream: 1, Sequence: sequence, Frames: string(appendDigest(nil, digest{99, 1000}))})
		if p.Frames != "" {
			asked++
		}
	}
	require.Equal(t, 2, asked)
}

// The answer to a call that was sent again may be as old as the first attempt.
func TestAgesInAnswersGrowWithTheCall(t *testing.T) {
	r, _ := alone(t, nil)
	source, _ := alone(t, nil)
	k := registry.Key{App: "A", ID: "1"}
	require.NoError(t, source.cfg.Registry.Register((&world{lease: 90}).instance(k.App, k.ID, 1), registry.FromClient))
	e, _ := source.cfg.Registry.Entry(k)
	st := newStream(r.newSender(newPeer("peer")))
	defer st.close()
	require.NoError(t, st.answer(string(appendEntry(nil, &e)), 10*time.Second))
	got, ok := r.cfg.Registry.Entry(k)
	require.True(t, ok)
	require.Equal(t, 10*time.Second, got.Age)
}

// An answer merges only if a server of the cluster signed it for this very call.
func TestAnswersAreVerified(t *testing.T) {
	var spoil func(*http.Response)
	answering, _ := alone(t, nil)
	asking, _ := alone(t, func(c *Config) {
		c.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			answering.ServeVouch(w, req, caller)
			res := w.Result()
			spoil(res)
			return res, nil
		})
	})
	s := asking.newSender(newPeer("peer"))
	spoil = func(*http.Response) {}
	_, err := s.vouch(t.Context(), question{})
	require.NoError(t, err)
	spoil = func(res *http.Response) { res.Header.Del(peerstore.HeaderAnswer) }
	_, err = s.vouch(t.Context(), question{})
	require.ErrorIs(t, err, peerstore.ErrBadAnswer)
}

// Long ids do not make a question that no peer takes.
func TestQuestionsFitIntoACall(t *testing.T) {
	w := newVouching(time.Now)
	for i := range 200 {
		w.vouched(registry.Key{App: "A", ID: fmt.Sprintf("%0*d", registry.MaxName, i)}, registry.Version{Stamp: 1}, time.Now(), []string{"third"})
	}
	for left := 200; left > 0; {
		batch := w.take()
		require.NotEmpty(t, batch)
		left -= len(batch)
		q := question{Missing: []string{"third"}}
		for k, d := range batch {
			q.Asked = append(q.Asked, asked{Key: k, Version: d.version})
		}
		require.Less(t, len(appendQuestion(nil, q)), maxBody)
	}
}

func TestVouchCall(t *testing.T) {
	r, _ := alone(t, nil)
	r.hearing.list([]peerstore.Peer{{ID: "third"}})
	q := question{Missing: []string{"third", "stranger"}, Asked: []asked{{Key: registry.Key{App: "A", ID: "1"}, Version: registry.Version{Stamp: 1, Epoch: 1}}}}
	ask := func() testimony {
		req := httptest.NewRequest(http.MethodPost, VouchPath, bytes.NewReader(appendQuestion(nil, q)))
		req.Header.Set("Content-Type", MediaType)
		w := httptest.NewRecorder()
		r.ServeVouch(w, req, caller)
		require.Equal(t, http.StatusOK, w.Code)
		answer, err := decodeTestimony(w.Body.Bytes(), 2, 1)
		require.NoError(t, err)
		return answer
	}
	require.Equal(t, testimony{Heard: []time.Duration{-1, -1}, Answers: []witnessed{{State: registry.Gone}}}, ask())
	r.hearing.opened("third", 1)
	r.hearing.accepted("third", 1, true, r.cfg.Now().Add(-2*time.Second))
	require.Equal(t, []time.Duration{2 * time.Second, -1}, ask().Heard)
}

func TestConfigIsChecked(t *testing.T) {
	good, _ := alone(t, nil)
	for name, spoil := range map[string]func(*Config){
		"Registry":  func(c *Config) { c.Registry = nil },
		"Peers":     func(c *Config) { c.Peers = nil },
		"Signer":    func(c *Config) { c.Signer = nil },
		"Transport": func(c *Config) { c.Transport = nil },
		"Keepalive": func(c *Config) { c.Keepalive = -1 },
		"Silence":   func(c *Config) { c.Silence = c.Keepalive },
		"MaxQueue":  func(c *Config) { c.MaxQueue = -1 },
		"JavaPeers": func(c *Config) { c.JavaPeers = []string{"ftp://user:s3cret@host/"} },
	} {
		cfg := good.cfg
		spoil(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	r, _ := alone(t, func(c *Config) { c.Registerer = reg })
	r.totals.EntriesSent.Add(3)
	n, err := testutil.GatherAndCount(reg)
	require.NoError(t, err)
	require.Equal(t, 17, n)
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
}
