package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// results are the figures of a scenario, of each round, by server.
type results map[string][][]float64

func (r results) add(server string, figures []float64) { r[server] = append(r[server], figures) }

// median is the middle of one figure's rounds.
func (r results) median(server string, figure int) float64 {
	var all []float64
	for _, round := range r[server] {
		all = append(all, round[figure])
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

// write prints the medians, each with its ratio to chatd's.
func (r results) write(w io.Writer, s scenario, servers []server) error {
	fmt.Fprintf(w, "\n%s: %s\n", s.name, s.about)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "server\t")
	for _, f := range s.shows {
		fmt.Fprintf(t, "%s\t×\t", f.name)
	}
	fmt.Fprintln(t)
	for _, peer := range servers {
		if len(r[peer.name]) == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t", peer.name)
		for i := range s.shows {
			ratio := "–"
			if own := r.median("chatd", i); own > 0 {
				ratio = fmt.Sprintf("%.2f", r.median(peer.name, i)/own)
			}
			fmt.Fprintf(t, "%.4g\t%s\t", r.median(peer.name, i), ratio)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
