package replication

import (
	"github.com/zonekeeper/zonekeeper/registry"
)

// maxReplies bounds the instances of which a session remembers to ask, and those it remembers to answer. What is beyond is
// forgotten: the next renewal asks again, the next digest finds the rest.
const maxReplies = 1 << 14

// replies is what a receiver has to tell the sender of a stream. It travels in the answers to the sender's calls, so it waits here,
// bounded, and is taken out piece by piece.
type replies struct {
	asks   []want // small ones, in order
	wanted keyList
	newer  keyList

	// The instances of a comparison's last step, asked for in pieces under one round.
	copyRound uint64
	copyKeys  []registry.Key
}

// keyList is a list of keys, each once.
type keyList struct {
	keys []registry.Key
	set  map[registry.Key]struct{}
}

// add takes a key that it may keep; false if there is no room.
func (l *keyList) add(k registry.Key) bool {
	if _, ok := l.set[k]; ok {
		return true
	}
	if len(l.keys) >= maxReplies {
		return false
	}
	if l.set == nil {
		l.set = make(map[registry.Key]struct{})
	}
	l.set[k] = struct{}{}
	l.keys = append(l.keys, k)
	return true
}

func (l *keyList) take() (k registry.Key, ok bool) {
	if len(l.keys) == 0 {
		return registry.Key{}, false
	}
	k = l.keys[0]
	l.keys = l.keys[1:]
	delete(l.set, k)
	if len(l.keys) == 0 {
		*l = keyList{}
	}
	return k, true
}

func (p *replies) empty() bool {
	return len(p.asks) == 0 && len(p.wanted.keys) == 0 && len(p.newer.keys) == 0 && p.copyRound == 0
}

// drain appends frames until the body is as long as it should get; the rest stays.
func (p *replies) drain(b []byte, reg *registry.Registry) []byte {
	for len(p.asks) > 0 && len(b) < softBody {
		b = appendWant(b, p.asks[0])
		p.asks = p.asks[1:]
	}
	if len(p.wanted.keys) > 0 && len(b) < softBody {
		w := want{Kind: wantKeys, Last: true}
		for size := len(b); size < softBody; {
			k, ok := p.wanted.take()
			if !ok {
				break
			}
			w.Keys = append(w.Keys, k)
			size += len(k.App) + len(k.ID) + 4
		}
		b = appendWant(b, w)
	}
	for len(b) < softBody {
		k, ok := p.newer.take()
		if !ok {
			break
		}
		if e, ok := reg.Entry(k); ok && len(e.Text) <= maxText {
			b = appendEntry(b, &e)
		}
	}
	if p.copyRound > 0 && len(b) < softBody {
		n := 0
		for size := len(b); n < len(p.copyKeys) && size < softBody; n++ {
			size += len(p.copyKeys[n].App) + len(p.copyKeys[n].ID) + 4
		}
		w := want{Kind: wantKeys, Round: p.copyRound, Last: n == len(p.copyKeys), Keys: p.copyKeys[:n]}
		b = appendWant(b, w)
		if p.copyKeys = p.copyKeys[n:]; w.Last {
			p.copyRound, p.copyKeys = 0, nil
		}
	}
	return b
}
