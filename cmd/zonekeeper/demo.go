package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/clientcfg/eurekaclient"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// samples are the applications of `dev --demo`: how many instances of each.
var samples = []struct {
	app       string
	instances int
}{{"ORDERS", 2}, {"BILLING", 1}, {"INVENTORY", 3}}

const (
	samplePort  = 9001
	sampleRenew = 5 * time.Second // so that one who looks sees renewals
	sampleLease = 15 * time.Second
)

// demo registers the samples, each as a client of its own that was told one of the servers, and the sample broker with all name servers.
// finish cancels their leases, unregisters the broker and waits.
func (p *program) demo(ctx context.Context, apps []*App) (finish func(), err error) {
	ctx, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	finish = func() {
		stop()
		clients.Wait()
	}
	n := 0
	for _, s := range samples {
		for range s.instances {
			server := apps[n%len(apps)].cfg.AdvertiseURL
			if err := p.sample(ctx, &clients, s.app, samplePort+n, server); err != nil {
				finish()
				return nil, err
			}
			n++
		}
	}
	var namesrv []string
	for _, a := range apps {
		if a.cfg.Namesrv.Advertise != "" {
			namesrv = append(namesrv, a.cfg.Namesrv.Advertise)
		}
	}
	demoBroker(ctx, &clients, namesrv, p.log)
	return finish, nil
}

func (p *program) sample(ctx context.Context, clients *sync.WaitGroup, app string, port int, server string) error {
	web, err := clientcfg.NewHTTPSource([]string{server}, clientcfg.HTTPConfig{})
	if err != nil {
		return err
	}
	servers := clientcfg.New(web, clientcfg.Config{Log: p.log})
	client, err := eurekaclient.New(eurekaclient.Config{
		Servers: servers,
		Instance: &eureka.Instance{
			App: app, HostName: "127.0.0.1", IPAddr: "127.0.0.1", Port: eureka.Port{Number: port, Enabled: true},
			LeaseInfo: eureka.LeaseInfo{
				RenewalIntervalInSecs: int(sampleRenew / time.Second), DurationInSecs: int(sampleLease / time.Second),
			},
			Metadata: eureka.Metadata{{Key: "sample", Value: fmt.Sprint(port - samplePort + 1)}},
		},
		NoFetch: true, Log: p.log,
	})
	if err != nil {
		return err
	}
	// The list lives longer than the client: it says whom to tell goodbye.
	listing, stop := context.WithCancel(context.WithoutCancel(ctx))
	clients.Go(func() { _ = servers.Run(listing) })
	clients.Go(func() {
		defer stop()
		_ = client.Run(ctx) // ends with ctx and for no other reason
	})
	return nil
}
