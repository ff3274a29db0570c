// Package fences holds the import rules of ARCHITECTURE.md as a test.
package fences

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/irgit/irgit"

// allowed lists, for every package, the packages of this module that it may
// import. "internal/x/..." are packages below it; cmd/irgit may import all.
var allowed = map[string][]string{
	"internal/gitops":         {},
	"internal/gitops/gittest": {},
	"internal/redact":         {},
	"internal/alert":          {"internal/expr", "internal/redact"},
	"internal/expr":           {},
	"internal/kustomize":      {"internal/gitops"},
	"internal/controllers":    {"internal/gitops", "internal/kustomize"},
	"internal/edit":           {},
	"internal/fleet":          {"internal/controllers", "internal/gitops", "internal/kustomize"},
	"internal/calico":         {},
	"internal/validate":       {"internal/calico", "internal/expr"},
	"internal/strict":         {"internal/expr", "internal/validate"},
	"internal/policy":         {"internal/alert", "internal/expr", "internal/fleet", "internal/strict", "internal/validate"},
	"internal/manifest":       {},
	"internal/reach":          {"internal/calico"},
	"internal/render": {
		"internal/edit", "internal/expr", "internal/fleet", "internal/gitops", "internal/kustomize", "internal/manifest", "internal/policy", "internal/strict", "internal/validate", "templates",
	},
	"internal/proposal":        {},
	"internal/forge":           {},
	"internal/forge/forgetest": {},
	"internal/incident": {
		"internal/alert", "internal/fleet", "internal/forge", "internal/gitops", "internal/manifest", "internal/policy",
		"internal/proposal", "internal/reach", "internal/redact", "internal/render", "internal/validate",
	},
	"internal/onboard": {
		"internal/controllers", "internal/edit", "internal/fleet", "internal/forge", "internal/gitops", "internal/kustomize", "internal/manifest",
		"internal/proposal", "internal/render",
	},
	"policies":        {},
	"templates":       {},
	"internal/fences": {},
	"examples":        {},
}

// fenced lists third-party code that only some packages may import.
var fenced = map[string][]string{
	"github.com/go-git/":           {"internal/gitops"},
	"github.com/google/go-github/": {"internal/forge"},
	"gitlab.com/gitlab-org/":       {"internal/forge"},
	"code.gitea.io/":               {"internal/forge"},
	"sigs.k8s.io/kustomize/api":    {"internal/kustomize"},
	"cel.dev/":                     {"internal/expr"},
	"github.com/google/cel-go":     {},
	"github.com/spf13/viper":       {"cmd/irgit"},
	"github.com/spf13/cobra":       {"cmd/irgit"},
	"k8s.io/client-go":             {},
	"os/exec":                      {"internal/gitops/gittest", "cmd/irgit"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module+"/")
		all = append(all, p)
	}
	require.Greater(t, len(all), 3, "go list found too few packages for this test to mean anything")
	return all
}

func TestInternalImports(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "cmd/") || strings.HasPrefix(p.ImportPath, "test/") {
			continue
		}
		may, known := allowed[p.ImportPath]
		require.True(t, known, "package %s is in no rule: add it here and to ARCHITECTURE.md", p.ImportPath)
		for _, imported := range p.Imports {
			inside, ok := strings.CutPrefix(imported, module+"/")
			if ok {
				require.Contains(t, may, inside, "%s may not import %s", p.ImportPath, inside)
			}
		}
	}
}

func TestThirdPartyFences(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for prefix, may := range fenced {
				if strings.HasPrefix(imported, prefix) && !strings.HasPrefix(p.ImportPath, "test/") {
					require.True(t, slices.Contains(may, p.ImportPath), "%s may not import %s", p.ImportPath, imported)
				}
			}
		}
	}
}

func TestPackageNamesSayWhatTheyHold(t *testing.T) {
	for _, p := range packages(t) {
		require.NotContains(t, []string{"util", "utils", "common", "helper", "helpers", "models", "types", "misc"}, path.Base(p.ImportPath))
	}
}
