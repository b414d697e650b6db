package replication

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// An item is: kind, source (empty: the answering server), age, then a key, a key with a broker, or a word. A word is: kind, scope, name,
// value, whether it ended, counter, epoch, who said it, and when in milliseconds since 1970 (0: unknown), which is for people only.

// appendRouteItem appends nothing for an item that says nothing.
func appendRouteItem(b []byte, x *routeinfo.Item) []byte {
	if x.Kind == routeinfo.Content && x.Broker == nil || x.Kind == routeinfo.Said && x.Word == nil {
		return b
	}
	b = append(b, byte(x.Kind))
	b = appendAge(appendText(b, x.Source), x.Age)
	switch x.Kind {
	case routeinfo.Said:
		return appendWord(b, x.Word)
	case routeinfo.Content:
		return appendRouteBroker(appendBrokerKey(b, x.Key), x.Broker)
	}
	return appendBrokerKey(b, x.Key)
}

func appendWord(b []byte, w *routeinfo.Word) []byte {
	b = append(b, byte(w.Kind))
	b = appendText(appendText(appendText(b, w.Scope), w.Name), w.Value)
	b = appendFlag(b, w.Deleted)
	b = binary.AppendUvarint(b, w.Counter)
	b = binary.AppendVarint(b, w.Epoch)
	b = appendText(b, w.By)
	at := int64(0)
	if !w.At.IsZero() {
		at = w.At.UnixMilli()
	}
	return binary.AppendVarint(b, at)
}

// itemParts counts what a decoder counts.
func itemParts(x *routeinfo.Item) int {
	if x.Kind != routeinfo.Content || x.Broker == nil {
		return 1
	}
	return 1 + brokerParts(x.Broker)
}

func (d *routeDecoder) item(r *reader) routeinfo.Item {
	d.take(r, 1)
	x := routeinfo.Item{Kind: routeinfo.ItemKind(r.byte()), Source: r.own(), Age: r.age()}
	switch x.Kind {
	case routeinfo.Said:
		x.Word = r.word()
	case routeinfo.Content:
		x.Key = r.brokerKey()
		x.Broker = d.broker(r)
		x.Broker.Key = x.Key
	case routeinfo.Renewed, routeinfo.Gone:
		x.Key = r.brokerKey()
	default:
		r.fail(fmt.Errorf("%w: item of kind %d", errWire, x.Kind))
	}
	return x
}

func (r *reader) word() *routeinfo.Word {
	w := &routeinfo.Word{Kind: routeinfo.WordKind(r.byte())}
	if w.Kind < routeinfo.KV || w.Kind > routeinfo.Deletion {
		r.fail(fmt.Errorf("%w: word of kind %d", errWire, w.Kind))
	}
	w.Scope, w.Name, w.Value, w.Deleted = r.own(), r.own(), r.own(), r.flag()
	w.Counter, w.Epoch, w.By = r.uvarint(), r.varint(), r.own()
	if at := r.varint(); at != 0 {
		w.At = time.UnixMilli(at).UTC()
	}
	return w
}
