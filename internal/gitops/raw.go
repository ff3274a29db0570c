package gitops

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Modes as git writes them into trees.
const (
	modeFile       = "100644"
	modeExecutable = "100755"
	modeDir        = "40000"
	modeSymlink    = "120000"
	modeSubmodule  = "160000"
)

// treeEntry is one entry with its mode as it stands in the tree: old
// repositories hold 100664 and 040000, and an entry that is not touched must
// keep its bytes, since go-git's own encoder would normalise them.
type treeEntry struct {
	mode string
	name string
	hash plumbing.Hash
}

func (e treeEntry) kind() Mode {
	switch strings.TrimLeft(e.mode, "0") {
	case modeDir:
		return Dir
	case modeSymlink:
		return Symlink
	case modeSubmodule:
		return Submodule
	case modeExecutable:
		return Executable
	}
	return File
}

func (e treeEntry) entry() Entry {
	return Entry{Name: e.name, Mode: e.kind(), Hash: e.hash.String()}
}

// String names a kind for errors.
func (m Mode) String() string {
	return [...]string{"file", "executable file", "directory", "symlink", "submodule"}[m]
}

// sortKey orders entries as git does: a directory compares as if its name
// ended in a slash.
func (e treeEntry) sortKey() string {
	if e.kind() == Dir {
		return e.name + "/"
	}
	return e.name
}

func compareEntries(a, b treeEntry) int { return strings.Compare(a.sortKey(), b.sortKey()) }

func lookup(entries []treeEntry, name string) (treeEntry, bool) {
	i := slices.IndexFunc(entries, func(e treeEntry) bool { return e.name == name })
	if i < 0 {
		return treeEntry{}, false
	}
	return entries[i], true
}

func decodeTree(raw []byte) ([]treeEntry, error) {
	var entries []treeEntry
	seen := make(map[string]bool)
	for len(raw) > 0 {
		mode, rest, ok := bytes.Cut(raw, []byte{' '})
		if !ok || len(mode) > 7 || len(mode) < 5 {
			return nil, errors.New("an entry has no mode")
		}
		name, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(rest) < 20 {
			return nil, errors.New("an entry is cut short")
		}
		e := treeEntry{mode: string(mode), name: string(name)}
		copy(e.hash[:], rest[:20])
		if !readable(e.name) || seen[e.name] {
			return nil, fmt.Errorf("entry %q is not a name or stands twice", e.name)
		}
		seen[e.name] = true
		entries = append(entries, e)
		raw = rest[20:]
	}
	return entries, nil
}

func encodeTree(entries []treeEntry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		b.WriteString(e.mode)
		b.WriteByte(' ')
		b.WriteString(e.name)
		b.WriteByte(0)
		b.Write(e.hash[:])
	}
	return b.Bytes()
}
