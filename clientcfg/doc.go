// Package clientcfg keeps a program supplied with the list of Zonekeeper
// servers that are there now, and chooses one of them.
//
// # How a client starts
//
// It needs one thing that leads to a server: a database that knows them
// (package pgsource, apart, because it brings a driver with it), the URL of any
// server or a name that stands for all (HTTPSource), or a file from the last
// time (FileSource). Sources puts several behind one another:
//
//	file := clientcfg.NewFileSource("/var/lib/orders/zonekeeper.list")
//	web, err := clientcfg.NewHTTPSource([]string{"http://zk-1:8761/eureka/"}, clientcfg.HTTPConfig{})
//	…
//	client := clientcfg.New(clientcfg.Sources(web, file), clientcfg.Config{Zone: "zone-a"})
//	go client.Run(ctx)
//
// # How it survives us
//
// A Client never forgets its servers: when every source fails, or answers with
// an empty list, the last good list stays, in memory and in the file, for ever.
// An HTTPSource asks the servers on the list it holds before it asks its seeds,
// so all servers can be replaced, one after the other, by servers at addresses
// the program was never told, and the seeds may be long gone. The database is
// needed at most at the start.
//
// Refreshes have deadlines; failing ones are repeated after random pauses
// (full jitter), so that a thousand clients which lost the same server do not
// come back in step.
//
// # How it spreads load
//
// Next goes round robin from a start drawn at random, own zone first. A server
// that was reported by Failed rests for a few seconds, unless all of them do:
// a quarantine never excludes everybody, since trying a server that may be dead
// is better than failing for certain.
//
// # RocketMQ
//
// The list says as well where the name servers of the cluster are, which move
// and drain apart from the rest. Client.NamesrvAddr is what RocketMQ takes as
// namesrvAddr; ExampleClient_namesrvResolver feeds rocketmq-client-go, which then
// needs no address server. Programs that cannot embed this package have one in
// GET /rocketmq/nsaddr of every server.
//
// Everything here imports the standard library only. The same ServerList and
// its renderings are what the servers answer under /zone.
package clientcfg
