package main

import (
	"log/slog"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// activated returns the socket that systemd opened for us, nil if it did not.
func activated() (net.Listener, error) {
	sockets, err := activation.Listeners()
	if err != nil || len(sockets) == 0 || sockets[0] == nil {
		return nil, err
	}
	for _, more := range sockets[1:] {
		if more != nil {
			_ = more.Close()
		}
	}
	return sockets[0], nil
}

// tellSystemd tells systemd, where it started us, how far we are.
func tellSystemd(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd could not be told", "state", state, "err", err)
	}
}
