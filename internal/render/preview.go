package render

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

const previewKind = "ActionPreview"

// previewIncident stands for the id of an incident that does not exist.
const previewIncident = "20060102-preview-00000000"

// Preview is a file that asks what an action would write for a workload: what
// an author of templates works with.
type Preview struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Action     string         `json:"action"`
	Parameters map[string]any `json:"parameters"`
	Fleet      string         `json:"fleet"` // a folder or repository; "" is the caller's default
	Target     PreviewTarget  `json:"target"`
	Indicators []Indicator    `json:"indicators"` // as alerts would name them
}

// PreviewTarget names a workload of the fleet.
type PreviewTarget struct {
	Cluster   string `json:"cluster"` // a name or an alias
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
}

// ParsePreview reads a preview's file and returns every problem, each with
// file:line:column and field path.
func ParsePreview(file policy.Source) (Preview, []validate.Problem) {
	var p Preview
	docs, problems := strict.Read(file)
	if len(problems) > 0 {
		return p, problems
	}
	if len(docs) != 1 {
		return p, []validate.Problem{{File: file.Name, Message: fmt.Sprintf("want one document, have %d", len(docs))}}
	}
	d := docs[0]
	d.Decode(&p)
	if p.APIVersion != apiVersion || p.Kind != previewKind {
		d.Problem("kind", "want %s %s, have %s %s", apiVersion, previewKind, p.APIVersion, p.Kind)
	}
	for path, value := range map[string]string{
		"action": p.Action, "target.cluster": p.Target.Cluster, "target.namespace": p.Target.Namespace, "target.kind": p.Target.Kind, "target.name": p.Target.Name,
	} {
		if value == "" {
			d.Problem(path, "is missing")
		}
	}
	slices.SortStableFunc(d.Problems, func(a, b validate.Problem) int { return strings.Compare(a.Path, b.Path) })
	return p, d.Problems
}

// Preview renders one action for a workload of the fleet and proves it, under
// the id of an incident that does not exist. It changes nothing.
func (c *Catalogue) Preview(ctx context.Context, p Preview, f *fleet.Fleet) (*Bundle, Proof, error) {
	ix, err := f.Index(ctx, p.Target.Cluster)
	if err != nil {
		return nil, Proof{}, fmt.Errorf("preview: %w", err)
	}
	r := Request{
		Incident: previewIncident, Expires: previewExpires, Index: ix, Tree: f.Tree(),
		Actions: []policy.Action{{Name: p.Action, Parameters: p.Parameters}}, Indicators: p.Indicators,
	}
	var names []string
	for _, w := range ix.Workloads() {
		name := fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name)
		if names = append(names, name); name == fmt.Sprintf("%s %s/%s", p.Target.Kind, p.Target.Namespace, p.Target.Name) {
			r.Target = w
		}
	}
	if r.Target.Name == "" {
		return nil, Proof{}, fmt.Errorf("preview: cluster %s renders no %s %s/%s%s", ix.Cluster().Name, p.Target.Kind, p.Target.Namespace, p.Target.Name,
			strict.Suggest(fmt.Sprintf("%s %s/%s", p.Target.Kind, p.Target.Namespace, p.Target.Name), names))
	}
	b, err := c.Render(ctx, r)
	if err != nil {
		return nil, Proof{}, err
	}
	after, err := f.Tree().With(ctx, b.Changes...)
	if err != nil {
		return nil, Proof{}, fmt.Errorf("preview: %w", err)
	}
	proof, err := Prove(ctx, f.Tree(), after, r, b)
	return b, proof, err
}
