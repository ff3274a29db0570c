package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// origin is where files come from, pinned so that the same bytes come again.
type origin interface {
	String() string // as internal/validate shows it: name@version
	open(file string) ([]byte, error)
}

// module is a Go module pinned by version and by the go command's own digest.
type module struct{ path, version, sum string }

func (m module) String() string { return m.path + "@" + m.version }

// open downloads the module through the go command, checks its digest and
// gives a file of it.
func (m module) open(file string) ([]byte, error) {
	text, err := run(os.TempDir(), "go", "mod", "download", "-json", m.String()) // outside any module: pins, not a go.mod, decide
	if err != nil {
		return nil, err
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, fmt.Errorf("download %s: %w", m, err)
	}
	if m.sum != got.Sum {
		return nil, fmt.Errorf("%s has digest %s, expected %s", m, got.Sum, m.sum)
	}
	return os.ReadFile(filepath.Join(got.Dir, filepath.FromSlash(file)))
}

// repository is a release of a project whose files are in no Go module, pinned
// by its commit. Where the forge cannot be reached, git's own url.*.insteadOf
// leads to a copy.
type repository struct{ path, tag, commit string }

func (r repository) String() string { return r.path + "@" + r.tag }

// open fetches the tag alone into a temporary repository, checks that it is
// the commit, and gives a file of it.
func (r repository) open(file string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "schemas-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := run(dir, "git", "init", "--quiet"); err != nil {
		return nil, err
	}
	if _, err := run(dir, "git", "fetch", "--quiet", "--depth=1", "https://"+r.path, "refs/tags/"+r.tag); err != nil {
		return nil, err
	}
	got, err := run(dir, "git", "rev-parse", "FETCH_HEAD^{commit}")
	if err != nil {
		return nil, err
	}
	if string(got) != r.commit+"\n" {
		return nil, fmt.Errorf("%s is commit %s, expected %s", r, got, r.commit)
	}
	return run(dir, "git", "show", r.commit+":"+file)
}

func run(dir, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %v: %w", name, args, err)
	}
	return out, nil
}
