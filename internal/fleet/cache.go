package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/kustomize"
)

// cacheFormat changes with the meaning of what is written, and with the
// library that renders: a file of another format is built anew.
var cacheFormat = "irgit fleet index 4, kustomize " + kustomize.Version() + "\n"

const maxCache = 512 << 20 // bytes of a cache file that are read

// cache is one cluster's file on disk. It holds nothing that the tree does not
// say again, so whatever is wrong with it means building, never failing.
type cache struct{ file string } // "" keeps nothing

// cached is what is on disk: entries by root, and the hash of every file and
// directory they depend on and of all directories above.
type cached struct {
	entries map[entryKey]*entry
	hashes  map[string]string
}

type cacheDocument struct {
	Entries []*entry
	Hashes  map[string]string
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
	none := cached{map[entryKey]*entry{}, map[string]string{}}
	var doc cacheDocument
	if !c.read(&doc) {
		return none
	}
	out := cached{make(map[entryKey]*entry, len(doc.Entries)), doc.Hashes}
	for _, e := range doc.Entries {
		out.entries[e.key()] = e
	}
	return out
}

// read decodes the file, and reports whether it is there and whole.
func (c cache) read(doc any) bool {
	if c.file == "" {
		return false
	}
	info, err := os.Stat(c.file)
	if err != nil || info.Size() > maxCache {
		return false
	}
	data, err := os.ReadFile(c.file)
	if err != nil {
		return false
	}
	body, ok := bytes.CutPrefix(data, []byte(cacheFormat))
	if !ok || len(body) < 4 || crc32.Checksum(body[4:], castagnoli) != binary.BigEndian.Uint32(body) {
		return false
	}
	return gob.NewDecoder(bytes.NewReader(body[4:])).Decode(doc) == nil
}

// store writes the file whole under another name and moves it into place, so
// that another process reads the old one or the new one.
func (c cache) store(doc any) error {
	if c.file == "" {
		return nil
	}
	var body bytes.Buffer
	body.WriteString(cacheFormat)
	body.Write(make([]byte, 4))
	if err := gob.NewEncoder(&body).Encode(doc); err != nil {
		return fmt.Errorf("encode index: %w", err)
	}
	data := body.Bytes()
	sum := data[len(cacheFormat):]
	binary.BigEndian.PutUint32(sum, crc32.Checksum(sum[4:], castagnoli))
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
