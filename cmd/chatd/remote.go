package main

import (
	"fmt"
	"net/url"
	"strings"

	"chatd/handlers/client"
)

// remote is how the commands that talk to a running server find it.
type remote struct {
	URL   string `flag:"url" arg:"URL" default:"http://localhost:8080" help:"where the server is"`
	Token secret `flag:"token" arg:"TOKEN" help:"bearer token; without one, you are a guest"`
	Name  string `flag:"name" arg:"NAME" help:"a guest's name"`
}

func (r *remote) check() []error {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return []error{fmt.Errorf("--url (CHATD_URL): %q is no http or https URL, such as http://localhost:8080", r.URL)}
	}
	r.URL = strings.TrimSuffix(r.URL, "/")
	return nil
}

func (r *remote) api() *client.API {
	return &client.API{URL: r.URL, Token: string(r.Token), Name: r.Name}
}
