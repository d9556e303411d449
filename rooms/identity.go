package rooms

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// Permission is a set of things that an identity may do in a room.
type Permission uint8

// The permissions. Each stands alone: a grant names all that it gives.
const (
	Read     Permission = 1 << iota // see the room, its messages and members
	Post                            // post, edit and delete one's own, react
	Moderate                        // broadcast, delete others' messages, act on members
	Manage                          // create, change and delete rooms

	All = Read | Post | Moderate | Manage
)

var permissionWords = []string{"read", "post", "moderate", "manage"} // by bit

// Words names the permissions, as a token does, in the order above.
func (p Permission) Words() []string {
	words := []string{}
	for bit, word := range permissionWords {
		if p&(1<<bit) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// lacking is the refusal of who has not all of want in a room that it may read.
func lacking(want Permission, room string) *Error {
	return Errorf(CodeForbidden, "this needs the permission to %s in room %q", strings.Join(want.Words(), " and "), room)
}

// Grant gives permissions in every room whose id matches Pattern, in the
// syntax of [path.Match]; "*" is every room.
type Grant struct {
	Pattern string
	Allow   Permission
}

// Identity is who is speaking. It is made by whoever checked the credential and
// never changes.
type Identity struct {
	Subject string       // stable: the token's subject, "guest:" and a name, or "guest#" and what a guest's own token stands for
	Name    string       // shown to others
	Guest   bool         // has no token of an operator's
	Base    Permission   // what it may do in every public room
	Grants  []Grant      // what it may do beyond, in private rooms too
	Network netip.Prefix // where it comes from, as bans of addresses see it; invalid is unknown
	Expires time.Time    // when the credential ends, zero is never: whoever keeps a connection for it ends it then
}

// Sender is the identity as readers of its messages see it.
func (who Identity) Sender() Sender { return Sender{ID: who.Subject, Name: who.Name} }

// Allowed returns all that who may do in the room.
func (who Identity) Allowed(room string, v Visibility) Permission {
	var have Permission
	if v != Private {
		have = who.Base
	}
	for _, g := range who.Grants {
		if ok, err := path.Match(g.Pattern, room); ok && err == nil {
			have |= g.Allow
		}
	}
	return have
}

// rights is the same text for all who may do the same.
func (who Identity) rights() string {
	list := make([]string, len(who.Grants))
	for i, g := range who.Grants {
		list[i] = fmt.Sprintf("%q %d", g.Pattern, g.Allow)
	}
	slices.Sort(list) // tokens name them in no order
	return fmt.Sprint(who.Base, list)
}

// Expired tells whether the credential has ended.
func (who Identity) Expired(now time.Time) bool {
	return !who.Expires.IsZero() && !now.Before(who.Expires)
}

// Can tells whether who has all of want in the room.
func (who Identity) Can(want Permission, room string, v Visibility) bool {
	return who.Allowed(room, v)&want == want
}

// ManagesAll tells whether who may manage every room, those that are yet to be
// made among them: by the pattern "*", since no other is sure to match them all.
func (who Identity) ManagesAll() bool {
	for _, g := range who.Grants {
		if g.Pattern == "*" && g.Allow&Manage != 0 {
			return true
		}
	}
	return false
}
