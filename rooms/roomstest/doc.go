// Package roomstest holds the conformance suites that every [rooms.Store] and
// every [rooms.Journal] must pass, whatever it is made of. Only tests import it.
package roomstest
