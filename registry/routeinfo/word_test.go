package routeinfo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kv.json
func TestKV(t *testing.T) {
	f := newFixture(t)
	_, ok := f.KVList("ns")
	require.False(t, ok)
	require.NoError(t, f.PutKV("ns", "k", "v 1=;:\"\\/é", "me", f.now))
	require.NoError(t, f.PutKV("ns", "k", "v2", "me", f.now))
	require.NoError(t, f.PutKV("ns", "k2", "", "me", f.now))
	require.NoError(t, f.PutKV("", "", "x", "me", f.now))
	body, ok := f.KVList("ns")
	require.True(t, ok)
	require.Equal(t, `{"table":{"k":"v2","k2":""}}`, string(body))
	for _, row := range []struct {
		ns, key, want string
		ok            bool
	}{{"ns", "k", "v2", true}, {"ns", "k2", "", true}, {"ns", "k3", "", false}, {"", "", "x", true}, {"zz", "k", "", false}} {
		value, ok := f.GetKV(row.ns, row.key)
		require.Equal(t, row.ok, ok)
		require.Equal(t, row.want, value)
	}
	for _, key := range []string{"k", "k", "k2"} {
		require.NoError(t, f.DeleteKV("ns", key, "me", f.now))
	}
	require.NoError(t, f.DeleteKV("zz", "k", "me", f.now))
	body, ok = f.KVList("ns")
	require.True(t, ok, "the empty namespace stays")
	require.Equal(t, `{"table":{}}`, string(body))
	_, ok = f.KVList("zz")
	require.False(t, ok)
}

// order-topic.json
func TestOrderConfiguration(t *testing.T) {
	f := newFixture(t, with(func(o *Options) { o.OrderMessage = true }))
	require.Nil(t, f.register(1).OrderConf)
	require.NoError(t, f.PutKV(orderNamespace, "T1", "broker-a:4;broker-b:8", "me", f.now))
	require.Equal(t, `{"table":{"T1":"broker-a:4;broker-b:8"}}`, string(f.register(1).OrderConf))
	require.Equal(t, "broker-a:4;broker-b:8", f.lookup("T1").OrderConf)
	require.False(t, f.lookup("T2").HasOrderConf)
	require.NoError(t, f.PutKV(orderNamespace, "T1", "broker-a:1", "me", f.now))
	require.Equal(t, "broker-a:1", f.lookup("T1").OrderConf)
	f.SetOptions(Options{})
	require.False(t, f.lookup("T1").HasOrderConf)
	require.Nil(t, f.register(1).OrderConf)
	f.SetOptions(Options{OrderMessage: true, ReturnOrderTopicConfig: true})
	require.Equal(t, "broker-a:1", f.lookup("T1").OrderConf)
	require.NoError(t, f.DeleteKV(orderNamespace, "T1", "me", f.now))
	require.False(t, f.lookup("T1").HasOrderConf)
	require.Equal(t, `{"table":{}}`, string(f.register(1).OrderConf))
}

func TestWordsAreOrdered(t *testing.T) {
	word := func(counter uint64, epoch int64, value string) Word {
		return Word{Kind: KV, Scope: "ns", Name: "k", Value: value, Counter: counter, Epoch: epoch}
	}
	for _, row := range []struct {
		have, come Word
		newer      bool
	}{
		{word(1, 1, "a"), word(2, 1, "b"), true},
		{word(2, 1, "a"), word(1, 9, "b"), false},
		{word(1, 1, "a"), word(1, 2, "b"), true},
		{word(1, 1, "a"), word(1, 1, "b"), true},
		{word(1, 1, "b"), word(1, 1, "a"), false},
		{word(1, 1, "a"), word(1, 1, "a"), false},
	} {
		f := newFixture(t)
		require.True(t, f.MergeWord(row.have))
		require.Equal(t, row.newer, f.MergeWord(row.come))
		value, _ := f.GetKV("ns", "k")
		if row.newer {
			require.Equal(t, row.come.Value, value)
		} else {
			require.Equal(t, row.have.Value, value)
		}
	}
}

func TestWordsAreTold(t *testing.T) {
	var told []Word
	f := newFixture(t, func(c *Config) { c.OnWord = func(w Word) { told = append(told, w) } })
	f.SetEpoch(7)
	ahead := uint64(f.now.Add(time.Hour).UnixMicro()) // of another server, whose clock is not ours
	require.NoError(t, f.PutKV("ns", "k", "v", strings.Repeat("x", 1000), f.now))
	require.NoError(t, f.PutKV("ns", "k", "w", "me", f.now))
	require.True(t, f.MergeWord(Word{Kind: KV, Scope: "ns", Name: "k", Counter: ahead, Epoch: 1, Deleted: true}))
	require.False(t, f.MergeWord(Word{Kind: KV, Scope: "ns", Name: "k", Counter: ahead - 1, Epoch: 1}))
	require.NoError(t, f.PutKV("ns", "k", "again", "me", f.now))
	require.Len(t, told, 4)
	require.Equal(t, Word{Kind: KV, Scope: "ns", Name: "k", Value: "v", Counter: uint64(f.now.UnixMicro()), Epoch: 7, By: strings.Repeat("x", maxBy), At: f.now}, told[0])
	require.Equal(t, Word{Kind: KV, Scope: "ns", Name: "k", Value: "again", Counter: ahead + 1, Epoch: 7, By: "me", At: f.now}, told[3])
	require.Equal(t, []Word{told[3]}, f.Words())
}

func TestWordsBeyondTheirLimitsAreRefused(t *testing.T) {
	f := newFixture(t)
	for _, row := range []struct {
		err, want string
	}{
		{f.PutKV("ns", strings.Repeat("k", MaxWordKey), "v", "me", f.now).Error(), "the key has 2002 bytes; 2000 is the most"},
		{f.PutKV("ns", "k", strings.Repeat("v", MaxKVValue+1), "me", f.now).Error(), "the value has 65537 bytes; 65536 is the most"},
	} {
		require.Equal(t, row.want, row.err)
	}
	require.False(t, f.MergeWord(Word{Kind: 9, Name: "k", Counter: 1}))
	require.False(t, f.MergeWord(Word{Kind: Deletion, Name: "k", Value: strings.Repeat("v", MaxDeletion+1), Counter: 1}))
	require.Empty(t, f.Words())
}

func TestWordsOnAFullTable(t *testing.T) {
	f := newFixture(t)
	f.limits.words = 10
	f.register(1)
	f.wipe("broker-a")
	f.deleteTopic("T2", "")
	for i := range 8 {
		require.NoError(t, f.PutKV("ns", fmt.Sprint(i), "v", "me", f.now))
	}
	require.NoError(t, f.PutKV("ns", "more", "v", "me", f.now), "the oldest deletion makes room")
	require.Equal(t, "10 keys, wipes and deletions are kept; that is the most", f.PutKV("ns", "yet more", "v", "me", f.now).Error())
	require.Error(t, f.DeleteTopic("T1", "", "me", f.now))
	require.NotNil(t, f.lookup("T1"))
	require.False(t, f.MergeWord(Word{Kind: KV, Scope: "ns", Name: "merged", Counter: 1}))

	require.NoError(t, f.PutKV("ns", "0", "changed", "me", f.now), "what is there may change")
	require.NoError(t, f.DeleteKV("ns", "0", "me", f.now))
	require.NoError(t, f.DeleteKV("ns", "1", "me", f.now.Add(time.Second)))
	require.NoError(t, f.PutKV("ns", "yet more", "v", "me", f.now), "what was taken back makes room")
	require.Equal(t, int32(4), f.lookup("T1").Queues[0].Perm, "a wipe is never forgotten")
}

// All servers have restarted while the database was away: what is said now must hold against what was stored before, which
// nobody has read.
func TestWordsSaidBeforeTheStoredOnesAreRead(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.PutKV("ns", "k", "new", "me", f.now))
	require.NoError(t, f.DeleteKV("ns", "gone", "me", f.now))
	require.NoError(t, f.DeleteKV("never", "gone", "me", f.now))
	require.Zero(t, f.add("broker-a"))
	require.Zero(t, f.wipe("broker-b"))
	require.Len(t, f.Words(), 4, "a wipe that was answered with no topics is none")
	_, ok := f.KVList("never")
	require.False(t, ok, "as answered when there is no such key")

	for _, counter := range []uint64{3, uint64(f.now.Add(-time.Second).UnixMicro())} {
		require.False(t, f.MergeWord(Word{Kind: KV, Scope: "ns", Name: "k", Value: "old", Counter: counter, Epoch: 9}))
		require.False(t, f.MergeWord(Word{Kind: KV, Scope: "ns", Name: "gone", Value: "old", Counter: counter, Epoch: 9}))
		require.False(t, f.MergeWord(Word{Kind: Wipe, Name: "broker-a", Counter: counter, Epoch: 9}))
	}
	f.WordsRead()
	value, _ := f.GetKV("ns", "k")
	require.Equal(t, "new", value)
	_, ok = f.GetKV("ns", "gone")
	require.False(t, ok)
	f.register(1)
	require.Equal(t, int32(6), f.lookup("T1").Queues[0].Perm)

	words := f.Words()
	require.NoError(t, f.DeleteKV("ns", "unknown", "me", f.now))
	require.NoError(t, f.DeleteKV("ns", "gone", "me", f.now))
	f.add("broker-a")
	require.Equal(t, words, f.Words(), "everything is known now")
}

func TestANamespaceIsThereWhenAStoredWordShowsIt(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.DeleteKV("ns", "k", "me", f.now))
	require.NoError(t, f.DeleteKV("ns", "k2", "me", f.now))
	_, ok := f.KVList("ns")
	require.False(t, ok)
	require.False(t, f.MergeWord(Word{Kind: KV, Scope: "ns", Name: "k", Value: "old", Counter: 3}))
	body, ok := f.KVList("ns")
	require.True(t, ok)
	require.Equal(t, `{"table":{}}`, string(body))
}

func TestAClockThatIsBehindStillMovesForward(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.PutKV("ns", "k", "1", "me", f.now))
	require.NoError(t, f.PutKV("ns", "k", "2", "me", f.now.Add(-time.Hour)))
	require.NoError(t, f.PutKV("ns", "zero", "3", "me", time.Time{}))
	words := f.Words()
	require.Equal(t, uint64(f.now.UnixMicro())+1, words[0].Counter)
	require.Equal(t, uint64(1), words[1].Counter)
}

// The database has the tombstone still.
func TestAWordAfterItsTombstoneWasForgotten(t *testing.T) {
	var stored Word
	f := newFixture(t, func(c *Config) {
		c.OnWord = func(w Word) {
			if w.Name == "k" && w.newer(stored) {
				stored = w
			}
		}
	})
	f.limits.words = 2
	require.NoError(t, f.PutKV("ns", "k", "1", "me", f.now))
	require.NoError(t, f.DeleteKV("ns", "k", "me", f.now))
	require.NoError(t, f.PutKV("ns", "a", "v", "me", f.now))
	f.pass(time.Millisecond)
	require.NoError(t, f.PutKV("ns", "b", "v", "me", f.now))
	require.Len(t, f.Words(), 2, "the tombstone is forgotten")
	f.limits.words = 3
	require.NoError(t, f.PutKV("ns", "k", "2", "me", f.now))
	require.Equal(t, "2", stored.Value)
}

func TestWordsHaveABoundInBytes(t *testing.T) {
	f := newFixture(t)
	f.limits.wordBytes = 30
	put := func(key string, n int) error { return f.PutKV("", key, strings.Repeat("v", n), "me", f.now) }
	require.NoError(t, put("a", 9))
	require.NoError(t, put("b", 9))
	require.NoError(t, put("c", 9))
	require.EqualError(t, put("a", 10), "keys, wipes and deletions of 30 bytes together are kept; that is the most")
	require.Error(t, put("", 1))
	require.Len(t, f.Words(), 3)
	require.NoError(t, put("a", 8), "less is no more")
	require.False(t, f.MergeWord(Word{Kind: KV, Name: "merged", Counter: 1}))
	require.NoError(t, f.DeleteKV("", "b", "me", f.now))
	require.NoError(t, put("d", 10), "what was taken back makes room")
	require.Len(t, f.Words(), 3)
	require.Equal(t, 30, f.words.bytes)
}
