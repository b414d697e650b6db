package main

import (
	"context"
	"os"
)

// readAgain takes over what can change while a server runs, at every SIGHUP until ctx ends. A configuration with mistakes
// changes nothing.
func (p *program) readAgain(ctx context.Context) {
	if p.hangups == nil {
		return
	}
	p.follow(ctx, p.hangups())
}

func (p *program) follow(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			p.reload()
		}
	}
}

// reload reads the sources and compares them with what was taken over last.
func (p *program) reload() {
	l, wrong := load(p.sources, onServe|onAny)
	if len(wrong) > 0 {
		p.log.Error("the configuration was not taken over", "err", wrong)
		return
	}
	var taken, restart []string
	for _, o := range inScope(onServe | onAny) {
		switch {
		case l.values[o.key] == p.loaded.values[o.key]:
		case o.reload:
			taken = append(taken, o.key)
			p.loaded.values[o.key] = l.values[o.key]
		default:
			restart = append(restart, o.key) // and is named again at the next SIGHUP, until somebody restarts
		}
	}
	p.level.Set(severity(l.config.Log.Level))
	p.log.Info("configuration read again", "changed", taken, "needsRestart", restart)
}
