package rooms

// How far a member that is not current may lag behind before it reads on from
// the store.
const (
	ringFrames = 1024
	ringBytes  = 1 << 20
)

// ring holds a hub's newest frames, those that an attached member may still
// lack. Every frame has a position, counted from the hub's beginning. Frames
// never change, and their array is never written twice: a slice of them stays
// good without the hub's lock.
type ring struct {
	frames  []Frame
	start   uint64 // position of frames[0]
	bytes   int    // sum of the payloads
	dropped uint64 // rev of the newest change no longer held
}

// end is the position that the next frame will have.
func (r *ring) end() uint64 { return r.start + uint64(len(r.frames)) }

// add appends a frame.
func (r *ring) add(f Frame) {
	r.frames = append(r.frames, f)
	r.bytes += len(f.Payload)
}

// bound forgets the oldest frames when there are too many, but none at
// position keep or later.
func (r *ring) bound(keep uint64) {
	if len(r.frames) > ringFrames || r.bytes > ringBytes {
		r.trim(min(keep, r.end()-uint64(len(r.frames)/2)))
	}
}

// trim forgets the frames before position to.
func (r *ring) trim(to uint64) {
	if to <= r.start {
		return
	}
	n := int(min(to, r.end()) - r.start)
	for _, f := range r.frames[:n] {
		r.bytes -= len(f.Payload)
		r.dropped = max(r.dropped, f.Rev)
	}
	r.start += uint64(n)
	if n == len(r.frames) {
		r.frames = nil
		return
	}
	r.frames = append(make([]Frame, 0, 2*(len(r.frames)-n)), r.frames[n:]...)
}

// from returns the frames at position pos and later; held is false when some
// of them are gone.
func (r *ring) from(pos uint64) (frames []Frame, held bool) {
	if pos < r.start {
		return nil, false
	}
	return r.frames[pos-r.start:], true
}

// after returns the position of the first change after rev; held is false when
// changes between it and the ring are gone.
func (r *ring) after(rev uint64) (pos uint64, held bool) {
	if rev < r.dropped {
		return 0, false
	}
	for i, f := range r.frames {
		if f.Rev > rev {
			return r.start + uint64(i), true
		}
	}
	return r.end(), true
}
