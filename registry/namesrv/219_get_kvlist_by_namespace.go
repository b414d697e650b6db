package namesrv

import "github.com/zonekeeper/zonekeeper/registry/remoting"

// GET_KVLIST_BY_NAMESPACE (219), every version.
//
// Behaviour: answers the keys and values of a namespace, none for one that was emptied; code 22 for one that never was.
// Ours: without a namespace it is code 1, where the reference looks for "null".
func getKVListByNamespace(c *call) {
	namespace, ok := c.present(namespaceField)
	if !ok {
		return
	}
	if body, found := c.s.table.KVList(namespace); found {
		c.ok(body)
		return
	}
	c.refuse(remoting.QueryNotFound, "No config item, Namespace: "+namespace)
}
