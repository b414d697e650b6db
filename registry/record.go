package registry

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// record is one instance at one version of its content: a small header and the encoded text. It never changes once it
// can be seen, but for next; a change makes another record. eureka.Instance is decoded from the text only at the edges.
type record struct {
	Key             // ID is a part of text where possible
	text     string // bare JSON in list form, as clients are shown it
	version  Version
	override Override
	dirty    int64  // lastDirtyTimestamp of the content; may be below version.Stamp
	upSince  int64  // milliseconds since 1970 of the first UP, 0: never
	subnet   uint64 // of ipAddr: /24, or /64 of IPv6; 0: none
	changed  moment // when it entered the delta; longAgo: it did not
	traits   *traits
	next     *record       // the instance of the same id in another application; guarded by the stripe
	slot     int32         // of the lease; noLease for one of our own servers
	lasts    int32         // seconds a lease lasts
	every    int32         // seconds between renewals
	said     eureka.Status // by the client, after the rules; before the override
	shown    eureka.Status // to clients
	pending  bool          // a Java peer's heartbeat brought the override; the next renewal applies it, as upstream does
}

// traits are what the instances of an application usually have in common.
type traits struct {
	vip, svip string
	zone      string
}

const (
	longAgo = moment(-1 << 62)
	noLease = int32(-1)
)

// maxLease bounds what a client may ask for, so that the sums of durations do not overflow: ten years.
const maxLease = 10 * 365 * 24 * 3600

func (rec *record) own() bool               { return rec.slot == noLease }
func (rec *record) duration() time.Duration { return time.Duration(rec.lasts) * time.Second }
func (rec *record) interval() time.Duration { return time.Duration(rec.every) * time.Second }

// instance decodes the text. The registry wrote it itself, so it decodes.
func (rec *record) instance() *eureka.Instance {
	in, err := eureka.DecodeBareInstance([]byte(rec.text), 0)
	if err != nil {
		panic(fmt.Errorf("decode own text of %s/%s: %w", rec.App, rec.ID, err))
	}
	return in
}

// plain is the text as the client says it is: without the override.
func (rec *record) plain() []byte {
	if rec.shown == rec.said && rec.override.InForce() == eureka.Unknown {
		return []byte(rec.text)
	}
	in := rec.instance()
	in.Status, in.OverriddenStatus = rec.said, eureka.Unknown
	return eureka.AppendInstance(nil, in, eureka.JSON, eureka.List)
}

// removed is the record as deltas show it once it is gone.
func (rec *record) removed(wall int64, last int64, at moment) *record {
	in := rec.instance()
	in.ActionType = eureka.Deleted
	in.LastUpdatedTimestamp = wall
	in.LeaseInfo.EvictionTimestamp = wall
	in.LeaseInfo.LastRenewalTimestamp = last
	gone := *rec
	gone.next = nil
	gone.changed = at
	gone.write(in)
	return &gone
}

// write encodes in as the record's text.
func (rec *record) write(in *eureka.Instance) {
	buf := texts.Get().(*[]byte)
	defer texts.Put(buf)
	*buf = eureka.AppendInstance((*buf)[:0], in, eureka.JSON, eureka.List)
	rec.text = string(*buf)
	// A key that is a part of the text costs no memory of its own.
	if head := len(textHead); len(rec.text) > head+len(rec.ID) && rec.text[:head] == textHead && rec.text[head:head+len(rec.ID)] == rec.ID {
		rec.ID = rec.text[head : head+len(rec.ID)]
	}
}

const textHead = `{"instanceId":"`

var texts = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// fill takes the header from an instance; the caller sets what is not in it.
func (rec *record) fill(in *eureka.Instance) {
	rec.dirty = in.LastDirtyTimestamp
	rec.upSince = in.LeaseInfo.ServiceUpTimestamp
	bounded := in.LeaseInfo
	bounded.DurationInSecs = min(bounded.DurationInSecs, maxLease)
	bounded.RenewalIntervalInSecs = min(bounded.RenewalIntervalInSecs, maxLease)
	rec.lasts = int32(bounded.Duration() / time.Second)
	rec.every = int32(bounded.RenewalInterval() / time.Second)
	rec.subnet = subnetOf(in.IPAddr)
}

// zoneOf is the zone an instance says it is in: Spring's metadata, else Amazon's.
func zoneOf(in *eureka.Instance) string {
	if zone, ok := in.Metadata.Get("zone"); ok {
		return zone
	}
	if in.DataCenterInfo != nil {
		zone, _ := in.DataCenterInfo.Metadata.Get("availability-zone")
		return zone
	}
	return ""
}

// subnetOf is the /24 or /64 of an address as a number, 0 if it is none.
func subnetOf(ip string) uint64 {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return 0
	}
	if addr = addr.Unmap(); addr.Is4() {
		b := addr.As4()
		return 1<<32 | uint64(b[0])<<16 | uint64(b[1])<<8 | uint64(b[2])
	}
	b := addr.As16()
	var net uint64
	for _, x := range b[:8] {
		net = net<<8 | uint64(x)
	}
	return net
}

// answers says whether a vip query for token finds the record. Lists are comma separated and not trimmed.
// Compat: Netflix/eureka AbstractInstanceRegistry.java, Applications.java: vip addresses are split at commas only.
func (rec *record) answers(token string, secure bool) bool {
	list := rec.traits.vip
	if secure {
		list = rec.traits.svip
	}
	for t := range strings.SplitSeq(list, ",") {
		if t == token && list != "" {
			return true
		}
	}
	return false
}
