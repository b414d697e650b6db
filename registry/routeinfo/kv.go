package routeinfo

import (
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// orderNamespace holds the order configuration of topics (apache/rocketmq NamesrvUtil.java).
const orderNamespace = "ORDER_TOPIC_CONFIG"

// A namespace is there as soon as it ever had a key: it stays when its last key is deleted, as upstream's does
// (apache/rocketmq KVConfigManager.java: deleteKVConfig).
type namespace struct {
	keys map[string]*wordEntry // taken back ones too
	// guessed: all that is known of it are keys that were taken back although nobody here had heard of them.
	guessed bool
	body    atomic.Pointer[[]byte] // KVTable, made when it is asked for
}

// exists says whether clients see the namespace.
func (n *namespace) exists() bool { return n != nil && !n.guessed }

// confirm notes that there was a key once. It takes nil.
func (n *namespace) confirm() {
	if n != nil {
		n.guessed = false
	}
}

func (n *namespace) get(key string) (string, bool) {
	if n == nil || n.keys[key] == nil || n.keys[key].Deleted {
		return "", false
	}
	return n.keys[key].Value, true
}

// byKey are all keys, also those taken back.
func (n *namespace) byKey() iter.Seq[string] {
	if n == nil {
		return func(func(string) bool) {}
	}
	return maps.Keys(n.keys)
}

func (n *namespace) encoded() []byte {
	if body := n.body.Load(); body != nil {
		return *body
	}
	table := remoting.KVTable{}
	for _, key := range slices.Sorted(maps.Keys(n.keys)) {
		if value, ok := n.get(key); ok {
			table.Entries = append(table.Entries, remoting.Field{Name: key, Value: value})
		}
	}
	body := table.AppendJSON(nil)
	n.body.Store(&body)
	return body
}

// PutKV sets a key, whatever was there. The error is a *RefusedError.
func (t *Table) PutKV(ns, key, value, by string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.say(by, now, Word{Kind: KV, Scope: ns, Name: key, Value: value})
}

// DeleteKV takes a key back. An unknown key is left alone, but before WordsRead it may be a stored one. The error is a
// *RefusedError.
func (t *Table) DeleteKV(ns, key, by string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.words.kv[ns].get(key)
	if !known && t.words.read {
		return nil
	}
	existed := t.words.kv[ns].exists()
	if err := t.say(by, now, Word{Kind: KV, Scope: ns, Name: key, Deleted: true}); err != nil {
		return err
	}
	t.words.kv[ns].guessed = !existed
	return nil
}

// GetKV returns a key's value. It is false when there is none.
func (t *Table) GetKV(ns, key string) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.words.kv[ns].get(key)
}

// KVList returns the KVTable of a namespace, which must not be changed. It is false when the namespace never had a key.
func (t *Table) KVList(ns string) (body []byte, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := t.words.kv[ns]
	if !n.exists() {
		return nil, false
	}
	return n.encoded(), true
}

func (t *Table) keepKV(e *wordEntry) {
	n := t.words.kv[e.Scope]
	if n == nil {
		n = &namespace{keys: make(map[string]*wordEntry)}
		t.words.kv[e.Scope] = n
	}
	n.keys[e.Name] = e
	n.guessed = false
	n.body.Store(nil)
	if e.Scope == orderNamespace {
		t.classify(e.Name)
	}
}

func (t *Table) forgetKV(e *wordEntry) {
	n := t.words.kv[e.Scope]
	delete(n.keys, e.Name)
	n.body.Store(nil)
	if len(n.keys) == 0 {
		delete(t.words.kv, e.Scope)
	}
}

// orderConf is what answers to registrations carry: the KVTable of the order topics, or nil.
func (t *Table) orderConf() []byte {
	n := t.words.kv[orderNamespace]
	if !n.exists() || !t.options.ReturnOrderTopicConfig {
		return nil
	}
	return n.encoded()
}
