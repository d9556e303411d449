//go:build !unix

package loadtest

// readOnce waits until there is something to read, and takes it. It reports
// false at the end of the session.
func (m *member) readOnce() (open bool, err error) {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	n, err := m.conn.Read(*b)
	if err != nil {
		return false, err
	}
	return m.take((*b)[:n]), nil
}
