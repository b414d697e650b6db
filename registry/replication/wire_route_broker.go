package replication

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// A broker, behind its key, is: name, id, HA address, zone, acting master, timeout, data version, how long the teller has held it,
// whether the topics are all that it has, topics, names of topics that it no longer has, static topic mappings, filter servers. Each
// list begins with its length.

func appendRouteBroker(b []byte, x *routeinfo.Broker) []byte {
	b = appendText(b, x.Name)
	b = binary.AppendVarint(b, x.ID)
	b = appendText(appendText(b, x.HAAddr), x.Zone)
	b = append(b, byte(x.ActingMaster))
	b = appendAge(b, x.Timeout)
	b = binary.AppendVarint(b, x.Version.StateVersion)
	b = binary.AppendVarint(b, x.Version.Timestamp)
	b = binary.AppendVarint(b, x.Version.Counter)
	b = appendFlag(appendAge(b, x.Since), x.Full)
	b = binary.AppendUvarint(b, uint64(len(x.Topics)))
	for i := range x.Topics {
		b = appendTopicConfig(b, &x.Topics[i])
	}
	b = appendTexts(b, x.Removed)
	b = binary.AppendUvarint(b, uint64(len(x.Mappings)))
	for i := range x.Mappings {
		b = appendQueueMapping(b, &x.Mappings[i])
	}
	return appendTexts(b, x.FilterServers)
}

func appendBrokerKey(b []byte, k routeinfo.BrokerKey) []byte {
	return appendText(appendText(b, k.Cluster), k.Addr)
}

func appendTopicConfig(b []byte, t *remoting.TopicConfig) []byte {
	b = appendText(b, t.Name)
	for _, v := range [...]int32{t.ReadQueues, t.WriteQueues, t.Perm, t.SysFlag} {
		b = binary.AppendVarint(b, int64(v))
	}
	return appendFlag(b, t.Order)
}

func appendQueueMapping(b []byte, m *remoting.QueueMapping) []byte {
	b = appendText(appendText(appendText(b, m.Topic), m.Broker), m.Scope)
	b = binary.AppendVarint(b, int64(m.TotalQueues))
	b = binary.AppendVarint(b, m.Epoch)
	b = appendFlag(b, m.Dirty)
	b = binary.AppendUvarint(b, uint64(len(m.Current)))
	for _, p := range m.Current {
		b = binary.AppendVarint(b, int64(p.Logical))
		b = binary.AppendVarint(b, int64(p.Physical))
	}
	return b
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// brokerParts counts what a decoder counts.
func brokerParts(x *routeinfo.Broker) int {
	n := len(x.Topics) + len(x.Removed) + len(x.Mappings) + len(x.FilterServers)
	for i := range x.Mappings {
		n += len(x.Mappings[i].Current)
	}
	return n
}

// A routeDecoder decodes the items of one answer. Room is how many parts may still come.
type routeDecoder struct{ room int }

// take counts parts.
func (d *routeDecoder) take(r *reader, n uint64) int {
	if n > uint64(d.room) {
		r.fail(fmt.Errorf("%w: more than %d parts", errWire, maxRouteParts))
		return 0
	}
	d.room -= int(n)
	return int(n)
}

// list reads the length of a list whose members take at least size bytes each, so that no memory is promised to what cannot come.
func (d *routeDecoder) list(r *reader, size int) int {
	n := d.take(r, r.uvarint())
	if n > len(r.s)/size {
		r.fail(errShort)
		return 0
	}
	return n
}

// own reads a text into memory of its own: tables keep names for long, and a part of a body would keep all of it.
func (r *reader) own() string { return strings.Clone(r.text(maxRouteItem)) }

func (r *reader) brokerKey() routeinfo.BrokerKey {
	return routeinfo.BrokerKey{Cluster: r.own(), Addr: r.own()}
}

func (d *routeDecoder) broker(r *reader) *routeinfo.Broker {
	x := &routeinfo.Broker{Name: r.own(), ID: r.varint(), HAAddr: r.own(), Zone: r.own()}
	x.ActingMaster = remoting.ActingMaster(r.byte())
	if x.ActingMaster > remoting.ActingMasterTrue {
		r.fail(fmt.Errorf("%w: acting master %d", errWire, x.ActingMaster))
	}
	x.Timeout = r.age()
	x.Version = remoting.DataVersion{StateVersion: r.varint(), Timestamp: r.varint(), Counter: r.varint()}
	x.Since, x.Full = r.age(), r.flag()
	if n := d.list(r, 6); n > 0 {
		x.Topics = make([]remoting.TopicConfig, n)
	}
	for i := range x.Topics {
		x.Topics[i] = r.topicConfig()
	}
	x.Removed = d.texts(r)
	if n := d.list(r, 7); n > 0 {
		x.Mappings = make([]remoting.QueueMapping, n)
	}
	for i := range x.Mappings {
		x.Mappings[i] = d.queueMapping(r)
	}
	x.FilterServers = d.texts(r)
	return x
}

func (r *reader) topicConfig() remoting.TopicConfig {
	return remoting.TopicConfig{
		Name: r.own(), ReadQueues: r.int32(), WriteQueues: r.int32(), Perm: r.int32(), SysFlag: r.int32(), Order: r.flag(),
	}
}

func (d *routeDecoder) queueMapping(r *reader) remoting.QueueMapping {
	m := remoting.QueueMapping{
		Topic: r.own(), Broker: r.own(), Scope: r.own(), TotalQueues: r.int32(), Epoch: r.varint(), Dirty: r.flag(),
	}
	if n := d.list(r, 2); n > 0 {
		m.Current = make([]remoting.IDPair, n)
	}
	for i := range m.Current {
		m.Current[i] = remoting.IDPair{Logical: r.int32(), Physical: r.int32()}
	}
	return m
}

func (d *routeDecoder) texts(r *reader) []string {
	n := d.list(r, 1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.own()
	}
	return list
}
