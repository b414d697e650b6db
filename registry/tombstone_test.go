package registry

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func tomb(id string, since time.Duration) departed {
	return departed{Key: orders(id), version: Version{Stamp: 1, Counter: 1, Epoch: 1}, tombstone: true, since: moment(since)}
}

func TestMemoryForgets(t *testing.T) {
	m := newMemory(time.Hour, 100)
	m.put(tomb("a", 0), 0)
	m.put(tomb("long lease", 0), 2*time.Hour)
	word := tomb("word", 0)
	word.override = Override{Counter: 1, Status: eureka.Down}
	m.put(word, 0)
	require.True(t, m.find(orders("a"), moment(time.Hour-1)).tombstone)
	require.False(t, m.find(orders("a"), moment(time.Hour)).tombstone, "too old, even before it is swept out")

	m.expire(moment(time.Hour))
	require.Len(t, m.all(moment(time.Hour)), 2)
	require.True(t, m.find(orders("long lease"), moment(time.Hour)).tombstone)
	kept := m.find(orders("word"), moment(time.Hour))
	require.True(t, kept.version.IsZero())
	require.Equal(t, eureka.Down, kept.override.InForce(), "an operator's word stays")

	m.forget(orders("word"))
	m.expire(moment(5 * time.Hour))
	require.Empty(t, m.byKey)
	tombstones, overrides := m.counts()
	require.Zero(t, tombstones+overrides)
}

// An override that is merged into a tombstone does not shorten its time.
func TestMemoryKeepsTheLongerTime(t *testing.T) {
	m := newMemory(time.Hour, 100)
	m.put(tomb("a", 0), 2*time.Hour)
	d := m.find(orders("a"), 0)
	d.override = Override{Counter: 1, Status: eureka.Down}
	m.put(d, 0)
	require.True(t, m.find(orders("a"), moment(2*time.Hour-1)).tombstone)
}

// 100,000 tombstones must not hold on to the texts of what was cancelled.
func TestMemoryHoldsNoText(t *testing.T) {
	f := newFixture(t)
	f.register(sample("a"))
	rec := f.stripe("a").find(orders("a"))
	require.Same(t, unsafe.StringData(rec.text[len(textHead):]), unsafe.StringData(rec.ID), "its id is a part of its text")
	require.NoError(t, f.Cancel(orders("a"), FromClient))
	for k, d := range f.departed.byKey {
		require.NotSame(t, unsafe.StringData(rec.ID), unsafe.StringData(k.ID))
		require.NotSame(t, unsafe.StringData(rec.ID), unsafe.StringData(d.ID))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(time.Hour, 3)
	for i, id := range []string{"c", "a", "d", "b"} {
		m.put(tomb(id, []time.Duration{3, 1, 4, 2}[i]), 0)
	}
	require.Len(t, m.byKey, 3)
	require.Nil(t, m.byKey[orders("a")], "the oldest goes first")
	m.put(departed{Key: orders("d")}, 0)
	require.Nil(t, m.byKey[orders("d")], "nothing to remember")
}

func TestMemoryProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory(10, 5)
		now := moment(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			id := rapid.StringMatching("[a-h]").Draw(t, "id")
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0:
				d := tomb(id, time.Duration(now)-time.Duration(rapid.IntRange(0, 12).Draw(t, "age")))
				d.tombstone = rapid.Bool().Draw(t, "tombstone")
				d.override.Status = eureka.Status(rapid.IntRange(0, 2).Draw(t, "override"))
				m.put(d, 0)
			case 1:
				m.forget(orders(id))
			case 2:
				now += moment(rapid.IntRange(0, 6).Draw(t, "time"))
			case 3:
				m.expire(now)
			}
			require.LessOrEqual(t, len(m.byKey), 5)
			require.Len(t, m.old, len(m.byKey))
			tombstones, overrides := 0, 0
			for i, d := range m.old {
				require.Equal(t, i, d.index)
				if d.tombstone {
					tombstones++
				}
				if d.override.InForce() != eureka.Unknown {
					overrides++
				}
			}
			gotTombstones, gotOverrides := m.counts()
			require.Equal(t, []int{tombstones, overrides}, []int{gotTombstones, gotOverrides})
		}
	})
}
