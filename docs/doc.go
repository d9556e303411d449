// Package docs holds the Swagger 2.0 spec of chatd's REST API. swag generates
// docs.go, swagger.json and swagger.yaml from the comments at the handlers: run
// go generate ./handlers after changing one of these.
//
// The written docs are beside it, in *.md.
package docs

import _ "embed"

// Spec is the spec as JSON, served at /swagger/doc.json. It names no host: it
// holds wherever chatd is served.
//
//go:embed swagger.json
var Spec []byte
