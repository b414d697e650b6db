package httpapi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"runtime"
	rtmetrics "runtime/metrics"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// stat is one line of upstream's status, in its order and with its names.
type stat struct{ name, value string }

// eurekaStatus answers GET status as upstream's StatusResource, in XML or JSON; upstream's own JSON fails with 500 unless an
// unrelated setting is made (StatusInfo.java: isHealthy).
func (s *Server) eurekaStatus(c echo.Context) error {
	want, _ := negotiate(c.Request().Header)
	general, peers, self := s.generalStats(), s.peerStats(), s.selfEntry()
	var body []byte
	if want.json {
		body = statusJSON(general, peers, self)
	} else {
		body = statusXML(general, peers, self)
	}
	return answer(c, http.StatusOK, want.label, body)
}

func (s *Server) generalStats() []stat {
	samples := []rtmetrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	rtmetrics.Read(samples)
	total, used := samples[0].Value.Uint64(), samples[1].Value.Uint64()
	up := s.deps.Now().Sub(s.started)
	uptime := fmt.Sprintf("%02d:%02d", int(up.Hours())%24, int(up.Minutes())%60)
	if days := int(up / (24 * time.Hour)); days > 0 {
		uptime = fmt.Sprintf("%d days %s", days, uptime)
	}
	return []stat{
		{"environment", s.deps.Environment},
		{"num-of-cpus", fmt.Sprint(runtime.NumCPU())},
		{"total-avail-memory", fmt.Sprintf("%dmb", total>>20)},
		{"current-memory-usage", fmt.Sprintf("%dmb (%d%%)", used>>20, 100*used/max(total, 1))},
		{"server-uptime", uptime},
	}
}

// peerStats lists the other servers that take clients. All of them answer, or they were not on the list.
// Compat: upstream joins the registered ones with ", " and puts a comma behind each of the others (StatusUtil.java).
func (s *Server) peerStats() []stat {
	var registered, available string
	me := ""
	if s.deps.Identity != nil {
		me = s.deps.Identity().PeerID
	}
	if s.deps.Servers != nil {
		for _, server := range s.deps.Servers.List().Servers {
			if server.ID == me {
				continue
			}
			if registered != "" {
				registered += ", "
			}
			registered += server.URL
			available += server.URL + ","
		}
	}
	return []stat{{"registered-replicas", registered}, {"available-replicas", available}, {"unavailable-replicas", ""}}
}

// selfEntry is this server as an instance: as it stands in the registry, or, where it does not register itself, from its identity.
func (s *Server) selfEntry() *eureka.Instance {
	if s.deps.Identity == nil {
		return nil
	}
	id := s.deps.Identity()
	in := selfInstance(peerstore.Peer{ID: id.PeerID, Addresses: peerstore.Addresses{Eureka: id.EurekaURL}}, eureka.Up)
	if in == nil {
		return nil
	}
	if listed, ok := s.deps.Registry.Instance(registry.Key{App: SelfApplication, ID: in.InstanceID}); ok {
		return listed
	}
	return in
}

func statusJSON(general, peers []stat, self *eureka.Instance) []byte {
	var b bytes.Buffer
	members := func(name string, stats []stat) {
		fmt.Fprintf(&b, "%q:{", name)
		for i, st := range stats {
			if i > 0 {
				b.WriteByte(',')
			}
			value, _ := json.Marshal(st.value) // a string always encodes
			fmt.Fprintf(&b, "%q:%s", st.name, value)
		}
		b.WriteString("},")
	}
	b.WriteByte('{')
	members("generalStats", general)
	members("applicationStats", peers)
	if self != nil {
		b.WriteString(`"instanceInfo":`)
		b.Write(eureka.AppendInstance(nil, self, eureka.JSON, eureka.Live))
		b.WriteByte(',')
	}
	b.WriteString(`"healthy":true}`)
	return b.Bytes()
}

func statusXML(general, peers []stat, self *eureka.Instance) []byte {
	const root = "com.netflix.eureka.util.StatusInfo"
	var b bytes.Buffer
	elements := func(name string, stats []stat) {
		b.WriteString("  <" + name + ">\n")
		for _, st := range stats {
			b.WriteString("    <" + st.name + ">")
			_ = xml.EscapeText(&b, []byte(st.value)) // a bytes.Buffer never fails
			b.WriteString("</" + st.name + ">\n")
		}
		b.WriteString("  </" + name + ">\n")
	}
	b.WriteString("<" + root + ">\n")
	elements("generalStats", general)
	elements("applicationStats", peers)
	if self != nil {
		doc := eureka.AppendInstanceDocument(nil, self, eureka.XML, eureka.Live)
		doc = bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(doc), []byte("<instance>")), []byte("</instance>"))
		doc = bytes.ReplaceAll(doc, []byte("\n"), []byte("\n  "))
		b.WriteString("  <instanceInfo>")
		b.Write(doc)
		b.WriteString("</instanceInfo>\n")
	}
	b.WriteString("  <isHeathly>true</isHeathly>\n") // sic
	b.WriteString("</" + root + ">")
	return b.Bytes()
}

// statusOverrides answers GET /serverinfo/statusoverrides: every override as {"id": "STATUS"}, as upstream's ServerInfoResource.
// Compat: upstream keeps overrides by instance id alone; an id that two applications use shows the one that comes last here.
func (s *Server) statusOverrides(c echo.Context) error {
	overrides := make(map[string]string)
	for e := range s.deps.Registry.Entries {
		if status := e.Override.InForce(); status != eureka.Unknown {
			overrides[e.ID] = status.String()
		}
	}
	return answerJSON(c, overrides)
}
