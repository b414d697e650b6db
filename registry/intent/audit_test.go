package intent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/intent"
	"github.com/zonekeeper/zonekeeper/registry/intent/intenttest"
)

func TestFakeAudit(t *testing.T) {
	intenttest.ExerciseAudit(t, func(*testing.T) intenttest.AuditBackend {
		f := &intenttest.Fake{}
		return intenttest.AuditBackend{AuditStore: f, Read: func(_ context.Context, cluster string) ([]intent.AuditRecord, error) {
			return f.Audit(cluster), nil
		}}
	})
}

func TestAuditWritesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &intenttest.Fake{}
		a, err := intent.NewAudit(intent.AuditConfig{Store: store, Cluster: "c"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		store.Fail(errors.New("no database"))
		for i := range 3 {
			a.Put(intent.AuditRecord{At: time.Now(), Code: int32(i), What: "the same", Result: strings.Repeat("é", 600)})
		}
		time.Sleep(time.Minute)
		require.Equal(t, 3, a.Pending(), "none replaces another")
		store.Fail(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Zero(t, a.Pending())
		got := store.Audit("c")
		require.Len(t, got, 3)
		ids := make(map[string]bool)
		for i, r := range got {
			require.Equal(t, int32(i), r.Code, "in order")
			require.Equal(t, strings.Repeat("é", 500), r.Result)
			ids[r.ID] = true
		}
		require.Len(t, ids, 3)
		cancel()
		require.NoError(t, <-ended)
	})
}

// The oldest goes when too many wait, and is counted.
func TestAuditIsBounded(t *testing.T) {
	store := &intenttest.Fake{}
	a, err := intent.NewAudit(intent.AuditConfig{Store: store, Cluster: "c"})
	require.NoError(t, err)
	for i := range 10_005 {
		a.Put(intent.AuditRecord{What: fmt.Sprint(i)})
	}
	require.Equal(t, 10_000, a.Pending())
	require.Equal(t, 5, a.Dropped())
	require.NoError(t, a.Flush(t.Context()))
	require.Equal(t, "5", store.Audit("c")[0].What)
	_, err = intent.NewAudit(intent.AuditConfig{Cluster: "c"})
	require.Error(t, err)
}
