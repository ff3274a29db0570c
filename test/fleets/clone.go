package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// clone is a repository whose objects are borrowed, with a checkout beside it.
type clone struct {
	Name, Commit string
	Absent       int
	AsOne        bool // one cluster is laid over it, whatever it has
	dir          string
}

func (c clone) bare() string     { return filepath.Join(c.dir, "repo.git") }
func (c clone) checkout() string { return filepath.Join(c.dir, "checkout") }

const noteFile = "clone.json"

func reopen(dir string) (c clone, err error) {
	data, err := os.ReadFile(filepath.Join(dir, noteFile))
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	c.dir = dir
	return c, err
}

// borrow makes a repository in dir whose one commit has the files of path's
// HEAD, but for those whose contents path does not have, and checks it out.
func borrow(ctx context.Context, path, dir string, asOne bool) (clone, error) {
	c := clone{Name: nameOf(path), AsOne: asOne, dir: dir}
	ask := gitIn(ctx, "-C", path)
	objects, err := ask("", "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return c, err
	}
	if c.Commit, err = ask("", "rev-parse", "HEAD"); err != nil {
		return c, err
	}
	branch, err := ask("", "symbolic-ref", "--short", "HEAD")
	if err != nil {
		branch = "main"
	}
	if _, err := gitIn(ctx)("", "init", "-q", "--bare", "--initial-branch="+branch, c.bare()); err != nil {
		return c, err
	}
	if err := os.WriteFile(filepath.Join(c.bare(), "objects", "info", "alternates"), []byte(objects+"\n"), 0o600); err != nil {
		return c, err
	}
	if err := os.Mkdir(c.checkout(), 0o700); err != nil {
		return c, err
	}
	own := gitIn(ctx, "--git-dir", c.bare(), "--work-tree", c.checkout())
	absent, err := absentFiles(own, c.Commit)
	if err != nil {
		return c, err
	}
	c.Absent = len(absent)
	for _, step := range [][]string{
		{"", "read-tree", c.Commit},
		{strings.Join(absent, "\x00"), "update-index", "-z", "--force-remove", "--stdin"},
		{"", "checkout-index", "-a", "-q"},
		{"", "config", "uploadpack.allowFilter", "true"},
		{"", "config", "uploadpack.allowAnySHA1InWant", "true"},
	} {
		if _, err := own(step[0], step[1:]...); err != nil {
			return c, err
		}
	}
	tree, err := own("", "write-tree")
	if err != nil {
		return c, err
	}
	commit, err := own("", "-c", "user.name=fleets", "-c", "user.email=fleets@example.com", "commit-tree", "-m", "HEAD", tree)
	if err != nil {
		return c, err
	}
	if _, err := own("", "update-ref", "refs/heads/"+branch, commit); err != nil {
		return c, err
	}
	note, err := json.Marshal(c)
	if err != nil {
		return c, err
	}
	return c, os.WriteFile(filepath.Join(dir, noteFile), note, 0o600)
}

// absentFiles lists files of a commit whose contents are not there.
func absentFiles(git command, commit string) (names []string, err error) {
	list, err := git("", "ls-tree", "-r", "-z", "--format=%(objecttype) %(objectname) %(path)", commit)
	if err != nil {
		return nil, err
	}
	var ids, paths []string
	for entry := range strings.SplitSeq(list, "\x00") {
		if f := strings.SplitN(entry, " ", 3); len(f) == 3 && f[0] == "blob" {
			ids, paths = append(ids, f[1]), append(paths, f[2])
		}
	}
	answer, err := git(strings.Join(ids, "\n"), "cat-file", "--batch-check")
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(answer, "\n") {
		if strings.HasSuffix(line, " missing") {
			names = append(names, paths[i])
		}
	}
	return names, nil
}

// command runs the git program on a standard input.
type command func(stdin string, args ...string) (string, error)

func gitIn(ctx context.Context, where ...string) command {
	return func(stdin string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append(where[:len(where):len(where)], args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
		}
		return strings.TrimRight(string(out), "\n"), nil
	}
}

// nameOf is owner/name where the path has it (…/owner+name/repo), or the
// directory's name.
func nameOf(path string) string {
	path = strings.TrimSuffix(strings.TrimSuffix(filepath.Clean(path), "/.git"), "/repo")
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".git"), "+", "/")
}

// open reads the repository as irgit reads a remote.
func (c clone) open(ctx context.Context) (*gitops.Tree, error) {
	remote, err := gitops.Open(ctx, gitops.Options{URL: c.bare(), CacheDir: filepath.Join(c.dir, "objects")})
	if err != nil {
		return nil, err
	}
	_, at, err := remote.Base("")
	if err != nil {
		return nil, err
	}
	return remote.Tree(ctx, at)
}
