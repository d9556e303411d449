package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for releases: -ldflags "-X main.version=v1.2.3".
var version string

// buildVersion tells the version and the commit that this binary was built
// from; what is not known is "devel" and "".
func buildVersion() (number, commit string) {
	number = version
	if info, ok := debug.ReadBuildInfo(); ok {
		if number == "" && info.Main.Version != "(devel)" {
			number = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	if number == "" {
		number = "devel"
	}
	return number, commit
}

func runVersion(_ context.Context, args []string, c console) error {
	if _, err := parse("version", &struct{}{}, args, c, 0, 0); err != nil {
		return err
	}
	number, commit := buildVersion()
	if commit != "" {
		commit = " " + commit
	}
	fmt.Fprintf(c.out, "chatd %s%s (%s %s/%s)\n", number, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
