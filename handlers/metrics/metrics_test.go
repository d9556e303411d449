package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"chatd/rooms"
)

// TestLint holds the metrics to Prometheus' rules for names and helps.
func TestLint(t *testing.T) {
	m := New(func() rooms.Counts { return rooms.Counts{} }, "v1.2.3")
	m.Request("/rooms/:id", "GET", 200, time.Millisecond)
	m.Refused(HTTP, rooms.CodeInvalid)
	m.Closed(ByNetwork, 1006)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestHistogram holds that buckets are cumulative and the count is of all.
func TestHistogram(t *testing.T) {
	counts := func() rooms.Counts {
		return rooms.Counts{BatchSizes: rooms.Distribution{
			Bounds: []float64{1, 8}, Counts: []uint64{5, 3, 2}, Sum: 60,
		}}
	}
	got, err := New(counts, "").Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range got {
		if family.GetName() != "chatd_commit_entries" {
			continue
		}
		h := family.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 10 || h.GetSampleSum() != 60 ||
			h.GetBucket()[0].GetCumulativeCount() != 5 || h.GetBucket()[1].GetCumulativeCount() != 8 {
			t.Errorf("the histogram is %v", h)
		}
		return
	}
	t.Error("there is no chatd_commit_entries")
}

// TestDashboard holds that the dashboard asks only for metrics that there are.
func TestDashboard(t *testing.T) {
	raw, err := os.ReadFile("../../docs/deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(raw) {
		t.Error("the dashboard is not JSON")
	}
	known := names(t)
	asked := regexp.MustCompile(`\b(chatd|go|process)_[a-z_]+`).FindAllString(string(raw), -1)
	if len(asked) == 0 {
		t.Error("the dashboard asks for nothing")
	}
	for _, name := range asked {
		family := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		if !known[name] && !known[family] {
			t.Errorf("the dashboard asks for %s, which there is not", name)
		}
	}
}

// TestDocs holds that an operator can read about every metric of chatd's.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range names(t) {
		if strings.HasPrefix(name, "chatd_") && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/operations.md does not tell of %s", name)
		}
	}
}

// names are those of all metrics.
func names(t *testing.T) map[string]bool {
	t.Helper()
	m := New(func() rooms.Counts { return rooms.Counts{} }, "")
	m.Request("/rooms/:id", "GET", 200, time.Millisecond)
	m.Refused(HTTP, rooms.CodeInvalid)
	m.Closed(ByNetwork, 1006)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for _, f := range families {
		all[f.GetName()] = true
	}
	return all
}
