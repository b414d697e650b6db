// Package httpapi is everything this server answers over HTTP but the page for people: the Eureka API for clients and for Java
// servers, the calls between our own servers, the server lists that clients follow, the address look-up of RocketMQ's brokers and
// clients, what tools want to know of the name server, health and metrics.
//
// # What clients need and cannot say
//
// The Eureka protocol was never written down; clients rely on what the reference server happens to do, and the handlers here
// keep to what was recorded from one. The warts that matter most:
//
//   - An error answer has no body. Jersey clients decode an instance from any heartbeat answer that has one, and a 404 that
//     they cannot decode means that they never register again (AbstractJersey2EurekaHttpClient.java: sendHeartBeat). Only the
//     400 of a registration, the 400 of a batch and the 409 of a copied heartbeat carry text.
//   - A cached list is JSON if the Accept header contains the letters "json"; its label is negotiated apart, so that body and
//     label can disagree (Netflix/eureka ApplicationsResource.java: getContainers).
//   - "Not ready" is 403 on list reads, never 503: 503 with Retry-After puts Spring's client to sleep.
//   - A client that waits longer than ten seconds goes silent, so nothing here waits: handlers only touch memory, a body has
//     to arrive within five seconds, and whoever does not read is cut off.
//
// RocketMQ's side asks one thing over HTTP, where the name servers are, and takes the answer by its body alone: see nsaddr.go.
//
// docs/compatibility.md lists every place where we answer differently on purpose. It is printed from the table that the
// replay of the recorded scenarios is held to.
//
// # How a request goes
//
// ServeHTTP tidies the path, echo's router finds the route, route.serve picks the method and counts, a handler answers. There is
// no other middleware: the stock ones cost more than the whole of a renewal. echo is not visible outside this package.
package httpapi
