// Package webhook calls the receivers of webhooks over HTTP, signed as Standard
// Webhooks has it (https://www.standardwebhooks.com, version 1): the
// rooms.WebhookCaller of the server.
//
// What is called is chosen by people who may moderate a room, and not by who
// runs the server. So a call reaches the public internet alone, unless the
// operator allows more: each address is looked at when the connection is made,
// after its name was resolved. Redirects are not followed, and no proxy of the
// environment is used.
package webhook
