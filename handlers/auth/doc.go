// Package auth turns a request's credential into a rooms.Identity. It knows
// tokens and headers; what an identity may do is decided in rooms.
package auth
