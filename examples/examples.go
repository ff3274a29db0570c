// Package examples embeds the example fleet and the alerts about it, which the
// demo and tests use.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed all:fleet
var embedded embed.FS

//go:embed alerts
var alerts embed.FS

// Alert returns an alert of the folder alerts, as its sender posts it.
func Alert(name string) ([]byte, error) {
	data, err := alerts.ReadFile("alerts/" + name)
	if err != nil {
		return nil, fmt.Errorf("read example alert: %w", err)
	}
	return data, nil
}

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
