package render

import (
	"context"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// Prove builds what the bundle touches from the tree before and the tree after
// its changes: the incident's own directory and every root whose build a patch
// changes. It succeeds when the builds differ by exactly the bundle's objects
// and the fields of its patches, in which null and absent are the same, and
// when no file of others changes but by the bundle's edits. A patch that met
// nothing or was overridden, and any change beside the plan, is a *ProofError
// with every difference.
//
// Where a sync object takes a patch, its own root must differ by exactly that,
// and what it applies is built as the changed object says.
func Prove(ctx context.Context, before, after *gitops.Tree, r Request, b *Bundle) (Proof, error) {
	return prove(ctx, before, after, r, b, nil)
}

func prove(ctx context.Context, before, after *gitops.Tree, r Request, b *Bundle, known *builds) (Proof, error) {
	p := &prover{request: r, bundle: b, met: make([]bool, len(b.Patches)), known: known, after: r.Index}
	p.proof.Root = path.Join(r.Index.Cluster().Response, r.Incident)
	p.proof.Added, p.proof.Changed, p.proof.Removed, p.proof.Already = []ObjectChange{}, []ObjectChange{}, []ObjectChange{}, []ObjectChange{}
	if err := p.files(ctx, before); err != nil {
		return Proof{}, err
	}
	if err := p.created(ctx, before, after); err != nil {
		return Proof{}, err
	}
	if slices.ContainsFunc(b.Patches, func(x Patch) bool { return x.Place.How == fleet.BySync }) {
		var err error
		if p.after, err = r.Index.In(ctx, after); err != nil {
			return Proof{}, fmt.Errorf("prove incident %s: %w", r.Incident, err)
		}
	}
	for _, root := range p.patchedRoots() {
		if err := p.patched(ctx, before, after, root); err != nil {
			return Proof{}, err
		}
	}
	for i, met := range p.met {
		if patch := b.Patches[i]; !met {
			p.differ(patch.Object.Root, patch.Object, "", "the patch met no target: no root that it changes renders it")
		}
	}
	if len(p.differences) > 0 {
		return Proof{}, &ProofError{p.differences}
	}
	return p.proof, nil
}

type prover struct {
	request     Request
	bundle      *Bundle
	known       *builds      // of the tree before; may be nil
	after       *fleet.Index // says how the roots of the tree after are built
	proof       Proof
	met         []bool // by patch
	differences []Difference
}

func (p *prover) differ(root string, o fleet.ObjectRef, field, format string, args ...any) {
	p.differences = append(p.differences, Difference{
		root, ObjectChange{Root: root, APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}, field, fmt.Sprintf(format, args...),
	})
}

// created builds the incident's directory, and each folder that a Flux
// Kustomization of its own applies.
func (p *prover) created(ctx context.Context, before, after *gitops.Tree) error {
	if _, err := before.Stat(ctx, p.proof.Root); err == nil {
		return fmt.Errorf("prove incident %s: it is in the tree before already", p.request.Incident)
	}
	direct := p.bundle.Objects
	var below []Part
	for _, part := range p.bundle.Parts {
		if part.Sync != nil {
			below = append(below, part)
		}
	}
	if len(below) > 0 {
		direct = nil
		for _, part := range below {
			direct = append(direct, part.Sync)
		}
	}
	if err := p.added(ctx, after, p.proof.Root, direct); err != nil {
		return err
	}
	for _, part := range below {
		if err := p.added(ctx, after, path.Join(p.proof.Root, part.Name), part.Objects); err != nil {
			return err
		}
	}
	return nil
}

func (p *prover) added(ctx context.Context, after *gitops.Tree, root string, want []*unstructured.Unstructured) error {
	built, err := p.build(ctx, p.request.Index, after, root)
	if err != nil {
		return err
	}
	p.proof.Roots = append(p.proof.Roots, root)
	for _, obj := range want {
		ref := p.request.Index.RefOf(root, obj)
		have, ok := built[identity(ref)]
		if !ok {
			p.differ(root, ref, "", "it is not built, although the incident creates it")
			continue
		}
		delete(built, identity(ref))
		for _, c := range fieldChanges(withoutNulls(obj.Object), withoutNulls(have.Object)) {
			p.differ(root, ref, c.Path, "wanted %s, got %s", show(c.Before), show(c.After))
		}
		change := changeOf(root, ref)
		p.proof.Added = append(p.proof.Added, change)
		if err := p.proof.write(change, nil, have.Object); err != nil {
			return fmt.Errorf("prove incident %s: %w", p.request.Incident, err)
		}
	}
	for _, id := range sorted(built) {
		p.differ(root, p.request.Index.RefOf(root, built[id]), "", "it is built, although the incident does not create it")
	}
	return nil
}

// patchedRoots lists the roots whose builds the patches change.
func (p *prover) patchedRoots() (roots []string) {
	for _, patch := range p.bundle.Patches {
		all := patch.Place.Roots
		if patch.Place.How == fleet.BySync {
			all = append([]string{patch.Place.Object.Root}, all...)
		}
		for _, root := range all {
			if !slices.Contains(roots, root) {
				roots = append(roots, root)
			}
		}
	}
	return roots
}

// patched builds a root before and after and compares each object with what it
// should have become.
func (p *prover) patched(ctx context.Context, before, after *gitops.Tree, root string) error {
	var was, is map[string]*unstructured.Unstructured
	both, bctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { was, err = p.buildBefore(bctx, before, root); return err })
	both.Go(func() (err error) { is, err = p.buildAfter(bctx, after, root); return err })
	if err := both.Wait(); err != nil || is == nil {
		return err
	}
	p.proof.Roots = append(p.proof.Roots, root)
	for _, id := range sorted(was) {
		old, now := was[id], is[id]
		ref := p.request.Index.RefOf(root, old)
		if now == nil {
			p.differ(root, ref, "", "it is no longer built, although the plan removes nothing")
			continue
		}
		delete(is, id)
		if err := p.object(root, ref, old.Object, now.Object); err != nil {
			return err
		}
	}
	for _, id := range sorted(is) {
		p.differ(root, p.request.Index.RefOf(root, is[id]), "", "it is built, although it was not before and the plan adds nothing here")
	}
	return nil
}

// object holds one object against the patches that mean it.
func (p *prover) object(root string, ref fleet.ObjectRef, was, is map[string]any) error {
	old, _ := withoutNulls(was).(map[string]any)
	now := withoutNulls(is)
	want := old
	planned := false
	for i, patch := range p.bundle.Patches {
		if identity(patch.Object) == identity(ref) {
			want, p.met[i], planned = merged(want, patch.Fields), true, true
		}
		if patch.Item != nil && identity(patch.Place.Object) == identity(ref) {
			want, planned = appended(want, patch.Place.List, patch.Item), true
		}
	}
	for _, c := range fieldChanges(withoutNulls(want), now) {
		field := p.hidden(ref, c)
		switch unchanged := len(fieldChanges(old, now)) == 0; {
		case planned && unchanged:
			p.differ(root, ref, c.Path, "wanted %s, got %s: the patch has no effect, so something overrides it", show(field.Before), show(field.After))
		case planned:
			p.differ(root, ref, c.Path, "wanted %s, got %s: something overrides the patch, or it does more than the plan says", show(field.Before), show(field.After))
		default:
			p.differ(root, ref, c.Path, "it changes from %s to %s, although the plan does not touch it", show(field.Before), show(field.After))
		}
	}
	if !planned {
		return nil
	}
	change := changeOf(root, ref)
	change.Fields = fieldChanges(old, now)
	if len(change.Fields) == 0 {
		p.proof.Already = append(p.proof.Already, change)
		return nil
	}
	p.proof.Changed = append(p.proof.Changed, change)
	if err := p.proof.write(change, was, is); err != nil {
		return fmt.Errorf("prove incident %s: %w", p.request.Incident, err)
	}
	return nil
}

// hidden keeps the values of Secrets out of messages.
func (p *prover) hidden(ref fleet.ObjectRef, c FieldChange) FieldChange {
	if ref.Kind != "Secret" {
		return c
	}
	return FieldChange{c.Path, "a value", "another value"}
}
