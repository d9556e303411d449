package sqlite

import (
	"context"
	"path"
	"slices"

	"chatd/rooms"
)

// Room implements [rooms.Store].
func (s *Store) Room(_ context.Context, id string) (rooms.Room, error) {
	r, err := s.find(id)
	if err != nil {
		return rooms.Room{}, err
	}
	return r.Room, nil
}

// RoomCount implements [rooms.Store].
func (s *Store) RoomCount() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rooms)
}

// Rooms implements [rooms.Store].
func (s *Store) Rooms(_ context.Context, q rooms.RoomQuery) ([]rooms.Room, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, found := slices.BinarySearch(s.ids, q.After)
	if found {
		i++
	}
	var list []rooms.Room
	for _, id := range s.ids[i:] {
		if len(list) == q.Limit {
			break
		}
		if r := s.rooms[id]; visible(r.Visibility, id, q.Public, q.Patterns) {
			list = append(list, r.Room)
		}
	}
	return list, nil
}

// visible tells whether a query for public rooms, or those that match patterns,
// shows the room.
func visible(v rooms.Visibility, id string, public bool, patterns []string) bool {
	return public && v != rooms.Private || slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, id)
		return ok && err == nil
	})
}
