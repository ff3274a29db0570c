package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func printTables(out io.Writer, rows []row, verbose bool) {
	section(out, "Builds: on disk and from Git objects", rows, "fleet\troots\tidentical\tfailed alike\tdifferent\tonly on disk\tonly from Git\tdisk\tgit", func(r row) string {
		if b := r.Builds; b != nil {
			return columns(b.Roots, b.Identical, b.FailedAlike, len(b.Different), len(b.OnlyDisk), len(b.OnlyGit), short(b.Disk), short(b.Git))
		}
		return ""
	})
	section(out, "Fleet", rows, "fleet\tclusters\tsync roots\troots\trendered\tpartial\tfailed\tworkloads\tunknown\tcold\tCPU\twarm\tpeak RSS\tfound of countable", func(r row) string {
		if u := r.Fleet; u != nil {
			clusters := fmt.Sprint(len(u.Clusters))
			if u.Overlaid {
				clusters = "(all)"
			}
			return columns(clusters, u.SyncRoots, u.Roots, u.Rendered, u.Partial, u.Failed, u.Workloads, total(u.Unknowns), short(u.Cold), short(u.CPU), short(u.Warm),
				fmt.Sprintf("%d MB", u.PeakRSS>>20), r.held())
		}
		return ""
	})
	for _, action := range []string{"freeze-scale", "freeze-rollout"} {
		section(out, "Placement of "+action, rows, "fleet\tproved\thow\tunplaced\tunproved\tunfit\twrong\tcrashed\tjudged\ton disk\teach", func(r row) string {
			if r.Fleet == nil || r.Fleet.Placed[action] == nil {
				return ""
			}
			p := r.Fleet.Placed[action]
			n := total(p.Proved) + total(p.Unplaced) + total(p.Unproved) + total(p.Unfit) + len(p.Crashed)
			return columns(total(p.Proved), counts(p.Proved), total(p.Unplaced), total(p.Unproved), total(p.Unfit), len(p.Wrong), len(p.Crashed), p.Judged, p.OnDisk,
				short(p.Took/time.Duration(max(n, 1))))
		})
	}
	reasons(out, rows)
	for _, r := range rows {
		for _, e := range r.Errors {
			fmt.Fprintf(out, "\n%s: %s\n", r.Name, e)
		}
	}
	if verbose {
		details(out, rows)
	}
}

func columns(values ...any) string {
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = fmt.Sprint(v)
	}
	return strings.Join(text, "\t")
}

func short(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

func total(m map[string]int) (n int) {
	for _, c := range m {
		n += c
	}
	return n
}

// byCount lists the most frequent first.
func byCount(m map[string]int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
}

func counts(m map[string]int) string {
	var out []string
	for _, k := range byCount(m) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return cmp.Or(strings.Join(out, ", "), "-")
}

func section(out io.Writer, title string, rows []row, head string, line func(row) string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s\n%s\n", title, head)
	for _, r := range rows {
		if text := line(r); text != "" {
			fmt.Fprintf(w, "%s\t%s\n", r.Name, text)
		}
	}
	_ = w.Flush()
}

// reasons prints the groups behind the numbers.
func reasons(out io.Writer, rows []row) {
	for _, r := range rows {
		sets := []struct {
			title string
			set   map[string]int
		}{}
		add := func(title string, set map[string]int) {
			if len(set) > 0 {
				sets = append(sets, struct {
					title string
					set   map[string]int
				}{title, set})
			}
		}
		if r.Builds != nil {
			add("builds that fail alike", r.Builds.Reasons)
		}
		if r.Fleet != nil {
			add("unknown", r.Fleet.Unknowns)
			add("findings", r.Fleet.Findings)
			for _, action := range slices.Sorted(maps.Keys(r.Fleet.Placed)) {
				p := r.Fleet.Placed[action]
				add(action+" unplaced", p.Unplaced)
				add(action+" unproved", p.Unproved)
				add(action+" unfit", p.Unfit)
			}
		}
		for _, s := range sets {
			fmt.Fprintf(out, "\n%s: %s\n", r.Name, s.title)
			for _, reason := range byCount(s.set) {
				fmt.Fprintf(out, "%6d  %s\n", s.set[reason], reason)
			}
		}
	}
}

func details(out io.Writer, rows []row) {
	list := func(r row, title string, lines []string) {
		for _, l := range lines {
			fmt.Fprintf(out, "%s: %s: %s\n", r.Name, title, l)
		}
	}
	for _, r := range rows {
		fmt.Fprintf(out, "\n%s at %s, %d files absent\n", r.Name, r.Commit, r.Absent)
		if b := r.Builds; b != nil {
			list(r, "different", b.Different)
			list(r, "builds on disk only", b.OnlyDisk)
			list(r, "builds from Git only", b.OnlyGit)
			list(r, "fails alike", b.Alike)
		}
		if u := r.Fleet; u != nil {
			for _, c := range u.Clusters {
				fmt.Fprintf(out, "%s: cluster %s of %s: %d sync roots, %d roots, %d workloads\n", r.Name, c.Name, c.Start, c.SyncRoots, c.Roots, c.Workloads)
			}
			list(r, "fleet", u.Details)
			list(r, "sample", u.Samples)
			for _, action := range slices.Sorted(maps.Keys(u.Placed)) {
				p := u.Placed[action]
				list(r, "WRONG", p.Wrong)
				list(r, "CRASHED", p.Crashed)
				list(r, "placement", p.Details)
			}
		}
	}
}
