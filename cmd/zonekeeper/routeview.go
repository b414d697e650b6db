package main

import (
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// routeView shows people and tools what this server's name server knows.
type routeView struct{ app *App }

var _ httpapi.RouteView = routeView{}

// nameServerView heads what one name server says: who it is, and how far one may rely on it.
type nameServerView struct {
	Server  string          `json:"server"` // where it answers HTTP
	Peer    string          `json:"peer"`
	Address string          `json:"address"` // of the name server
	Phase   peerstore.Phase `json:"phase"`
	Answers bool            `json:"answers"`           // lookups are answered, rather than "name server not ready"
	Waiting string          `json:"waiting,omitempty"` // what it waits for, in a sentence
	// At is the server's clock: how long ago something was follows from it, whatever the clock of who reads this.
	At time.Time `json:"at"`
	// Peers are the addresses of the name servers it knows, by peer id.
	Peers map[string]string `json:"peers"`
}

// topicView is the answer of GET /api/v1/topics/{topic}/why.
type topicView struct {
	nameServerView
	routeinfo.Explanation
	// Gone are brokers that registered here, had the topic and went, within the last day.
	Gone []goneBroker `json:"gone,omitempty"`
}

// brokersView is the answer of GET /api/v1/brokers.
type brokersView struct {
	nameServerView
	Digest  peerstore.Digest         `json:"digest"`
	Brokers []routeinfo.BrokerStatus `json:"brokers"`
}

func (v routeView) head() nameServerView {
	a := v.app
	self := a.heart.Self()
	head := nameServerView{
		Server: a.cfg.AdvertiseURL, Peer: self.ID, Address: self.Addresses.Namesrv, Phase: self.NamesrvPhase,
		Answers: a.namesrv.answers.Load(), Waiting: a.namesrvWaiting(), At: a.deps.Now().UTC(), Peers: map[string]string{self.ID: self.Addresses.Namesrv},
	}
	for _, m := range a.list.All() {
		if m.Addresses.Namesrv != "" {
			head.Peers[m.ID] = m.Addresses.Namesrv
		}
	}
	return head
}

// Why implements httpapi.RouteView.
func (v routeView) Why(topic string) any {
	head := v.head()
	return topicView{head, v.app.namesrv.table.Explain(topic, v.app.deps.Now()), v.app.namesrv.departures.with(topic)}
}

// Brokers implements httpapi.RouteView.
func (v routeView) Brokers() any {
	head := v.head()
	known := v.app.namesrv.table.Snapshot(v.app.deps.Now())
	return brokersView{head, peerstore.Digest(known.Digest), known.Brokers}
}

// Route implements httpapi.RouteView.
func (v routeView) Route(topic string) ([]byte, bool) {
	return v.app.namesrv.table.Route([]byte(topic), remoting.Quoted)
}

// Topics implements httpapi.RouteView.
func (v routeView) Topics(query string, limit int) httpapi.TopicPage {
	matching, first := v.app.namesrv.table.FindTopics(query, limit)
	page := httpapi.TopicPage{Matching: matching}
	for _, t := range first {
		page.Topics = append(page.Topics, httpapi.Topic(t))
	}
	return page
}
