package namesrv

// GET_NAMESRV_CONFIG (319), every version.
//
// Behaviour: answers all settings as properties, sorted, with the values that code 318 gave them. Never empty, as mqadmin needs a body.
// Ours: keys without effect here are shown as configured; those of TLS are not shown, as there.
func getConfig(c *call) { c.ok(c.s.settings.Load().appendProperties(nil)) }
