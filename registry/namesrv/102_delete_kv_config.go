package namesrv

import "fmt"

// DELETE_KV_CONFIG (102), every version. Guarded.
//
// Behaviour: removes a key, for all servers and for good; what is unknown counts as removed. The namespace stays, empty.
// Ours: without namespace or key it is code 1, where the reference deletes nothing and says that it did.
func deleteKVConfig(c *call) {
	if !c.guard("a key") {
		return
	}
	namespace, key, ok := c.kvName()
	if !ok {
		c.failed("a key", "a name is missing")
		return
	}
	c.guarded(fmt.Sprintf("key %q in namespace %q", key, namespace), c.s.table.DeleteKV(namespace, key, c.by(), c.now()))
}
