package main

import (
	"context"
	"net/url"
	"slices"

	"github.com/zonekeeper/zonekeeper/peerstore"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// followList shows our own servers in the registry and warns of addresses that cannot work, whenever the list changes.
func (a *App) followList(ctx context.Context) error {
	warned := false
	for {
		changed := a.list.Changed() // before reading, so that no change falls between
		if a.cfg.Eureka.RegisterSelf {
			a.registry.SetServers(a.selfInstances())
		}
		if peers := a.list.Peers(); !warned {
			if warned = hides(a.cfg.AdvertiseURL, peers); warned {
				a.log.Warn("our address is loopback while other servers are elsewhere: they and their clients cannot reach us; set --advertise-url",
					"url", a.cfg.AdvertiseURL)
			}
			if a.namesrv != nil && hides("http://"+a.cfg.Namesrv.Advertise, peers) {
				warned = true
				a.log.Warn("our name server's address is loopback while other servers are elsewhere: brokers and clients cannot reach it; set --namesrv-advertise",
					"address", a.cfg.Namesrv.Advertise)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// selfInstances are the servers as clients find them under the VIP.
func (a *App) selfInstances() []*eureka.Instance {
	self := a.heart.Self()
	servers := append(a.list.Peers(), self)
	return httpapi.SelfInstances(servers, self.ID)
}

// hides reports whether an address is one that only this machine reaches, while some servers are not on this machine.
func hides(own string, peers []peerstore.Peer) bool {
	return isLoopback(hostOf(own)) && slices.ContainsFunc(peers, func(p peerstore.Peer) bool {
		return !isLoopback(hostOf(p.Addresses.Eureka))
	})
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
