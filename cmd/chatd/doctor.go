package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

type doctorConfig struct {
	Room  string        `flag:"room" arg:"ROOM" default:"lobby" help:"the room to look at; nothing is posted"`
	Token secret        `flag:"token" arg:"TOKEN" help:"bearer token; without one, the doctor comes as a guest"`
	Quiet time.Duration `flag:"quiet" arg:"DURATION" default:"65s" help:"how long a connection on which nothing is said must live; most proxies' limit is 60s"`
	JSON  bool          `flag:"json" help:"print the findings as JSON"`
}

// finding is the result of one check, in the order of the checks.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// errUnwell is what chatd doctor ends with when a check failed.
var errUnwell = errors.New("the server has a problem")

// runDoctor looks at a server as a client does, from outside, through all the
// proxies that are between; or, given several, at the cluster that they are.
func runDoctor(ctx context.Context, args []string, c console) error {
	var cfg doctorConfig
	rest, err := parse("doctor", &cfg, args, c, 1, mostNodes)
	if err != nil {
		return err
	}
	at := make([]remote, len(rest))
	for i := range rest {
		at[i] = remote{URL: rest[i], Token: cfg.Token, Name: "doctor"}
		if bad := at[i].check(); len(bad) > 0 {
			return usagef("%q is no http or https URL, such as https://chat.example.com", rest[i])
		}
	}
	d := &doctor{remote: at[0], cfg: cfg}
	d.report = func(f finding) {
		d.findings = append(d.findings, f)
		if !cfg.JSON {
			printFinding(c, f)
		}
	}
	if len(at) > 1 {
		d.examineCluster(ctx, at)
	} else {
		d.examine(ctx)
	}
	if cfg.JSON {
		out := json.NewEncoder(c.out)
		out.SetIndent("", "  ")
		if err := out.Encode(d.findings); err != nil {
			return err
		}
	}
	for _, f := range d.findings {
		if !f.OK {
			return errUnwell
		}
	}
	return nil
}

func printFinding(c console, f finding) {
	mark := "ok  "
	if !f.OK {
		mark = "FAIL"
	}
	fmt.Fprintf(c.out, "%s  %-12s %s\n", mark, f.Check, f.Detail)
	if f.Remedy != "" {
		fmt.Fprintf(c.out, "      → %s\n", f.Remedy)
	}
}

// doctor examines one server.
type doctor struct {
	remote
	cfg      doctorConfig
	report   func(finding)
	findings []finding
}

// examine makes all checks that still make sense after those before.
func (d *doctor) examine(ctx context.Context) {
	if !d.checkReach(ctx) || !d.checkHTTP(ctx) {
		return
	}
	d.checkStream(ctx)
	d.checkBody(ctx)
	d.checkPage(ctx)
	d.checkSocket(ctx)
	d.checkFiles()
}

func (d *doctor) ok(check, format string, args ...any) {
	d.report(finding{Check: check, OK: true, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) fail(check, remedy, format string, args ...any) {
	d.report(finding{Check: check, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}
