package namesrv

import (
	"net"
	"net/netip"
)

// GET_NAMESRV_CONFIG (319), every version.
//
// Behaviour: answers all settings as properties, sorted, with the values that code 318 gave them. Never empty, as mqadmin needs a body.
// Ours: bindAddress and listenPort are those of the listener; other keys without effect here are shown as configured. Those of TLS
// are not shown, as there.
func getConfig(c *call) { c.ok(c.s.settings.Load().appendProperties(nil)) }

// showListener makes the settings say where the server listens. 0.0.0.0 is every address, of both families, as the reference has it.
func (s *Server) showListener(addr net.Addr) {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return // no TCP
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	settings := *s.settings.Load()
	settings.ListenPort = int(at.Port())
	settings.BindAddress = at.Addr().Unmap().String()
	if at.Addr().IsUnspecified() {
		settings.BindAddress = referenceDefaults.BindAddress
	}
	s.settings.Store(&settings)
}
