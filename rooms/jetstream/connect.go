package jetstream

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// embeds tells whether this process has a NATS server of its own.
func (c *Cluster) embeds() bool { return c.config.URL == "" && !c.config.Edge }

// outward is for a connection to servers elsewhere.
func (c *Cluster) outward() []nats.Option {
	var said time.Time
	options := []nats.Option{
		// A server that hangs is left for another.
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(3),
		nats.IgnoreAuthErrorAbort(), // somebody may mend it there
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			if time.Since(said) > sayAgain {
				said = time.Now()
				c.log.Warn("no server of the journal can be reached", "err", err)
			}
		}),
		nats.ConnectHandler(c.sayServer),
		nats.ReconnectHandler(c.sayServer),
	}
	if c.config.Edge {
		options = append(options, nats.UserInfo(c.edgeUser(), c.config.Secret))
	}
	if c.config.TLS != nil {
		options = append(options, nats.Secure(c.config.TLS.client()))
	}
	if c.config.Creds != "" {
		options = append(options, nats.UserCredentials(c.config.Creds))
	}
	return options
}

func (c *Cluster) sayServer(conn *nats.Conn) {
	c.log.Info("connected to a server of the journal", "address", conn.ConnectedAddr())
}

// servers is where the connection goes; the server in this process needs none.
func (c *Cluster) servers() string {
	if !c.config.Edge {
		return c.config.URL
	}
	var all []string
	for _, peer := range c.config.Peers {
		all = append(all, "nats://"+peer)
	}
	return strings.Join(all, ",")
}

// connect makes the connection, which mends itself for as long as it is open.
func (c *Cluster) connect(options []nats.Option) (*nats.Conn, error) {
	conn, err := nats.Connect(c.servers(), append(options,
		nats.Name("chatd "+c.node),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250*time.Millisecond),
		nats.ReconnectBufSize(-1), // what cannot be sent now fails now
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn("NATS", "err", err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.log.Warn("the connection to NATS was lost", "err", err)
			}
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return conn, nil
}
