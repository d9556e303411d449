// Package handlers is chatd's face: the HTTP routes, the WebSocket sessions and
// the event streams. It turns requests into calls of the rooms registry, and
// what comes back into the words of the wire package.
//
// It decides nothing about who may do what: it finds out who is speaking (see
// the auth package) and asks the registry, so that all transports answer alike.
// [New] puts everything together; routes.go lists every route. Only cmd/chatd
// calls it.
package handlers
