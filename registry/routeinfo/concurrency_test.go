package routeinfo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Many callers of everything at once. A broker that has registered finds its topics at once, whatever others do.
func TestConcurrentUse(t *testing.T) {
	words := 0
	f := newFixture(t, with(func(o *Options) { o.SupportActingMaster, o.OrderMessage, o.NotifyMinBrokerIDChanged = true, true, true }),
		func(c *Config) { c.OnWord = func(Word) { words++ } })
	other := newFixture(t)
	begin := time.Now()
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 1))
			l := &link{from: f, to: other, name: fmt.Sprint(worker)}
			for i := range 200 {
				now := begin.Add(time.Duration(i) * 100 * time.Millisecond)
				id, conn := rnd.Int64N(3), ConnID(rnd.IntN(50)+1)
				topic := fmt.Sprintf("T%d", rnd.IntN(4))
				switch rnd.IntN(12) {
				case 0, 1, 2:
					own := fmt.Sprintf("own-%d", worker)
					r := reg(brokerOf(string(rune('A'+worker)), 0), named(own, "T1", "T2"), versioned(int64(i)))
					if _, err := f.Register(r, 0, now); err != nil {
						t.Error(err)
					}
					if _, ok := f.Route([]byte(own), remoting.Bare); !ok {
						t.Errorf("%s is not found after its registration", own)
					}
				case 3:
					_, _ = f.Register(reg(brokerOf("x", id), versioned(int64(i)), acting(remoting.ActingMasterTrue)), conn, now)
				case 4:
					f.ConnClosed(conn, now)
					f.Unregister(keyOf("x", id), "broker-x", conn, now)
				case 5:
					f.Touch(keyOf("x", id), now)
					f.QueryDataVersion(keyOf("x", id), version(1), now)
					f.Expire(now)
				case 6:
					_, _ = f.WipeWrite("broker-x", "me", now)
					_, _ = f.AddWrite("broker-x", "me", now)
				case 7:
					_ = f.DeleteTopic(topic, "", "me", now)
					_ = f.registerTopic(topic, []remoting.QueueData{{Broker: "broker-x", Perm: 6}}, now)
				case 8:
					_ = f.PutKV(orderNamespace, topic, "v", "me", now)
					_ = f.DeleteKV(orderNamespace, topic, "me", now)
					f.GetKV(orderNamespace, topic)
					f.KVList(orderNamespace)
				case 9:
					f.ClusterInfo()
					f.MemberGroup("C", "broker-x")
					f.Topics()
					f.TopicsOfCluster("C")
					f.SystemTopics()
					f.UnitTopics(Unit)
					f.RouteZone([]byte(topic), "z", remoting.Quoted)
				case 10:
					f.Changed()
					f.Notices()
					f.Digest()
					f.Stats()
					f.Snapshot(now)
					if _, err := json.Marshal(f.Explain(topic, now)); err != nil {
						t.Error(err)
					}
					f.Words()
				case 11:
					l.pull()
					other.SetHeard(l.name, rnd.IntN(2) == 0, now)
					other.Expire(now)
				}
				f.Route([]byte(topic), remoting.Dialect(rnd.IntN(2)))
			}
		})
	}
	wg.Wait()
	require.Positive(t, words)
	f.requireReadyIsFresh(t)
	other.requireReadyIsFresh(t)
	last := newFixture(t)
	(&link{from: f, to: last, name: "f"}).pull()
	last.SetOptions(f.Options())
	f.requireSame(last)
}
