package rocketmq

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// ledger is what all clients said: what was sent, what was not, and who got what.
type ledger struct {
	mu     sync.Mutex
	sent   map[string]string         // message to broker
	failed []string                  // in order
	got    map[string]map[string]int // by group: how often each message
	via    map[string]map[string]int // by library: messages sent to each broker
	extra  map[string]string         // messages sent on demand, and how that went
}

func newLedger() *ledger {
	return &ledger{sent: map[string]string{}, got: map[string]map[string]int{}, via: map[string]map[string]int{}, extra: map[string]string{}}
}

func (l *ledger) hear(group, line string) {
	words := strings.SplitN(line, " ", 3)
	if len(words) < 3 {
		return
	}
	verb, message, where := words[0], words[1], words[2]
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case verb == "got":
		if l.got[group] == nil {
			l.got[group] = map[string]int{}
		}
		l.got[group][message]++
	case verb != "sent" && verb != "failed":
	case strings.HasPrefix(message, onDemand):
		l.extra[message] = line
	case verb == "sent":
		l.sent[message] = where
		if l.via[group] == nil {
			l.via[group] = map[string]int{}
		}
		l.via[group][where]++
	default:
		l.failed = append(l.failed, fmt.Sprintf("%s %s", time.Now().Format("15:04:05.000"), line))
	}
}

// onDemand begins the messages that are no part of the steady stream.
const onDemand = "extra-"

func (l *ledger) failures() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failed)
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent)
}

func (l *ledger) saidOf(message string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.extra[message]
}

// sentVia returns how many messages a library has sent to each broker.
func (l *ledger) sentVia(library string) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.via[library])
}

// missing returns, by group, how many of the messages sent so far have not arrived.
func (l *ledger) missing() map[string][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string][]string{}
	for _, lib := range libraries() {
		for m, broker := range l.sent {
			if l.got[lib.name][m] == 0 {
				out[lib.name] = append(out[lib.name], m+" at "+broker)
			}
		}
	}
	return out
}

// delivered waits until every group got every message sent so far.
func (w *world) delivered(within time.Duration) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for {
		missing := w.ledger.missing()
		if len(missing) == 0 {
			return
		}
		if time.Now().After(deadline) || w.ctx.Err() != nil {
			for group, messages := range missing {
				slices.Sort(messages)
				w.t.Errorf("%s has not got %d messages after %s: %.10q", group, len(messages), within, messages)
			}
			w.t.FailNow()
		}
		w.sleep(100 * time.Millisecond)
	}
}

// unhurt fails the test if any send failed since the mark.
func (w *world) unhurt(mark int) {
	w.t.Helper()
	require.Empty(w.t, w.ledger.failures()[mark:], "sends failed")
}
