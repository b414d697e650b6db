package registry

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Many callers of everything at once. A writer finds its own write in the next snapshot; every snapshot agrees with itself.
func TestConcurrentUse(t *testing.T) {
	var mu sync.Mutex
	seen := map[Key]Version{}
	r, err := New(Config{Epoch: 3, OnChange: func(c Change) {
		mu.Lock()
		defer mu.Unlock()
		if c.Kind != LeaseRenewed && seen[c.Key].Compare(c.Version) > 0 {
			t.Errorf("changes of %v out of order: %v after %v", c.Key, c.Version, seen[c.Key])
		}
		seen[c.Key] = c.Version
	}})
	require.NoError(t, err)
	peer, err := New(Config{Epoch: 4})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 1))
			for i := range 300 {
				k := Key{fmt.Sprintf("APP%d", rnd.IntN(3)), fmt.Sprint(rnd.IntN(20))}
				switch rnd.IntN(8) {
				case 0, 1:
					own := Key{k.App, fmt.Sprintf("own-%d", worker)}
					if err := r.Register(sample(own.ID, inApp(own.App), dirtyAt(int64(i))), FromClient); err != nil {
						t.Error(err)
					}
					if body, _ := r.Snapshot().Application(own.App, eureka.JSON, false); !containsID(t, body, own.ID) {
						t.Errorf("%v is not in the snapshot after its registration", own)
					}
				case 2:
					_ = r.Register(sample(k.ID, inApp(k.App)), FromClient)
				case 3:
					_ = r.Cancel(k, FromClient)
				case 4:
					_ = r.SetStatus(k, eureka.Status(rnd.IntN(5)), 0, FromClient)
				case 5:
					r.Renew(k, Renewal{}, FromClient)
					r.Instance(k)
					r.MergeRenewal(4, k, Version{}, time.Second, true)
				case 6:
					for e := range r.Entries {
						peer.Merge(3, e)
					}
					for e := range peer.Entries {
						r.Merge(4, e)
					}
				case 7:
					s := r.Snapshot()
					full := decodeList(t, whole(s.Full(eureka.JSON, false)))
					if full.HashCode() != s.HashCode() {
						t.Errorf("hash code %s of a list with %s", s.HashCode(), full.HashCode())
					}
					s.Delta(eureka.XMLCompact, true)
					s.VIP("orders", false, eureka.JSONCompact, true)
					r.Evict(time.Now())
					r.SetServers([]*eureka.Instance{sample("s", inApp("ZONEKEEPER"), status(eureka.Status(rnd.IntN(5))))})
					r.Stats()
				}
			}
		})
	}
	wg.Wait()
	full := decodeList(t, whole(r.Snapshot().Full(eureka.JSON, false)))
	require.Equal(t, full.HashCode(), r.Snapshot().HashCode())
	require.Equal(t, r.Stats().Instances+1, r.Snapshot().Instances())
}

func containsID(t *testing.T, body []byte, id string) bool {
	app, err := eureka.DecodeApplication(body, eureka.JSON)
	if err != nil {
		t.Error(err)
		return false
	}
	for _, in := range app.Instances {
		if in.ID() == id {
			return true
		}
	}
	return false
}
