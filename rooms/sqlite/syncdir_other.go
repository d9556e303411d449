//go:build !unix

package sqlite

// syncDir has nothing to do: where directories cannot be opened as files, their
// entries are durable with the files.
func syncDir(string) error { return nil }
