// Package eurekaclient registers a program at Zonekeeper (or any Eureka
// server), keeps its lease, and shows it the other applications.
//
// A Client asks the servers that a clientcfg.Client knows, and so follows
// servers that come, go and change their addresses. It stays with one server
// for a session of some minutes, and leaves it at once when it fails or is no
// longer on the list: a call that fails on one server goes on to the next, each
// once, before it counts as failed. Every server answers everything, so nothing
// is lost by moving.
//
//	servers := clientcfg.New(source, clientcfg.Config{})
//	go servers.Run(ctx)
//	client, err := eurekaclient.New(eurekaclient.Config{
//		Servers:  servers,
//		Instance: &eureka.Instance{App: "ORDERS", IPAddr: "10.0.0.9", Port: eureka.Port{Number: 8080, Enabled: true}},
//	})
//	…
//	go client.Run(ctx)
//
// What the two loops of Run promise:
//
//   - The lease: one registration, then a renewal per interval. A renewal
//     answered 404 is followed by a registration with a fresh dirty timestamp,
//     in the same beat, as Eureka's clients do (Netflix/eureka
//     DiscoveryClient.java: renew). A beat that failed at all servers is
//     repeated after a short random pause and not only after an interval. The
//     end of ctx cancels the lease.
//   - The copy: a full fetch, then deltas. After each delta the apps hash code
//     of the copy is compared with the server's; where they differ, the whole
//     is fetched again. The last copy stays while nobody answers.
package eurekaclient
