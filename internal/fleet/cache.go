package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/kustomize"
)

// cacheFormat changes with the meaning of what is written, and with the
// library that renders: a file of another format is built anew.
var cacheFormat = "irgit fleet index 6, kustomize " + kustomize.Version() + "\n"

const maxCache = 512 << 20 // bytes of a cache file that are read

// cache is one cluster's file on disk. It holds nothing that the tree does not
// say again, so whatever is wrong with it means building, never failing.
type cache struct{ file string } // "" keeps nothing

// cached is what is on disk: entries by root, and the hash of every file and
// directory they depend on and of all directories above.
type cached struct {
	root    string // the tree that all of it held for
	entries map[entryKey]*entry
	packed  string // hashes, until they are asked for
	hashes  map[string]string
}

// hash is what a path had, false for one that nothing depended on.
func (c *cached) hash(name string) (string, bool) {
	if c.hashes == nil {
		c.hashes = map[string]string{}
		if c.packed != "" && !read(c.packed, &c.hashes, func(c *codec, m *map[string]string) { c.labels(m) }) {
			c.hashes = map[string]string{}
		}
	}
	h, known := c.hashes[name]
	return h, known
}

type cacheDocument struct {
	Root    string
	Hashes  string
	Entries []*entry
}

func (d *cacheDocument) code(c *codec) {
	c.text(&d.Root)
	c.text(&d.Hashes)
	sequence(c, &d.Entries, func(c *codec, e **entry) { optional(c, e, func(c *codec, e *entry) { e.code(c) }) })
}

func openCache(dir, cluster string) cache {
	if dir == "" {
		return cache{}
	}
	sum := sha256.Sum256([]byte(cluster)) // the file system may not tell cases apart
	return cache{filepath.Join(dir, "fleet-"+hex.EncodeToString(sum[:8])+".index")}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c cache) load() cached {
	var doc cacheDocument
	body, ok := c.read()
	if !ok || !read(body, &doc, func(c *codec, d *cacheDocument) { d.code(c) }) {
		doc = cacheDocument{}
	}
	out := cached{root: doc.Root, packed: doc.Hashes, entries: make(map[entryKey]*entry, len(doc.Entries))}
	for _, e := range doc.Entries {
		if e != nil {
			out.entries[e.key()] = e
		}
	}
	return out
}

// read is what was stored, false when it is not there or not whole.
func (c cache) read() (body string, ok bool) {
	if c.file == "" {
		return "", false
	}
	file, err := os.Open(c.file)
	if err != nil {
		return "", false
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || info.Size() > maxCache {
		return "", false
	}
	head := make([]byte, len(cacheFormat)+crc32.Size)
	if _, err := io.ReadFull(file, head); err != nil || !bytes.HasPrefix(head, []byte(cacheFormat)) {
		return "", false
	}
	var text strings.Builder // a buffer would be copied to become a text
	text.Grow(int(info.Size()))
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(io.MultiWriter(&text, sum), file); err != nil {
		return "", false
	}
	return text.String(), sum.Sum32() == binary.BigEndian.Uint32(head[len(cacheFormat):])
}

// store writes the file whole under another name and moves it into place, so
// that another process reads the old one or the new one.
func (c cache) store(body []byte) error {
	if c.file == "" {
		return nil
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, castagnoli))
	data := slices.Concat([]byte(cacheFormat), sum, body)
	if err := os.MkdirAll(filepath.Dir(c.file), 0o700); err != nil {
		return fmt.Errorf("keep index: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(c.file), "fleet-*.tmp") // mode 0600
	if err != nil {
		return fmt.Errorf("keep index: %w", err)
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), c.file)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // the first error is what counts
		return fmt.Errorf("keep index: %w", err)
	}
	sweep(filepath.Dir(c.file), time.Now().Add(-maxAge))
	return nil
}

// maxAge is how long a file is kept that nobody writes again: its cluster may
// be gone, or its writer have died.
const maxAge = 30 * 24 * time.Hour

// sweep removes the index files that were last written before a time. What
// cannot be removed stays for the next time.
func sweep(dir string, before time.Time) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		ours := strings.HasPrefix(e.Name(), "fleet-") && (strings.HasSuffix(e.Name(), ".index") || strings.HasSuffix(e.Name(), ".tmp"))
		if info, err := e.Info(); ours && err == nil && info.Mode().IsRegular() && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
