package main

import "testing"

// TestSettingsMeanOneThing holds that settings of several commands that have one
// name are one thing: they share a variable in the environment, and whoever
// exports it for one command must not break another.
func TestSettingsMeanOneThing(t *testing.T) {
	seen := make(map[string]setting)
	for _, command := range []any{&Config{}, &benchConfig{}, &postConfig{}, &tailConfig{}, &tokenConfig{}, &doctorConfig{}, &dataConfig{}} {
		for _, s := range settingsOf(command) {
			if first, again := seen[s.Name]; again && (first.field.Type() != s.field.Type() || first.Arg != s.Arg) {
				t.Errorf("%s is %s %s in one command, %s %s in another", s.Env, first.field.Type(), first.Arg, s.field.Type(), s.Arg)
			}
			seen[s.Name] = s
		}
	}
}
