package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

// testSuffix marks files that hold ResponsePolicyTests.
const testSuffix = "_test.yaml"

// ReadFS reads the YAML files of a folder, by name, without going into
// folders below it, and tells policies from tests by the suffix _test.yaml.
// Origin is put into every Source; their names are prefix and file name.
func ReadFS(fsys fs.FS, origin, prefix string) (policies, tests []Source, err error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, fmt.Errorf("list policies: %w", err)
	}
	for _, e := range entries {
		if ext := path.Ext(e.Name()); e.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		data, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, nil, fmt.Errorf("read policies: %w", err)
		}
		s := Source{Name: path.Join(prefix, e.Name()), Data: data, Origin: origin}
		if strings.HasSuffix(e.Name(), testSuffix) {
			tests = append(tests, s)
		} else {
			policies = append(policies, s)
		}
	}
	return policies, tests, nil
}

// environment declares what expressions may name; it is the same for all.
var environment = sync.OnceValues(func() (*expr.Env, error) {
	return expr.NewEnv(variables(alert.Alert{}, fleet.Workload{}, fleet.Cluster{}))
})

func variables(a alert.Alert, target fleet.Workload, cluster fleet.Cluster) expr.Vars {
	return expr.Vars{"alert": a, "target": target, "cluster": cluster}
}

// Load parses and checks policy files, in order: a policy replaces an earlier
// one of the same name from another origin. It returns every problem it finds,
// each with file:line:column and field path; the Set holds the policies
// without a problem, so that `explain` has something to say, but callers must
// not act on a Set that came with problems. Files whose name ends in
// _test.yaml are passed over.
func Load(files []Source, actions Actions) (*Set, []validate.Problem) {
	var all []*Policy
	var problems []validate.Problem
	byName := map[string]int{}
	for _, file := range files {
		if strings.HasSuffix(file.Name, testSuffix) {
			continue
		}
		docs, found := strict.Read(file)
		problems = append(problems, found...)
		for _, read := range docs {
			d := &document{read}
			p := decodePolicy(d, file, actions)
			if p == nil {
				problems = append(problems, d.Problems...)
				continue
			}
			if i, exists := byName[p.Name()]; exists {
				earlier := all[i]
				if earlier.source.Name == file.Name || file.Origin != "" && earlier.source.Origin == file.Origin {
					d.Problem("metadata.name", "policy %q is declared at %s already: give one of them another name", p.Name(), earlier.File())
				}
				p.overrides = earlier.source.Name
				all[i] = nil
			}
			byName[p.Name()] = len(all)
			all = append(all, p)
			problems = append(problems, d.Problems...)
			if len(d.Problems) > 0 {
				all[len(all)-1] = nil
				delete(byName, p.Name())
			}
		}
	}
	all = slices.DeleteFunc(all, func(p *Policy) bool { return p == nil })
	loaded := make(map[*Policy]int, len(all))
	for i, p := range all {
		loaded[p] = i
	}
	slices.SortStableFunc(all, precedence)
	problems = append(problems, shadowed(all, loaded)...)
	return &Set{policies: all, index: newIndex(all)}, problems
}

// document is a file's document with the checks of a policy.
type document struct{ *strict.Document }

// decodePolicy returns nil when the document does not even have a name.
func decodePolicy(d *document, source Source, actions Actions) *Policy {
	p := &Policy{source: source, position: d.Start()}
	d.Decode(p)
	if p.Kind == testKind {
		d.Problem("kind", "a %s belongs into a file whose name ends in %s", testKind, testSuffix)
		return nil
	}
	if p.APIVersion != apiVersion {
		d.Problem("apiVersion", "want %q, have %q", apiVersion, p.APIVersion)
	}
	if p.Kind != policyKind {
		d.Problem("kind", "want %q, have %q", policyKind, p.Kind)
	}
	p.defaults()
	d.check(p, actions)
	if p.Name() == "" {
		return nil
	}
	for _, r := range p.Spec.Match.Rules {
		if isPattern(r) {
			p.ruleGlobs = append(p.ruleGlobs, r)
		}
	}
	p.exactRules = len(p.Spec.Match.Rules) > 0 && len(p.ruleGlobs) == 0
	p.specific = p.Spec.Match.specificity()
	canonical, err := json.Marshal(p)
	if err != nil {
		d.Problem("", "the policy cannot be written as JSON: %s", err)
		return p
	}
	p.digest = digest(canonical)
	return p
}

func (p *Policy) defaults() {
	s := &p.Spec
	if s.Mode == "" {
		s.Mode = Exclusive
	}
	if s.Approval.Mode == "" {
		s.Approval.Mode = Propose
	}
	if s.Expiry == 0 {
		s.Expiry = Duration(DefaultExpiry)
	}
	if s.Guardrails.MaxWorkloads == 0 {
		s.Guardrails.MaxWorkloads = MaxWorkloads
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
