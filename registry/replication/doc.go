// Package replication copies changes between our own servers, so that each holds the whole registry and agrees with the others, and
// tells Eureka servers written in Java what happens here, in their own words.
//
// # One stream for each ordered pair
//
// What a client does at one server is told to every listed peer by that server itself; nobody passes on what he was told. Between a
// sender and a receiver runs one ordered stream, made of consecutive signed POSTs of which one is under way at a time:
//
//	registry --Enqueue--> feed --> queue --> stream ==POST==> session --> registry of the peer
//	                      (ring,   (per peer,         <==answer==  asks for what is missing, answers what is newer
//	                      shared)  newest wins)
//
// A request of a client pays for one append to the feed, whatever the number of peers. Each sender moves what the feed holds into its
// own queue, where a newer change of an instance replaces the older one in its place. Content leaves at once; renewals, which are
// almost all of the traffic, gather for a fifth of a second. Entries are read from the registry when they are sent, with ages
// instead of timestamps, so no two clocks are ever compared. A call that got no answer is sent again under the same sequence number;
// the receiver knows the last number again and repeats its answer. Any other gap is answered 409, and the sender opens a new stream.
//
// The feed and the queues are bounded. Whoever is too slow for them loses nothing: his stream is begun anew, and the opening compares
// everything.
//
// # Opening, comparing, copying
//
// A stream opens with an empty call, then tells the ages of all leases that the sender knows, then its digest. If the digest equals
// the receiver's, the receiver has applied the snapshot. If not, the receiver asks, in its answers: for the digest of each
// application, for the index of those that differ, for the instances that are newer there; one that lacks most of it asks for
// everything. Pieces are bounded and go between the changes. The snapshot counts as applied when the last piece came. As
// the question travels on an open stream, the stream is always open before the copy is cut, so nothing falls between. Every half
// minute the digest goes again, and whatever differs then is fetched the same way, by each side for itself.
//
// A joiner copies everything from one peer, then compares with the others.
//
// # Hearing
//
// An eviction must not rest on silence that is our own deafness. So the receiving side knows for each listed peer up to when it has
// all that the peer heard: the sender marks calls after which nothing is queued, and as it composed such a call after it had had the
// answer to the one before for a while, which it tells, everything that it heard until that moment is here. Clocks are not
// compared for this either. An idle stream carries a keepalive every 5 seconds; after 15 seconds of silence a peer is not heard.
// A peer that was unheard when it left the list counts as unheard for one more lease. For a listed peer that is not heard, another one
// that hears it may vouch.
//
// After a pause of this process all streams are dropped, in both directions, and opened anew.
//
// # Towards Java servers
//
// They get exactly the batches that they send to each other (javasender.go), with every heartbeat, and are asked at the start for
// what they have. What comes from them arrives through httpapi, like from any client; it is copied to our own servers, never to
// other Java servers.
//
// # Routes
//
// Name servers share what brokers tell them in the other direction: every server asks each listed one that runs a name server for its
// news, in calls that are held back until there are some.
//
//	namesrv --Register--> table of the peer <--Since-- Serve <==POST== puller --Inherit--> table of this server
//
// The feed, and who may say what about whom, is the table's affair (registry/routeinfo); Routes carry it, know which peers are heard,
// and compare digests. The state is small next to the registry's, and a broker registers everything anew every half minute: so there is
// one kind of comparison, and one kind of mending, the full copy. A peer is not heard from the moment a call to it breaks: when a
// broker dies, the word of those who cannot be asked any more must not keep it. See section 18 of docs/wire.md.
//
// # Files
//
//   - replicator.go, config.go, status.go, totals.go: the package's surface.
//   - feed.go, queue.go, sender.go, stream.go, compose.go, copies.go, call.go: the sending side, in the order in which a change passes.
//   - serve.go, session.go, receive.go, replies.go, digest.go: the receiving side.
//   - hearing.go, vouch.go: what an eviction may rest on.
//   - route.go, route_config.go, route_status.go: Routes, the surface of sharing routes.
//   - route_puller.go, route_heard.go, route_agree.go: the asking side; route_serve.go, route_polls.go: the answering side.
//   - wire*.go: messages, one a file, every length bounded.
//   - javaqueue.go, javasender.go, javacall.go: Java servers.
package replication
