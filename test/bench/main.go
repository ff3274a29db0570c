// Command bench measures the git engine against the git program on generated
// fleets of several sizes, over smart HTTP on loopback, and prints ratios of
// one run. Absolute times are this machine's; the ratios are what counts.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

const rounds = 7 // of each measurement; the median counts

func main() {
	if err := bench(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
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
	row := "%-7s %-11s %-11s %-9s %-9s %-9s %-12s %-9s %s\n"
	fmt.Printf(row, "files", "irgit cold", "irgit warm", "its push", "git push", "ratio", "clone+push", "speed-up", "fetched cold")
	var warmest []time.Duration
	for _, files := range []int{1600, 16000, 96000} {
		name := fmt.Sprintf("fleet-%d.git", files)
		m := &measurement{dir: dir, url: server.URL + "/" + name, bare: filepath.Join(dir, name), cache: filepath.Join(dir, "cache-"+name)}
		if err := generate(ctx, m.bare, files); err != nil {
			return err
		}
		cold, err := m.propose(ctx, "cold")
		if err != nil {
			return err
		}
		var total, push, gitPush []time.Duration
		for i := range rounds {
			r, err := m.propose(ctx, fmt.Sprintf("warm-%d", i))
			if err != nil {
				return err
			}
			g, err := m.gitPush(ctx, i)
			if err != nil {
				return err
			}
			total, push, gitPush = append(total, r.total), append(push, r.push), append(gitPush, g)
		}
		clone, err := m.clonePush(ctx)
		if err != nil {
			return err
		}
		w, p, g := median(total), median(push), median(gitPush)
		warmest = append(warmest, w)
		fmt.Printf(row, fmt.Sprint(files), ms(cold.total), ms(w), ms(p), ms(g), fmt.Sprintf("%.2f", float64(p)/float64(g)),
			ms(clone), fmt.Sprintf("%.0f x", float64(clone)/float64(w)), fmt.Sprintf("%d KiB", cold.traffic>>10))
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Printf("warm, largest fleet to smallest: %.2f x (bound 2)\nmemory taken from the system: %d MiB\n",
		float64(warmest[len(warmest)-1])/float64(warmest[0]), memory.Sys>>20)
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

type measurement struct{ dir, url, bare, cache string }

type result struct {
	total, push time.Duration
	traffic     int64
}

// propose is what a proposal costs the git engine: read the refs and a
// workload's files, graft, commit, push.
func (m *measurement) propose(ctx context.Context, incident string) (result, error) {
	start := time.Now()
	remote, err := gitops.Open(ctx, gitops.Options{URL: m.url, CacheDir: m.cache})
	if err != nil {
		return result{}, err
	}
	base, _ := remote.Branch("main")
	tree, err := remote.Tree(ctx, base)
	if err != nil {
		return result{}, err
	}
	if err := tree.Prefetch(ctx, "apps/c000/a000", "base/a000"); err != nil {
		return result{}, err
	}
	if _, err := tree.ReadFile(ctx, "apps/c000/a000/f0.yaml"); err != nil {
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
	pushing := time.Now()
	if err := remote.Push(ctx, gitops.Update{Branch: "irgit/" + incident, New: c.Revision}); err != nil {
		return result{}, err
	}
	return result{time.Since(start), time.Since(pushing), remote.Traffic()}, nil
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

// generate makes a bare repository of about n files: clusters of 20
// applications with 7 files each, over bases of the same size.
func generate(ctx context.Context, bare string, n int) error {
	if err := os.MkdirAll(bare, 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q", "--bare", "-b", "main"},
		{"config", "uploadpack.allowFilter", "true"},
		{"config", "http.receivepack", "true"},
		{"config", "gc.auto", "0"},
	} {
		if _, err := gittest.Git(ctx, bare, args...); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "git", "fast-import", "--quiet", "--done")
	cmd.Dir = bare
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	in := bufio.NewWriter(stdin)
	fmt.Fprint(in, "commit refs/heads/main\ncommitter Platform Team <platform@example.com> 1767600000 +0000\ndata 5\nfleet\n")
	file := func(path string) {
		content := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\n  annotations:\n    path: " + path + "\n" + strings.Repeat("    # a manifest has some length\n", 20)
		fmt.Fprintf(in, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
	const apps, each = 20, 7
	for a := range apps {
		for f := range each {
			file(fmt.Sprintf("base/a%03d/f%d.yaml", a, f))
		}
	}
	for c := range max(1, (n-apps*each)/(apps*each)) {
		for a := range apps {
			for f := range each {
				file(fmt.Sprintf("apps/c%03d/a%03d/f%d.yaml", c, a, f))
			}
		}
	}
	fmt.Fprintln(in, "done")
	if err := errors.Join(in.Flush(), stdin.Close(), cmd.Wait()); err != nil {
		return fmt.Errorf("generate fleet: %w", err)
	}
	return nil
}
