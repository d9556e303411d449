package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"chatd/rooms"
)

// TestLint holds the metrics to Prometheus' rules for names and helps.
func TestLint(t *testing.T) {
	m := New(rooms.NewRegistry(rooms.Config{}).Counts, "v1.2.3")
	m.Request("/rooms/:id", "GET", 200, time.Millisecond)
	m.Refused("http", rooms.CodeInvalid)
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
