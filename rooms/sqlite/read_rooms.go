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
		if r := s.rooms[id]; q.Public && r.Visibility != rooms.Private || matches(q.Patterns, id) {
			list = append(list, r.Room)
		}
	}
	return list, nil
}

func matches(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, id)
		return ok && err == nil
	})
}
