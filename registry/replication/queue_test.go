package replication

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// The queue against the obvious model: a list of keys in the order of their first change, each with its newest change.
func TestQueueKeepsOrderAndTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 5
		q := newQueue(limit)
		var model []queued
		now := time.Unix(1000, 0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				now = now.Add(time.Second)
				x := queued{
					Key: registry.Key{App: "A", ID: fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "id"))}, Content: rapid.Bool().Draw(t, "content"),
					Version: registry.Version{Counter: rapid.Uint32().Draw(t, "counter")}, Since: now, Renewed: now,
				}
				known := -1
				for i := range model {
					if model[i].Key == x.Key {
						known = i
					}
				}
				switch ok := q.push(x); {
				case known >= 0:
					require.True(t, ok)
					x.Since, x.Content = model[known].Since, x.Content || model[known].Content
					model[known] = x
				case len(model) == limit:
					require.False(t, ok)
				default:
					require.True(t, ok)
					model = append(model, x)
				}
			},
			"pop": func(t *rapid.T) {
				x, ok := q.pop()
				require.Equal(t, len(model) > 0, ok)
				if ok {
					require.Equal(t, model[0], x)
					model = model[1:]
				}
			},
			"": func(t *rapid.T) {
				content := 0
				for _, x := range model {
					if x.Content {
						content++
					}
				}
				require.Equal(t, len(model), q.len())
				require.Equal(t, content, q.content)
				if len(model) > 0 {
					require.Equal(t, model[0].Since, q.oldest())
				}
			},
		})
	})
}

func TestQueueGivesMemoryBack(t *testing.T) {
	q := newQueue(1 << 20)
	for round := range 3 {
		for i := range 10_000 {
			require.True(t, q.push(queued{Key: registry.Key{ID: fmt.Sprint(i)}}))
		}
		for i := range 10_000 {
			x, ok := q.pop()
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(i), x.Key.ID, "round %d", round)
		}
		require.Zero(t, cap(q.items))
	}
}

func TestFeedTellsEveryReaderEverythingOrThatItLost(t *testing.T) {
	f := newFeed()
	now := time.Unix(1000, 0)
	f.append(registry.Change{Key: registry.Key{ID: "nobody listens"}}, now)
	a, b := f.follow(), f.follow()
	defer a.close()
	defer b.close()
	f.append(registry.Change{Key: registry.Key{ID: "1"}, Kind: registry.LeaseRenewed}, now)
	got, complete := a.read(nil)
	require.True(t, complete)
	require.Len(t, got, 1)
	for i := range feedSize {
		f.append(registry.Change{Key: registry.Key{ID: fmt.Sprint(i)}}, now)
	}
	got, complete = a.read(nil)
	require.True(t, complete)
	require.Len(t, got, feedSize)
	got, complete = b.read(nil)
	require.False(t, complete, "one change was overwritten before b read it")
	require.Len(t, got, feedSize)
}

func TestFeedWakes(t *testing.T) {
	f := newFeed()
	c := f.follow()
	defer c.close()
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	any, content := c.wait(false), c.wait(true)
	f.append(registry.Change{Kind: registry.LeaseRenewed}, time.Time{})
	require.True(t, closed(any))
	require.False(t, closed(content), "a renewal is no content")
	f.append(registry.Change{Kind: registry.ContentChanged}, time.Time{})
	require.True(t, closed(content))
	require.True(t, closed(c.wait(false)), "unread")
	require.True(t, closed(c.wait(true)), "unread")
	c.read(nil)
	require.False(t, closed(c.wait(false)))
	require.False(t, closed(c.wait(true)))
}

func TestJavaQueueOrdersTheTasksOfAnInstance(t *testing.T) {
	q := newJavaQueue()
	k := registry.Key{App: "A", ID: "1"}
	push := func(a eureka.Action, dirty int64) { require.Zero(t, q.push(javaTask{Key: k, action: a, dirty: dirty})) }
	actions := func() (list []string) {
		for _, task := range q.take(maxJavaBatch) {
			list = append(list, fmt.Sprintf("%v %d", task.action, task.dirty))
		}
		return list
	}
	push(eureka.Register, 1)
	push(eureka.Heartbeat, 1)
	push(eureka.Register, 2)
	require.Equal(t, []string{"Heartbeat 1", "Register 2"}, actions())
	push(eureka.Register, 1)
	push(eureka.StatusUpdate, 1)
	push(eureka.Cancel, 0)
	push(eureka.Register, 3)
	require.Equal(t, 2, q.now)
	require.Equal(t, []string{"Cancel 0", "Register 3"}, actions())
	require.Zero(t, q.n)
	require.Zero(t, q.now)
	require.Empty(t, q.tasks)
}

func TestJavaQueueIsBounded(t *testing.T) {
	q := newJavaQueue()
	dropped := 0
	for i := range maxJavaTasks + 5 {
		dropped += q.push(javaTask{Key: registry.Key{ID: fmt.Sprint(i)}, action: eureka.Heartbeat})
	}
	require.Equal(t, 5, dropped)
	require.Equal(t, maxJavaTasks, q.n)
	batch := q.take(maxJavaBatch)
	require.Len(t, batch, maxJavaBatch)
	require.Equal(t, "5", batch[0].ID, "the oldest were dropped")
}
