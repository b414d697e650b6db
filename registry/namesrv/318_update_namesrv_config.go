package namesrv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// UPDATE_NAMESRV_CONFIG (318), every version. Guarded.
//
// Behaviour: takes properties in the body. Nothing of them is done if one is on the black list (code 16) or they are none (code 1).
// Unknown keys and values that do not fit are passed over, with success.
// Ours: only switches that can be thrown while the server runs are changed, on this server and until it stops; the others are passed
// over as well. No file is ever written: in the reference this code was a way to run programs on the server (CVE-2023-37582).
func updateConfig(c *call) {
	if !c.guard("settings") {
		return
	}
	entries, err := remoting.ParseProperties(c.req.Body)
	if err != nil {
		c.guarded("settings", &remarkError{remoting.SystemError, "string2Properties error"})
		return
	}
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.Name
	}
	what := "settings " + strings.Join(keys, ", ")
	if slices.ContainsFunc(keys, c.s.settings.Load().black) {
		c.guarded(what, &remarkError{remoting.NoPermission, "Can not update config in black list."})
		return
	}
	changed := c.s.updateSettings(entries)
	result := "done, nothing changed"
	if len(changed) > 0 {
		result = "done: " + strings.Join(changed, ", ")
	}
	c.audited(what, true, result)
	c.ok(nil)
}

// updateSettings sets what can be set while the server runs, and says which keys have another value now.
func (s *Server) updateSettings(entries []remoting.Field) (changed []string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	before := *s.settings.Load()
	after := before
	for _, e := range entries {
		if k, ok := settingKeyOf(e.Name); ok && k.live {
			if err := k.set(&after, e.Value); err != nil {
				s.note("setting passed over", "err", err)
			}
		}
	}
	for _, k := range settingKeys {
		if was, is := k.text(&before), k.text(&after); was != is {
			changed = append(changed, k.name+"="+is)
		}
	}
	if len(changed) > 0 {
		s.settings.Store(&after)
		s.table.SetOptions(after.options())
		s.cfg.Log.Info("settings changed", "settings", strings.Join(changed, ", "))
	}
	return changed
}

// options is the table's part of the settings.
func (s *Settings) options() routeinfo.Options {
	return routeinfo.Options{
		OrderMessage:                s.OrderMessageEnable,
		ReturnOrderTopicConfig:      s.ReturnOrderTopicConfigToBroker,
		SupportActingMaster:         s.SupportActingMaster,
		NotifyMinBrokerIDChanged:    s.NotifyMinBrokerIDChanged,
		DeleteTopicWithRegistration: s.DeleteTopicWithBrokerRegistration,
	}
}

// remarkError is a failure with the reference's own code and text.
type remarkError struct {
	code   int32
	remark string
}

func (e *remarkError) Error() string { return fmt.Sprintf("code %d: %s", e.code, e.remark) }
