package onboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// Report is what Examine finds of one cluster.
type Report struct {
	Index    *fleet.Index
	Applied  string // what applies its incidents, as Kind namespace/name; "" when nothing is seen to
	Roots    []Root
	Findings []Finding
}

// Root is a root and the way in which what it renders is patched.
type Root struct {
	fleet.RootState
	Wiring fleet.Wiring
}

// Finding is one thing to mend, or to know.
type Finding struct {
	Where, What string
	Mend        string // may be empty
	Wrong       bool   // it stands in the way; otherwise Git does not tell, or it only delays
}

// Examine looks at each cluster of a fleet that is declared: whether its
// controller applies its incidents and what may be in them, whether every root
// can be patched, and what is not known.
func Examine(ctx context.Context, f *fleet.Fleet) ([]Report, error) {
	whole, _, err := f.Completed(ctx, probes(f)...)
	if err != nil {
		return nil, err
	}
	applied, err := applying(ctx, whole)
	if err != nil {
		return nil, err
	}
	var out []Report
	for _, c := range f.Clusters() {
		e := &examination{tree: f.Tree(), cluster: c, applied: applied[c.Name]}
		if e.Index, err = f.Index(ctx, c.Name); err != nil {
			return nil, err
		}
		if e.whole, err = whole.Index(ctx, c.Name); err != nil {
			return nil, err
		}
		if err := errors.Join(e.response(ctx), e.roots(ctx)); err != nil {
			return nil, err
		}
		e.known()
		out = append(out, e.Report)
	}
	return out, nil
}

// examination is the part of Examine about one cluster.
type examination struct {
	Report
	tree    *gitops.Tree
	cluster fleet.Cluster
	whole   *fleet.Index // with all bootstraps
	applied []controllers.Sync
}

func (e *examination) find(wrong bool, where, what, mend string) {
	f := Finding{where, what, mend, wrong}
	if !slices.Contains(e.Findings, f) {
		e.Findings = append(e.Findings, f)
	}
}

const runInit = "run irgit init"

// response looks at what applies new objects.
func (e *examination) response(ctx context.Context) error {
	response := e.cluster.Response
	switch entry, err := e.tree.Stat(ctx, response); {
	case errors.Is(err, gitops.ErrNotFound), err == nil && entry.Mode != gitops.Dir:
		e.find(true, response, "the directory is not in the base", "put a README.md there, and have the controller of "+e.cluster.Name+" apply it: "+runInit)
	case err != nil:
		return err
	}
	if len(e.applied) == 0 {
		d, known, err := e.whole.Delivery(ctx)
		if known {
			e.find(true, d.Dir, "nothing that starts there has the controller apply "+response, runInit)
		} else {
			e.find(false, fleet.ConfigFile, "whether the controller applies "+response+" is not known: no bootstrap of the cluster was found", "declare bootstrap there")
		}
		return err
	}
	for _, s := range e.applied {
		e.Applied = describe(s)
		hidden, err := hiddenBy(ctx, s.Build.Source, e.tree, response)
		if err != nil {
			return err
		}
		if hidden != "" {
			e.find(true, hidden, "the source of "+e.Applied+" leaves it out, or a part of it", "let .sourceignore, spec.ignore or the sparse checkout ship incident-response/: "+runInit)
		}
		e.permitted(s)
	}
	return nil
}

// permitted looks whether what containment creates may be created: in every
// namespace with workloads, or in the cluster.
func (e *examination) permitted(s controllers.Sync) {
	namespaces := []string{"default"}
	for _, w := range e.Index.Workloads() {
		if w.Namespace != "" && !slices.Contains(namespaces, w.Namespace) {
			namespaces = append(namespaces, w.Namespace)
		}
	}
	if len(namespaces) > 1 {
		namespaces = namespaces[1:]
	}
	for _, k := range kindsOf(e.cluster) {
		into := namespaces
		if k.OfCluster {
			into = []string{""}
		}
		for _, namespace := range into {
			for _, o := range s.Rules.Obstacles(k.Group, k.Kind, namespace, "irgit", nil) {
				e.find(o.Blocking, e.cluster.Response, e.Applied+" "+o.Reason, o.Step)
			}
		}
	}
}

// roots looks at everything that could have to be patched.
func (e *examination) roots(ctx context.Context) error {
	for _, state := range e.Index.Roots() {
		r := Root{RootState: state}
		var err error
		if r.Wiring, err = e.Index.Wiring(ctx, state.ID); err != nil {
			return err
		}
		e.Roots = append(e.Roots, r)
		if r.Wiring.Objects == 0 {
			continue
		}
		for _, refused := range r.Wiring.Refused {
			e.find(true, refused.File, refused.Reason, refused.Step)
		}
		var known []string // reasons that the wiring has given
		for _, need := range r.Wiring.Needs {
			what := "it does not name irgit's hook " + need.Hook.Dir + " in transformers"
			known = append(known, what)
			e.find(true, need.File, what, fmt.Sprintf("add `transformers: [%s]` to it, and a kustomization.yaml to the hook: %s", need.Entry, runInit))
		}
		for _, refused := range r.Wiring.Refused {
			known = append(known, refused.Reason)
		}
		if err := e.path(ctx, state.ID, known); err != nil {
			return err
		}
	}
	return nil
}

// frozen are the fields that freezing sets, by kind.
var frozen = map[string][]string{
	"Deployment":              {"spec.paused"},
	"CronJob":                 {"spec.suspend"},
	"Job":                     {"spec.suspend"},
	"HorizontalPodAutoscaler": {"spec.behavior.scaleUp.selectPolicy", "spec.behavior.scaleDown.selectPolicy"},
}

// path looks at what stands between a patch of the root's objects and the
// cluster, but for the reasons that are known.
func (e *examination) path(ctx context.Context, root string, known []string) error {
	for _, ref := range e.Index.Patchable(root) {
		obstacles, err := e.Index.Path(ctx, e.tree, ref, frozen[ref.Kind]...)
		if err != nil {
			return err
		}
		for _, o := range obstacles {
			again := slices.ContainsFunc(known, func(reason string) bool { return strings.HasSuffix(o.Reason, reason) })
			if !again {
				e.find(o.Blocking, o.File, o.Reason, o.Step)
			}
		}
	}
	return nil
}

// known takes in what the index could not take into account.
func (e *examination) known() {
	for _, f := range e.Index.Findings() {
		where := cmp.Or(f.File, f.Root)
		e.find(!f.Unknown, where, f.Message, f.Remedy())
	}
}
