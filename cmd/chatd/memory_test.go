package main

import "testing"

func TestMemoryIsGivenBackWhenManyHaveComeAndItIsCalm(t *testing.T) {
	var c calm
	for i, step := range []struct {
		members int
		due     bool
		why     string
	}{
		{500, false, "they are few"},
		{500, false, "they are few"},
		{9000, false, "they are still coming"},
		{20_000, false, "they are still coming"},
		{20_050, true, "hardly anybody has come since"},
		{20_050, false, "it was done"},
		{22_000, false, "they are still coming"},
		{22_000, false, "they are not many more"},
		{26_000, false, "they are still coming"},
		{26_000, true, "they are many more"},
		{3_000, false, "they are still leaving"},
		{3_000, true, "many have left"},
	} {
		if got := c.due(step.members); got != step.due {
			t.Errorf("step %d, %d members: %t, but %s", i, step.members, got, step.why)
		}
	}
}
