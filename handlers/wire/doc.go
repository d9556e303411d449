// Package wire is chatd's protocol as data: the JSON of WebSocket frames and of
// REST bodies, the codes of problems and the codes with which connections
// close. docs/protocol.md tells the rules of their exchange.
//
// It is shared by the server (handlers), the Go SDK (handlers/client) and the
// Swagger spec. It holds no behaviour beyond encoding and imports nothing of
// chatd's.
package wire
