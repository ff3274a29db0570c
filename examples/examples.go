// Package examples embeds the example fleet, which the demo and tests use.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed all:fleet
var embedded embed.FS

// Fleet returns the files of the example fleet by their path in its
// repository.
func Fleet() (map[string][]byte, error) {
	files := make(map[string][]byte)
	err := fs.WalkDir(embedded, "fleet", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[strings.TrimPrefix(name, "fleet/")], err = embedded.ReadFile(name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read example fleet: %w", err)
	}
	return files, nil
}
