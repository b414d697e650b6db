package replication

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestEntryRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genEntry().Draw(t, "entry")
		b := appendEntry([]byte("before"), &want)
		r := reader{s: string(b[len("before"):])}
		kind, payload, ok := r.frame()
		require.True(t, ok)
		require.Equal(t, frameEntry, kind)
		require.False(t, r.more())
		got, err := decodeEntry(payload)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	})
}

func TestRenewalsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Custom(func(t *rapid.T) renewal {
			return renewal{genKey().Draw(t, "key"), genVersion().Draw(t, "version"), genAge().Draw(t, "age")}
		})).Draw(t, "renewals")
		b, start := beginFrame(nil, frameRenewals)
		b = append(b, 1)
		var w renewalWriter
		for _, x := range want {
			b = w.append(b, x)
		}
		r := reader{s: string(endFrame(b, start))}
		_, payload, ok := r.frame()
		require.True(t, ok)
		var got []renewal
		last, err := decodeRenewals(payload, func(x renewal) { got = append(got, x) })
		require.NoError(t, err)
		require.True(t, last)
		if len(want) > 0 {
			require.Empty(t, cmp.Diff(want, got))
		}
	})
}

func TestEnvelopesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := request{
			Stream: rapid.Uint64Min(1).Draw(t, "stream"), Sequence: rapid.Uint64().Draw(t, "sequence"), Idle: genAge().Draw(t, "idle"),
			Delay: genAge().Draw(t, "delay"), Drained: rapid.Bool().Draw(t, "drained"), Frames: rapid.String().Draw(t, "frames"),
		}
		got, err := decodeRequest(append(appendRequestHead(nil, q), q.Frames...))
		require.NoError(t, err)
		require.Equal(t, q, got)
		p := response{Stream: q.Stream, Sequence: q.Sequence, Applied: q.Drained, More: rapid.Bool().Draw(t, "more"), Frames: q.Frames}
		gotBack, err := decodeResponse(append(appendResponseHead(nil, p), p.Frames...))
		require.NoError(t, err)
		require.Equal(t, p, gotBack)
	})
}

func TestWantRoundTrips(t *testing.T) {
	for _, want := range []want{
		{Kind: wantAll, Round: 7, Last: true},
		{Kind: wantDigest, Last: true},
		{Kind: wantApps, Round: math.MaxUint64},
		{Kind: wantIndex, Round: 1, Apps: []string{"ORDERS", ""}},
		{Kind: wantKeys, Round: 1, Last: true, Keys: []registry.Key{{App: "ORDERS", ID: "a:b:1"}, {App: "Ü", ID: ""}}},
	} {
		r := reader{s: string(appendWant(nil, want))}
		_, payload, ok := r.frame()
		require.True(t, ok)
		got, err := decodeWant(payload)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestDigestAppsIndexCopiedRoundTrip(t *testing.T) {
	r := reader{s: string(appendDigest(nil, digest{math.MaxUint64 - 1, 12}))}
	_, payload, _ := r.frame()
	d, err := decodeDigest(payload)
	require.NoError(t, err)
	require.Equal(t, digest{math.MaxUint64 - 1, 12}, d)

	b, start := beginPiece(nil, frameApps, 300)
	b = appendApp(appendApp(b, "A", 1), "B", 2)
	lastPiece(b, start)
	r = reader{s: string(endFrame(b, start))}
	_, payload, _ = r.frame()
	got := map[string]uint64{}
	round, last, err := decodeApps(payload, func(app string, sum uint64) { got[app] = sum })
	require.NoError(t, err)
	require.True(t, last)
	require.EqualValues(t, 300, round)
	require.Equal(t, map[string]uint64{"A": 1, "B": 2}, got)

	e := registry.Entry{
		Key: registry.Key{App: "A", ID: "1"}, Version: registry.Version{Stamp: 5, Counter: 6, Epoch: -7}, Tombstone: true,
		Override: registry.Override{Counter: 3, Ended: true, Epoch: 9, Status: eureka.Down}, Age: time.Second,
	}
	b, start = beginPiece(nil, frameIndex, 1)
	r = reader{s: string(endFrame(appendIndexed(b, &e), start))}
	_, payload, _ = r.frame()
	var items []indexed
	_, last, err = decodeIndex(payload, func(x indexed) { items = append(items, x) })
	require.NoError(t, err)
	require.False(t, last)
	e.Override.Status = eureka.Unknown
	require.Equal(t, []indexed{{Key: e.Key, Version: e.Version, Tombstone: true, Override: e.Override, Age: time.Second}}, items)

	r = reader{s: string(appendCopied(nil, 77))}
	_, payload, _ = r.frame()
	round, err = decodeCopied(payload)
	require.NoError(t, err)
	require.EqualValues(t, 77, round)
}

func TestVouchRoundTrips(t *testing.T) {
	q := question{
		Missing: []string{"p1", "p2"},
		Asked:   []asked{{registry.Key{App: "A", ID: "1"}, registry.Version{Stamp: 1, Counter: 2, Registered: true, Epoch: 3}, time.Second}},
	}
	got, err := decodeQuestion(appendQuestion(nil, q))
	require.NoError(t, err)
	require.Equal(t, q, got)

	a := testimony{
		Heard:   []time.Duration{-1, 3 * time.Second},
		Answers: []witnessed{{registry.SameAndOver, 91 * time.Second, time.Second}},
	}
	gotBack, err := decodeTestimony(appendTestimony(nil, a), 2, 1)
	require.NoError(t, err)
	require.Equal(t, a, gotBack)
	_, err = decodeTestimony(appendTestimony(nil, a), 2, 2)
	require.ErrorIs(t, err, errWire)
	_, err = decodeTestimony(appendTestimony(nil, a), 1, 1)
	require.ErrorIs(t, err, errWire)
}

func TestHostileMessagesAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"empty":               "",
		"other version":       "\x02\x00\x01\x00\x00\x00",
		"unknown flag":        "\x01\x40\x01\x00\x00\x00",
		"stream zero":         "\x01\x00\x00\x00\x00\x00",
		"endless number":      "\x01\x00" + strings.Repeat("\xff", 20),
		"age of a millennium": "\x01\x00\x01\x00\xff\xff\xff\xff\xff\x7f\x00",
	} {
		_, err := decodeRequest([]byte(body))
		require.ErrorIs(t, err, errWire, name)
	}
	for name, payload := range map[string]string{
		"no flags":              "",
		"all flags":             "\xff",
		"registered, unknown":   "\x02\x00\x00\x00",
		"ended, no override":    "\x10\x00\x00\x00",
		"tombstone, registered": "\x07\x00\x00\x00\x00\x00\x00",
		"name too long":         "\x00\xff\xff\xff\x7f",
		"text without version":  "\x00\x01A\x01b\x00text",
		"version without text":  "\x01\x01A\x01b\x02\x00\x00\x00",
		"status 9":              "\x08\x01A\x01b\x00\x00\x09\x00",
	} {
		_, err := decodeEntry(payload)
		require.ErrorIs(t, err, errWire, name)
	}
	_, err := decodeQuestion(append([]byte{wireVersion}, 0xff, 0xff, 0x7f))
	require.ErrorIs(t, err, errWire)
	many := question{Asked: make([]asked, maxAsk+1)}
	_, err = decodeQuestion(appendQuestion(nil, many))
	require.ErrorIs(t, err, errWire)
	_, err = decodeWant("\x09\x00\x00")
	require.ErrorIs(t, err, errWire)
	_, err = decodeWant("\x01\x00\x00\x01A")
	require.ErrorIs(t, err, errWire)
	_, err = decodeRenewals("\x00\x01\x00", func(renewal) {})
	require.ErrorIs(t, err, errWire)
}

func genKey() *rapid.Generator[registry.Key] {
	return rapid.Custom(func(t *rapid.T) registry.Key {
		return registry.Key{App: rapid.SampledFrom([]string{"A", "ORDERS", "Ü"}).Draw(t, "app"), ID: rapid.StringN(0, 40, 60).Draw(t, "id")}
	})
}

func genVersion() *rapid.Generator[registry.Version] {
	return rapid.Custom(func(t *rapid.T) registry.Version {
		return registry.Version{
			Stamp: rapid.Int64().Draw(t, "stamp"), Counter: rapid.Uint32().Draw(t, "counter"),
			Registered: rapid.Bool().Draw(t, "registered"), Epoch: rapid.Int64().Draw(t, "epoch"),
		}
	})
}

func genAge() *rapid.Generator[time.Duration] {
	return rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(maxMS)).Draw(t, "ms")) * time.Millisecond
	})
}

func genEntry() *rapid.Generator[registry.Entry] {
	return rapid.Custom(func(t *rapid.T) registry.Entry {
		e := registry.Entry{Key: genKey().Draw(t, "key"), Age: genAge().Draw(t, "age"), DeltaAge: -1}
		if rapid.Bool().Draw(t, "delta") {
			e.DeltaAge = genAge().Draw(t, "delta age")
		}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 1:
			e.Version = genVersion().Draw(t, "version")
			e.Version.Registered = true
			e.Text = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "text")
		case 2:
			e.Version = genVersion().Draw(t, "version")
			e.Version.Registered, e.Version.Stamp = false, max(1, e.Version.Stamp)
			e.Tombstone = true
		}
		if rapid.Bool().Draw(t, "override") {
			e.Override = registry.Override{
				Counter: rapid.Uint64Min(1).Draw(t, "counter"), Ended: rapid.Bool().Draw(t, "ended"),
				Epoch: rapid.Int64().Draw(t, "epoch"), Status: eureka.Status(rapid.IntRange(0, 4).Draw(t, "status")),
			}
		}
		return e
	})
}
