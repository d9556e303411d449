package loadtest

import (
	"strings"
	"testing"
	"time"
)

// A report says why the server refused what it did.
func TestRefusalsAreReported(t *testing.T) {
	r := &run{}
	m := &member{run: r, room: &room{}}
	for _, frame := range []string{
		`{"type":"error","code":"rate_limited","detail":"too fast","id":"b1","retry_after":1}`,
		`{"type":"error","code":"rate_limited","detail":"too fast","id":"b2","retry_after":2}`,
		`{"type":"error"}`,
	} {
		m.frame([]byte(frame), time.Now())
	}
	report := r.tally.end().report(Config{}, time.Second)
	report.Refusals, report.Closes = r.tally.why()
	var out strings.Builder
	if err := report.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 refused", "2 × rate_limited: too fast\n", "1 × no reason given\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}
