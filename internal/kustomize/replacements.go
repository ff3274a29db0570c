package kustomize

import (
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/utils"
	"sigs.k8s.io/yaml"
)

// replacement is one as far as the bound on growth needs it.
type replacement struct {
	kind    string // of the source, "" for any
	path    []string
	value   *string // in place of a source
	targets []target
	feeds   []feed // what may be put where the value is read
	size    int    // of the value, as far as it is known
	before  int    // the same, one round ago
}

// feed is a target that another replacement writes.
type feed struct {
	from      *replacement
	target    target
	elsewhere bool // in another file
}

type target struct {
	selects func(kind string) bool
	paths   [][]string
}

// hits is how many fields of one object the target may be.
func (t target) hits(fan int) (n int) {
	for _, p := range t.paths {
		matches := 1
		for _, segment := range p {
			if segment == "*" || strings.HasPrefix(segment, "[") {
				matches = times(matches, max(fan, 1))
			}
		}
		n = plus(n, matches)
	}
	return n
}

// apply takes in what is applied together, in its order.
func (g *growth) apply(list []types.Replacement) {
	var out []*replacement
	for _, l := range list {
		if l.Source == nil && l.SourceValue == nil {
			continue // it stands in another file, or the library refuses it
		}
		r := &replacement{value: l.SourceValue}
		if l.Source != nil {
			r.kind, r.path = l.Source.Kind, split(l.Source.FieldPath)
		}
		for _, t := range l.Targets {
			r.targets = append(r.targets, targetOf(t))
		}
		out = append(out, r)
	}
	if len(out) > 0 {
		g.applied = append(g.applied, out)
	}
}

func targetOf(t *types.TargetSelector) target {
	out := target{selects: func(string) bool { return true }}
	if t != nil && t.Select != nil && t.Select.Kind != "" {
		if re, err := regexp.Compile("^(?:" + t.Select.Kind + ")$"); err == nil {
			out.selects = re.MatchString
		}
	}
	if t == nil || len(t.FieldPaths) == 0 {
		out.paths = [][]string{split("")}
	} else {
		for _, p := range t.FieldPaths {
			out.paths = append(out.paths, split(p))
		}
	}
	return out
}

func split(fieldPath string) []string {
	if fieldPath == "" {
		fieldPath = types.DefaultReplacementFieldPath
	}
	return utils.SmarterPathSplitter(fieldPath, ".")
}

// link finds out which replacements feed which.
func (g *growth) link() {
	if g.linked == len(g.applied) {
		return
	}
	g.linked = len(g.applied)
	for i, file := range g.applied {
		for j, r := range file {
			r.feeds = nil
			for i2, other := range g.applied {
				if i2 == i {
					other = other[:j] // those after it come too late
				}
				for _, from := range other {
					for _, t := range from.targets {
						if g.feeds(t, r, i2 != i) {
							r.feeds = append(r.feeds, feed{from, t, i2 != i})
						}
					}
				}
			}
		}
	}
}

// feeds reports whether what is written to t may be part of the value of r.
func (g *growth) feeds(t target, r *replacement, elsewhere bool) bool {
	if r.value != nil {
		return false
	}
	same := r.kind == "" || t.selects(r.kind)
	for _, p := range t.paths {
		// Between files the library puts a new name or namespace wherever the
		// object is referred to.
		named := elsewhere && (overlap(p, split("metadata.name")) || overlap(p, split("metadata.namespace")))
		if g.moved || named || same && overlap(p, r.path) {
			return true
		}
	}
	return false
}

// overlap reports whether one of two paths may lead through the other.
func overlap(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && !element.MatchString(a[i]) && !element.MatchString(b[i]) {
			return false
		}
	}
	return true
}

// element is a segment that is not the name of a field, or not only.
var element = regexp.MustCompile(`^([*\[-]|[0-9]+$|$)`)

// replacementsIn reads a file of replacements, or configurations of the
// transformer that does the same.
func replacementsIn(data []byte) (out []types.Replacement) {
	for _, piece := range documents(data) {
		var list []types.Replacement
		var one struct {
			types.Replacement
			Replacements []types.Replacement `json:"replacements"`
		}
		if yaml.Unmarshal(piece, &list) == nil {
			out = append(out, list...)
		} else if yaml.Unmarshal(piece, &one) == nil {
			out = append(append(out, one.Replacements...), one.Replacement)
		}
	}
	return out
}
