package namesrv

import (
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// Names of extFields that several codes share.
const (
	namespaceField = "namespace"
	keyField       = "key"
	valueField     = "value"
)

// PUT_KV_CONFIG (100), every version. Guarded.
//
// Behaviour: sets a key of a namespace, for all servers and for good. Empty names are names. Without a value the key reads as missing
// afterwards, and the answer is still success.
// Ours: names and values are bounded, and the answer says so with code 1.
// Ignored: the body.
func putKVConfig(c *call) {
	namespace, hasNamespace := c.req.FieldString(namespaceField)
	key, hasKey := c.req.FieldString(keyField)
	what := fmt.Sprintf("key %q in namespace %q", key, namespace)
	if !c.guard(what) {
		return
	}
	if !hasNamespace || !hasKey {
		c.guarded(what, errNoKVName)
		return
	}
	value, hasValue := c.req.FieldString(valueField)
	if !hasValue {
		c.guarded(what+" to nothing", c.s.table.DeleteKV(namespace, key, c.by(), c.now()))
		return
	}
	c.guarded(fmt.Sprintf("%s to %q", what, value), c.s.table.PutKV(namespace, key, value, c.by(), c.now()))
}

// errNoKVName has the reference's text (DefaultRequestProcessor.java: putKVConfig).
var errNoKVName = &remarkError{remoting.SystemError, "namespace or key is null"}
