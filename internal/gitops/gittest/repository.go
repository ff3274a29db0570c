package gittest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// environ keeps git apart from the user's configuration, and from work on the
// repository that nobody asked for.
func environ() []string {
	return append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false", "GIT_CONFIG_KEY_1=receive.autogc", "GIT_CONFIG_VALUE_1=false")
}

// Git runs the git program in dir, apart from the user's configuration, and
// returns what it printed.
func Git(ctx context.Context, dir string, args ...string) (string, error) {
	return run(ctx, dir, nil, args...)
}

func run(ctx context.Context, dir string, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(environ(),
		"GIT_AUTHOR_NAME=Platform Team", "GIT_AUTHOR_EMAIL=platform@example.com", "GIT_AUTHOR_DATE=2026-01-05T09:00:00Z",
		"GIT_COMMITTER_NAME=Platform Team", "GIT_COMMITTER_EMAIL=platform@example.com", "GIT_COMMITTER_DATE=2026-01-05T09:00:00Z")
	var out, errText bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errText
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errText.String()))
	}
	return out.String(), nil
}

// empty is a bare repository without a commit, as git init makes it, that
// serves objects by id and with filters, as the large forges do.
var empty = map[string]string{
	"HEAD":   "ref: refs/heads/main\n",
	"config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n",
}

// imported are, by the digest of what git fast-import read, the files that it
// wrote (map[string]string): most tests start from the same fleet.
var imported sync.Map

// NewRepository makes the bare repository dir/name with the files as its first
// commit on main, always the same one for the same files.
func NewRepository(ctx context.Context, dir, name string, files map[string][]byte) (string, error) {
	bare := filepath.Join(dir, name)
	err := write(bare, empty)
	for _, sub := range []string{"hooks", "objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(bare, sub), 0o755))
	}
	if err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	if err := first(ctx, bare, files); err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	return bare, nil
}

func first(ctx context.Context, bare string, files map[string][]byte) error {
	stream := commit("refs/heads/main", "", "The fleet\n", files)
	digest := sha256.Sum256(stream)
	if known, ok := imported.Load(digest); ok {
		return write(bare, known.(map[string]string))
	}
	if err := load(ctx, bare, stream); err != nil {
		return err
	}
	made, err := filepath.Glob(filepath.Join(bare, "objects", "pack", "pack-*"))
	written := make(map[string]string)
	for _, file := range append(made, filepath.Join(bare, "refs", "heads", "main")) {
		data, readErr := os.ReadFile(file)
		rel, relErr := filepath.Rel(bare, file)
		written[rel] = string(data)
		err = errors.Join(err, readErr, relErr)
	}
	if err == nil {
		imported.Store(digest, written)
	}
	return err
}

// Commit puts a commit of the platform team onto a branch of a bare repository,
// with the files added or changed.
func Commit(ctx context.Context, bare, branch, message string, files map[string][]byte) error {
	ref := "refs/heads/" + branch
	if err := load(ctx, bare, commit(ref, "from "+ref+"^0\n", message, files)); err != nil {
		return fmt.Errorf("commit to %s: %w", branch, err)
	}
	return nil
}

// commit is what git fast-import reads for one.
func commit(ref, from, message string, files map[string][]byte) []byte {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\ncommitter Platform Team <platform@example.com> 1767603600 +0000\ndata %d\n%s\n%s", ref, len(message), message, from)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", file, len(files[file]), files[file])
	}
	return in.Bytes()
}

// load leaves a pack, however small: a file for each object takes longer.
func load(ctx context.Context, bare string, stream []byte) error {
	_, err := run(ctx, bare, stream, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet")
	return err
}

// write writes files below dir.
func write(dir string, files map[string]string) error {
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil { //nolint:gosec // git's own modes
			return err
		}
	}
	return nil
}
