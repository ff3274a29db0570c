// Command bench measures irgit against the git program on generated fleets of
// several sizes, over smart HTTP on loopback, and prints ratios of one run.
// Absolute times are this machine's; the ratios are what counts.
//
//	-index N      measure the index of all clusters only, on a fleet of N files
//	-profile DIR  write profiles of the index: cpu and heap, cold, warm and changed
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/policies"
)

const rounds = 7 // of each measurement; the median counts

func main() {
	only := flag.Int("index", 0, "measure the index of all clusters only, on a fleet of so many `files`")
	profiles := flag.String("profile", "", "a `directory` for profiles of the index, cpu and heap")
	flag.Parse()
	if err := bench(context.Background(), *only, *profiles); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, only int, profiles string) error {
	dir, err := os.MkdirTemp("", "irgit-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, err := gittest.Serve(ctx, dir, gittest.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	b := &suite{dir: dir, url: server.URL, profiles: profiles}
	if only > 0 {
		m, err := b.fleet(ctx, only)
		if err != nil {
			return err
		}
		return m.indexes(ctx)
	}
	if b.options, err = engineOptions(); err != nil {
		return err
	}
	return b.all(ctx)
}

const largest = 96_000 // files

// suite is what the measurements of one run have in common.
type suite struct {
	dir, url, profiles string
	options            incident.Options
}

// fleet generates a fleet of about n files.
func (b *suite) fleet(ctx context.Context, n int) (*measurement, error) {
	name := fmt.Sprintf("fleet-%d.git", n)
	m := &measurement{suite: b, url: b.url + "/" + name, bare: filepath.Join(b.dir, name), cache: filepath.Join(b.dir, "cache-"+name)}
	return m, generate(ctx, m.bare, n)
}

func (b *suite) all(ctx context.Context) error {
	fmt.Println("respond is alert → pushed branch: resolve, match, render, validate, prove, commit, push. clone is the git program's")
	fmt.Println("clone --depth 1, commit and push of one file. Cold has no cache; warm has been at this base before.")
	row := "%-7s %-9s %-13s %-13s %-12s %-9s %-10s %-10s %-7s %s\n"
	fmt.Printf(row, "files", "clusters", "respond cold", "respond warm", "clone", "speed-up", "push", "git push", "ratio", "fetched cold")
	var warmest []time.Duration
	var last *measurement
	for _, files := range []int{1600, 16000, largest} {
		m, err := b.fleet(ctx, files)
		if err != nil {
			return err
		}
		cold, err := m.respond(ctx, 0)
		if err != nil {
			return err
		}
		first, err := m.push(ctx, "cold")
		if err != nil {
			return err
		}
		var warm, push, gitPush []time.Duration
		for i := range rounds {
			w, err := m.respond(ctx, i+1)
			if err != nil {
				return err
			}
			p, err := m.push(ctx, fmt.Sprintf("warm-%d", i))
			if err != nil {
				return err
			}
			g, err := m.gitPush(ctx, i)
			if err != nil {
				return err
			}
			warm, push, gitPush = append(warm, w), append(push, p.push), append(gitPush, g)
		}
		clone, err := m.clonePush(ctx)
		if err != nil {
			return err
		}
		last = m
		w, p, g := median(warm), median(push), median(gitPush)
		warmest = append(warmest, w)
		fmt.Printf(row, fmt.Sprint(files), fmt.Sprint(clustersFor(files)), ms(cold), ms(w), ms(clone), fmt.Sprintf("%.0f x", float64(clone)/float64(w)),
			ms(p), ms(g), fmt.Sprintf("%.2f", float64(p)/float64(g)), fmt.Sprintf("%d KiB", first.traffic>>10))
	}
	fmt.Printf("bounds: speed-up of respond at 96000 files at least 50 x; ratio of push at most 1.5\n")
	fmt.Printf("respond warm, largest fleet to smallest: %.2f x (bound 2)\n", float64(warmest[len(warmest)-1])/float64(warmest[0]))
	if err := printMemory(); err != nil {
		return err
	}
	return last.indexes(ctx)
}

// printMemory prints the peak of what the process had resident, the git
// servers' children not counted.
func printMemory() error {
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return nil // not a Linux machine
	}
	for line := range strings.Lines(string(status)) {
		if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println("peak resident memory:", strings.TrimSpace(peak))
		}
	}
	return err
}

func engineOptions() (incident.Options, error) {
	sources, err := render.Sources()
	if err != nil {
		return incident.Options{}, err
	}
	actions, problems := render.Load(sources)
	if len(problems) > 0 {
		return incident.Options{}, fmt.Errorf("templates: %v", problems)
	}
	files, _, err := policy.ReadFS(policies.FS, "built-in", "built-in")
	if err != nil {
		return incident.Options{}, err
	}
	set, problems := policy.Load(files, actions)
	if len(problems) > 0 {
		return incident.Options{}, fmt.Errorf("policies: %v", problems)
	}
	return incident.Options{Policies: set, Actions: actions, Redactor: redact.New(nil), Author: incident.Author{Name: "irgit", Email: "irgit@example.com"}}, nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

type measurement struct {
	*suite
	url, bare, cache string
}

type result struct {
	push    time.Duration
	traffic int64
}

// respond answers an alert about the n-th application with a proposal.
func (m *measurement) respond(ctx context.Context, n int) (time.Duration, error) {
	data := alertAbout(cluster(0), n/apps, n%apps)
	start := time.Now()
	o := m.options
	o.Git, o.CacheDir = gitops.Options{URL: m.url, CacheDir: m.cache}, m.cache
	engine, err := incident.New(o)
	if err != nil {
		return 0, err
	}
	items, err := alert.Decode(data, alert.Options{Source: alert.Auto, Redactor: o.Redactor})
	if err != nil {
		return 0, err
	}
	outcomes, err := engine.Respond(ctx, items)
	if err != nil {
		return 0, err
	}
	if outcomes[0].State != incident.Proposed {
		return 0, fmt.Errorf("respond: %s: %s", outcomes[0].State, outcomes[0].Reason)
	}
	return time.Since(start), nil
}

// push is what the git engine needs for a commit that is made already: it
// grafts one file and times the push alone.
func (m *measurement) push(ctx context.Context, incident string) (result, error) {
	remote, err := gitops.Open(ctx, gitops.Options{URL: m.url, CacheDir: filepath.Join(m.dir, "push-"+filepath.Base(m.bare))})
	if err != nil {
		return result{}, err
	}
	_, base, err := remote.Base("main")
	if err != nil {
		return result{}, err
	}
	c, err := remote.Commit(ctx, gitops.CommitSpec{
		Parent: base, Message: "irgit: contain\n",
		Author:  gitops.Signature{Name: "irgit", Email: "irgit@example.com", When: time.Unix(1767600000, 0)},
		Changes: []gitops.Change{{Path: "incident-response/c000/" + incident + "/networkpolicy.yaml", Content: []byte("kind: NetworkPolicy # " + incident + "\n")}},
	})
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	if err := remote.Push(ctx, gitops.Update{Branch: "irgit/" + incident, New: c.Revision}); err != nil {
		return result{}, err
	}
	return result{time.Since(start), remote.Traffic()}, nil
}

// gitPush has the git program push a commit of the same content from a clone
// that is ready; making the commit is not timed.
func (m *measurement) gitPush(ctx context.Context, i int) (time.Duration, error) {
	clone := filepath.Join(m.dir, "ready-"+filepath.Base(m.bare))
	if _, err := os.Stat(clone); err != nil {
		if _, err := gittest.Git(ctx, m.dir, "clone", "-q", "--depth", "1", m.url, clone); err != nil {
			return 0, err
		}
	}
	if err := commitFile(ctx, clone, fmt.Sprintf("ready-%d", i)); err != nil {
		return 0, err
	}
	start := time.Now()
	_, err := gittest.Git(ctx, clone, "push", "-q", "origin", fmt.Sprintf("HEAD:refs/heads/ready-%d", i))
	took := time.Since(start)
	if err == nil {
		_, err = gittest.Git(ctx, clone, "reset", "-q", "--soft", "HEAD^")
	}
	return took, err
}

// clonePush is the way without irgit.
func (m *measurement) clonePush(ctx context.Context) (time.Duration, error) {
	clone := filepath.Join(m.dir, "clone")
	defer func() { _ = os.RemoveAll(clone) }()
	start := time.Now()
	if _, err := gittest.Git(ctx, m.dir, "clone", "-q", "--depth", "1", m.url, clone); err != nil {
		return 0, err
	}
	if err := commitFile(ctx, clone, "by-hand"); err != nil {
		return 0, err
	}
	_, err := gittest.Git(ctx, clone, "push", "-q", "origin", "HEAD:refs/heads/by-hand")
	return time.Since(start), err
}

func commitFile(ctx context.Context, clone, incident string) error {
	file := filepath.Join(clone, "incident-response", "c000", incident, "networkpolicy.yaml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("kind: NetworkPolicy # "+incident+"\n"), 0o600)); err != nil {
		return err
	}
	_, err := gittest.Git(ctx, clone, "add", "incident-response")
	if err == nil {
		_, err = gittest.Git(ctx, clone, "commit", "-q", "-m", "contain")
	}
	return err
}
