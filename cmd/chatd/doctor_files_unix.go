//go:build unix

package main

import "syscall"

// checkFiles looks at this machine, not at the server: it is of use where chatd
// runs, or bench.
func (d *doctor) checkFiles() {
	const few = 4096
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return
	}
	if limit.Cur < few {
		d.fail("files", "a connection is a file: raise ulimit -n, or LimitNOFILE= of the unit", "a process of this user here may have %d files open", limit.Cur)
		return
	}
	d.ok("files", "a process of this user here may have %d files open", limit.Cur)
}
