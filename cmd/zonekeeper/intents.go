package main

import (
	"context"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/intent"
)

// keepIntent writes an operator's word behind the request: the queue takes it at once and the database gets it when it can.
func (a *App) keepIntent(c registry.Change) {
	if c.Overridden == eureka.Unknown {
		a.intents.Delete(c.App, c.ID)
		return
	}
	a.intents.Put(intent.Override{App: c.App, ID: c.ID, Status: c.Overridden})
}

// readIntents loads the overrides once the database can be asked, however long that takes. Those that peers told us meanwhile are
// newer, and the registry knows it.
func (a *App) readIntents(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-a.heart.Registered(): // the database answers and its schema is right
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		stored, err := a.intents.Load(ctx)
		if err == nil {
			overrides := make([]registry.StoredOverride, len(stored))
			for i, o := range stored {
				overrides[i] = registry.StoredOverride{Key: registry.Key{App: o.App, ID: o.ID}, Status: o.Status}
			}
			a.registry.LoadOverrides(overrides)
			close(a.intentsRead)
			return nil
		}
		a.log.Debug("overrides not read yet", "err", err)
		if !rest(ctx, pause) {
			return nil
		}
	}
}
