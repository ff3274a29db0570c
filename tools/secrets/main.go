// Command secrets writes the token rules that internal/redact embeds. It takes
// them out of a pinned Go module as data, runs none of its code, and writes the
// same bytes for the same module and Go version:
//
//	cd tools/secrets && go run . ../../internal/redact/rules.json.gz
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// The module is pinned by version and by the go command's own digest.
const (
	path    = "github.com/zricethezav/gitleaks/v8"
	version = "v8.30.1"
	sum     = "h1:PmEvCfVI7ti9dV3s5aMZUY7sS2GxRvG3yzih7E+cS3w="
	file    = "config/gitleaks.toml"
)

// left are rules that are not taken over, and why.
var left = map[string]string{
	"generic-api-key": "guesses by the words key, token and secret, which manifests are full of; internal/redact has narrower rules",
	"private-key":     "misses a key whose end was cut off; internal/redact has its own",
	"jwt":             "misses a token in front of a comma or a bracket; internal/redact has its own",
}

// config is as much of the file as is read.
type config struct {
	Rules []struct {
		ID          string
		Regex       string
		Path        string
		SecretGroup int
		Keywords    []string
		Entropy     float64
		Allowlists  []struct {
			Regexes     []string
			RegexTarget string
		}
	}
}

// bundle is the embedded file; internal/redact reads it.
type bundle struct {
	Source  string `json:"source"` // module@version, and the file in it
	Licence string `json:"licence"`
	Rules   []rule `json:"rules"` // sorted by id
}

type rule struct {
	ID       string   `json:"id"`
	Regex    string   `json:"regex"`
	Group    int      `json:"group,omitempty"`   // 0: the first that took part in the match
	Keywords []string `json:"keywords"`          // lower case
	Entropy  float64  `json:"entropy,omitempty"` // a secret must have more
	Allow    []string `json:"allow,omitempty"`   // a secret that matches one is none
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: secrets FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	text, err := open()
	if err != nil {
		return err
	}
	var c config
	if err := toml.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	b := bundle{Source: path + "@" + version + " " + file, Licence: "MIT"}
	for _, r := range c.Rules {
		// A rule with a path is meant for files of that name alone.
		if r.Regex == "" || r.Path != "" || left[r.ID] != "" {
			continue
		}
		if len(r.Keywords) == 0 {
			return fmt.Errorf("rule %s has no keyword: every text would pay for it", r.ID)
		}
		kept := rule{ID: r.ID, Regex: r.Regex, Group: r.SecretGroup, Entropy: r.Entropy}
		for _, k := range r.Keywords {
			kept.Keywords = append(kept.Keywords, strings.ToLower(k))
		}
		for _, a := range r.Allowlists {
			if a.RegexTarget == "" {
				kept.Allow = append(kept.Allow, a.Regexes...)
			}
		}
		for _, re := range append([]string{kept.Regex}, kept.Allow...) {
			if _, err := regexp.Compile(re); err != nil {
				return fmt.Errorf("rule %s: %w", r.ID, err)
			}
		}
		b.Rules = append(b.Rules, kept)
	}
	slices.SortFunc(b.Rules, func(x, y rule) int { return cmp.Compare(x.ID, y.ID) })
	return write(out, b)
}

// open downloads the module through the go command, checks its digest and
// gives the file.
func open() ([]byte, error) {
	cmd := exec.Command("go", "mod", "download", "-json", path+"@"+version)
	cmd.Dir = os.TempDir() // outside any module: the pins above, not a go.mod, decide
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("download %s@%s: %w", path, version, err)
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, fmt.Errorf("download %s@%s: %w", path, version, err)
	}
	if got.Sum != sum {
		return nil, fmt.Errorf("%s@%s has digest %s, expected %s", path, version, got.Sum, sum)
	}
	return os.ReadFile(filepath.Join(got.Dir, filepath.FromSlash(file)))
}

// write packs without a name or a time.
func write(out string, b bundle) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d rules, %d bytes, packed %d\n", filepath.Base(out), len(b.Rules), len(text), packed.Len())
	return os.WriteFile(out, packed.Bytes(), 0o644)
}
