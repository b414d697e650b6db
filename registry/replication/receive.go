package replication

import (
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry"
)

// apply merges the frames of a call in their order.
func (v *receiver) apply(s *session, q request) error {
	r := reader{s: q.Frames}
	for {
		kind, payload, ok := r.frame()
		if !ok {
			return r.err
		}
		if err := v.applyFrame(s, q, kind, payload); err != nil {
			return err
		}
	}
}

func (v *receiver) applyFrame(s *session, q request, kind frameKind, payload string) error {
	switch kind {
	case frameEntry, frameApps, frameIndex:
		s.comparison.moved = s.answered // a little early, but without a look at the clock for each instance
	}
	switch kind {
	case frameLeases:
		last, err := decodeRenewals(payload, func(x renewal) {
			// What is unknown here, or newer there, the digest at the end will show.
			v.reg.MergeRenewal(s.epoch, x.Key, x.Version, x.Age+q.Delay, true)
		})
		s.leased = s.leased || last
		return err
	case frameRenewals:
		n := uint64(0)
		_, err := decodeRenewals(payload, func(x renewal) {
			n++
			switch v.reg.MergeRenewal(s.epoch, x.Key, x.Version, x.Age+q.Delay, false) {
			case registry.Want:
				s.replies.wanted.add(ownKey(x.Key.App, x.Key.ID))
			case registry.Cancelled:
				s.replies.newer.add(ownKey(x.Key.App, x.Key.ID))
			}
		})
		v.totals.RenewalsReceived.Add(n)
		return err
	case frameEntry:
		e, err := decodeEntry(payload)
		if err != nil {
			return err
		}
		addAge(&e, q.Delay)
		v.totals.EntriesReceived.Add(1)
		if v.reg.Merge(s.epoch, e) == registry.Older {
			s.replies.newer.add(e.Key)
		}
		return nil
	case frameDigest:
		d, err := decodeDigest(payload)
		if err == nil {
			v.compare(s, d)
		}
		return err
	case frameApps:
		return v.applyApps(s, payload)
	case frameIndex:
		return v.applyIndex(s, payload)
	case frameCopied:
		round, err := decodeCopied(payload)
		if err == nil {
			v.copied(s, round)
		}
		return err
	}
	return fmt.Errorf("%w: frame of kind %d", errWire, kind)
}
