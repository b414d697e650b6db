package namesrv

import (
	"fmt"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// GET_KV_CONFIG (101), every version.
//
// Behaviour: answers a key's value as extField "value"; code 22 if there is none, with empty extFields.
// Ours: without namespace or key it is code 1, where the reference looks for "null".
func getKVConfig(c *call) {
	namespace, key, ok := c.kvName()
	if !ok {
		return
	}
	value, found := c.s.table.GetKV(namespace, key)
	if !found {
		c.reply(remoting.QueryNotFound, fmt.Sprintf("No config item, Namespace: %s Key: %s", namespace, key), []remoting.Field{}, nil)
		return
	}
	c.reply(remoting.Success, "", []remoting.Field{{Name: valueField, Value: value}}, nil)
}

// kvName reads the two fields that name a key, which may be empty, or answers which one is missing.
func (c *call) kvName() (namespace, key string, ok bool) {
	if namespace, ok = c.present(namespaceField); !ok {
		return "", "", false
	}
	key, ok = c.present(keyField)
	return namespace, key, ok
}

// present reads a field that may be empty, or answers that it is missing.
func (c *call) present(name string) (string, bool) {
	value, ok := c.req.FieldString(name)
	if !ok {
		c.fail(&remoting.FieldError{Field: name, Reason: "is missing: the request needs it as an extField"})
	}
	return value, ok
}
