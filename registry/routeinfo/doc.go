// Package routeinfo is the RocketMQ route state of one server.
package routeinfo
