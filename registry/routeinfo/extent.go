package routeinfo

import (
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// An extent is how much is kept of one broker, all of which is told to other servers.
type extent struct {
	topics   int
	mappings int // static topics and the queues that they name
	names    int // bytes of all names and of the filter servers' addresses
}

func (e extent) fits(l limits) bool {
	return e.topics <= l.brokerTopics && e.mappings <= l.brokerMappings && e.names <= l.brokerNames
}

// check is a *RefusedError for what does not fit.
func (e extent) check(l limits) error {
	switch {
	case e.fits(l):
		return nil
	case e.topics > l.brokerTopics:
		return &RefusedError{Remark: fmt.Sprintf("%s: %d topics of one broker are kept; that is the most: delete some there, or move them to another broker", refusedRegistration, l.brokerTopics)}
	case e.mappings > l.brokerMappings:
		return &RefusedError{Remark: fmt.Sprintf("%s: static topics with %d queues of one broker are kept; that is the most: move some to another broker", refusedRegistration, l.brokerMappings)}
	default:
		return &RefusedError{Remark: fmt.Sprintf("%s: the names of one broker's topics may have %d bytes together: delete some there, or move them to another broker", refusedRegistration, l.brokerNames)}
	}
}

// extent is how much the source tells.
func (s *source) extent() extent {
	e := extent{topics: s.topics, mappings: s.mapped.mappings, names: s.names + s.mapped.names}
	for _, addr := range s.filters {
		e.names += len(addr)
	}
	return e
}

func extentOf(m *remoting.QueueMapping) extent {
	return extent{mappings: 1 + len(m.Current), names: len(m.Topic) + len(m.Broker) + len(m.Scope)}
}

func (e extent) plus(o extent) extent {
	return extent{e.topics + o.topics, e.mappings + o.mappings, e.names + o.names}
}

func (e extent) minus(o extent) extent {
	return extent{e.topics - o.topics, e.mappings - o.mappings, e.names - o.names}
}

// extent is what would be kept of the broker after the registration: at most so much where that is allowed, else exactly.
func (in *registration) extent() extent {
	base, adopted := in.base()
	e := in.mappingsExtent(base, adopted)
	filters := in.FilterServers
	if !in.HasFilterServers && base != nil && !adopted {
		filters = base.filters
	}
	for _, addr := range filters {
		e.names += len(addr)
	}
	for i := range in.Topics {
		e = e.plus(extent{topics: 1, names: len(in.Topics[i].Name)})
	}
	switch {
	case base == nil, in.t.options.DeleteTopicWithRegistration && in.HasTopics && len(in.Mappings) == 0:
		return e // what it does not carry goes
	case adopted:
		return in.adoptedExtent(e)
	}
	e = e.plus(extent{topics: base.topics, names: base.names})
	return in.without(e, func(topic string) bool {
		_, told := in.t.toldBy(in.b, ownSlot, topic)
		return told
	})
}

// base is the source that the registration adds to: our own, or one of another server of which begin takes over what our own does
// not have. It is nil for none.
func (in *registration) base() (base *source, adopted bool) {
	if in.own != nil && in.own.name == in.Name {
		return in.own, false
	}
	if in.b == nil {
		return nil, false
	}
	for _, s := range in.b.sources[1:] {
		if s != nil && (base == nil || s.outranks(base)) {
			base = s
		}
	}
	if base == nil || base.name != in.Name {
		return nil, false
	}
	return base, true
}

// mappingsExtent is what would be kept of static topics (see takeMappings).
func (in *registration) mappingsExtent(base *source, adopted bool) (e extent) {
	var kept map[string]*remoting.QueueMapping
	if base != nil {
		kept, e = base.mappings, base.mapped
	}
	fresh := base == nil || adopted || base.id != in.ID || base.version != in.Version
	said := make(map[string]*remoting.QueueMapping, len(in.Mappings))
	for i := range in.Mappings {
		m := &in.Mappings[i]
		before := kept[m.Topic]
		switch {
		case before != nil && !fresh:
			continue
		case said[m.Topic] != nil:
			before = said[m.Topic]
		}
		if before != nil {
			e = e.minus(extentOf(before))
		}
		e = e.plus(extentOf(m))
		said[m.Topic] = m
	}
	return e
}

// adoptedExtent adds the topics that other servers tell of.
func (in *registration) adoptedExtent(e extent) extent {
	t, most := in.t, e
	for _, s := range in.b.sources[1:] {
		if s != nil {
			most = most.plus(extent{topics: s.topics, names: s.names})
		}
	}
	if most.fits(t.limits) {
		return most
	}
	told := make(map[string]bool)
	for _, s := range t.shapes.of(in.b) {
		for _, tp := range s.topics {
			if _, ok := in.b.told(s.of(in.b), t.hidden(tp.name, in.b)|1<<ownSlot); ok {
				told[tp.name] = true
				e = e.plus(extent{topics: 1, names: len(tp.name)})
			}
		}
	}
	return in.without(e, func(topic string) bool { return told[topic] })
}

// without takes away what was counted twice, as far as that is needed: the registration's topics that are kept already.
func (in *registration) without(e extent, kept func(topic string) bool) extent {
	for i := 0; i < len(in.Topics) && !e.fits(in.t.limits); i++ {
		if name := in.Topics[i].Name; kept(name) {
			e = e.minus(extent{topics: 1, names: len(name)})
		}
	}
	return e
}
