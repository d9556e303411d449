//go:build !linux

package main

import "net"

// boundLost leaves it to the kernel when a connection is lost.
func boundLost(*net.TCPConn) {}
