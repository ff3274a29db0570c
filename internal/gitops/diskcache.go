package gitops

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// diskCache keeps commits, trees and blobs by id, one file each. Several processes may
// share it and anybody may delete it at any time: what is read counts only when
// its hash is right, so that a file may be half-written. A cache that fails is
// a cache that is empty: it never makes a job fail. A nil *diskCache keeps
// nothing.
type diskCache struct {
	dir string
	max int64 // bytes
}

const defaultCacheBytes = 512 << 20

func openDiskCache(dir string) *diskCache {
	if dir == "" {
		return nil
	}
	return &diskCache{dir: filepath.Join(dir, "objects"), max: defaultCacheBytes}
}

func (c *diskCache) path(h plumbing.Hash) string {
	hex := h.String()
	return filepath.Join(c.dir, hex[:2], hex[2:])
}

func (c *diskCache) load(h plumbing.Hash) (gitObject, bool) {
	if c == nil {
		return gitObject{}, false
	}
	data, err := os.ReadFile(c.path(h))
	if err != nil {
		return gitObject{}, false
	}
	kind, body, ok := bytes.Cut(data, []byte{0})
	if !ok {
		return gitObject{}, false
	}
	t, err := plumbing.ParseObjectType(string(kind))
	if err != nil {
		return gitObject{}, false
	}
	o := gitObject{t, body}
	if o.hash() != h {
		_ = os.Remove(c.path(h)) // damaged: fetch it again
		return gitObject{}, false
	}
	return o, true
}

func (c *diskCache) store(h plumbing.Hash, o gitObject) {
	if c == nil {
		return
	}
	name := c.path(h)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // an id below the cache
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(name), 0o700) == nil {
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the same
	}
	if err != nil {
		return // it is there already, as a rule
	}
	_, err = f.Write(slices.Concat([]byte(o.kind.String()), []byte{0}, o.data))
	if errors.Join(err, f.Close()) != nil {
		_ = os.Remove(name)
	}
}

// trim deletes the oldest files until the cache is within its bound. It looks
// at most once an hour, marked by the time of a file of its own.
func (c *diskCache) trim(now time.Time) {
	if c == nil {
		return
	}
	mark := filepath.Join(c.dir, "trimmed")
	info, err := os.Stat(mark)
	if err != nil { // the cache is new
		_ = os.MkdirAll(c.dir, 0o700)
		_ = os.WriteFile(mark, nil, 0o600)
		return
	}
	if now.Sub(info.ModTime()) < time.Hour {
		return
	}
	_ = os.WriteFile(mark, []byte(strconv.FormatInt(now.Unix(), 10)), 0o600)
	type file struct {
		path string
		size int64
		when time.Time
	}
	var files []file
	var total int64
	_ = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a file that vanished was trimmed by somebody else
		}
		if info, err := d.Info(); err == nil {
			files = append(files, file{path, info.Size(), info.ModTime()})
			total += info.Size()
		}
		return nil
	})
	if total <= c.max {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return a.when.Compare(b.when) })
	for _, f := range files {
		if total <= c.max*3/4 {
			return
		}
		if os.Remove(f.path) == nil {
			total -= f.size
		}
	}
}

// String makes the cache readable in errors and logs.
func (c *diskCache) String() string {
	if c == nil {
		return "no cache"
	}
	return fmt.Sprintf("cache %s", c.dir)
}
