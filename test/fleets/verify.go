package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// How many placements of an action are judged, and for how long. The choice is
// the same in every run.
const (
	mostJudged  = 150
	longestLook = 2 * time.Minute
)

// judge looks at what irgit calls proved without its proof: every cluster is
// indexed again from the tree with the incident, in which no workload and no
// autoscaler may differ but those that are meant, in nothing but what the
// action is about; the root is built by the kustomize library from disk, where
// it has a kustomization; and the release has to give the tree before.
type judge struct {
	clone     clone
	loaded    *loaded
	catalogue *render.Catalogue
}

func (j *judge) judge(ctx context.Context, p *placed, done []attempt) error {
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(done), func(a, b int) { done[a], done[b] = done[b], done[a] })
	start := time.Now()
	for _, a := range done[:min(len(done), mostJudged)] {
		if time.Since(start) > longestLook {
			return nil
		}
		if err := j.make(ctx, &a); err != nil {
			return fmt.Errorf("%s was proved: %w", a, err)
		}
		wrong, disk, err := j.look(ctx, a)
		if err != nil {
			return err
		}
		if p.Judged++; disk {
			p.OnDisk++
		}
		for _, w := range wrong {
			p.Wrong = append(p.Wrong, a.String()+": "+w)
		}
	}
	return nil
}

// look says what is wrong with an attempt that make has rendered; disk, that it
// was built there, too.
func (j *judge) look(ctx context.Context, a attempt) (wrong []string, disk bool, err error) {
	if wrong, err = j.everywhere(ctx, a); err != nil {
		return nil, false, err
	}
	released, err := j.released(ctx, a)
	if err != nil {
		return nil, false, err
	}
	disk, built, err := j.onDisk(ctx, a)
	return slices.Concat(wrong, released, built), disk, err
}

// make renders an attempt and lays it over the tree.
func (j *judge) make(ctx context.Context, a *attempt) (err error) {
	tree := j.loaded.fleet.Tree()
	a.bundle, err = j.catalogue.Render(ctx, render.Request{
		Incident: incident, Expires: time.Date(2006, 1, 3, 0, 0, 0, 0, time.UTC), Target: a.target, Index: a.ix, Tree: tree,
		Actions: []policy.Action{{Name: a.action}},
	})
	if err == nil {
		a.after, err = tree.With(ctx, a.bundle.Changes...)
	}
	return err
}

// incident is one that does not exist.
const incident = "20060102-fleets-00000000"

// everywhere compares all clusters before and after.
func (j *judge) everywhere(ctx context.Context, a attempt) (wrong []string, err error) {
	for _, ix := range j.loaded.indexes {
		after, err := ix.In(ctx, a.after)
		if err != nil {
			return nil, err
		}
		was, is := objectsOf(ix), objectsOf(after)
		meant := map[fleet.ObjectRef]bool{}
		if ix == a.ix {
			for _, ref := range a.meant() {
				meant[ref] = true
			}
		}
		for ref, old := range was {
			now := is[ref]
			changes := differences("", old, now)
			switch {
			case now == nil:
				wrong = append(wrong, fmt.Sprintf("%s: %v is gone", ix.Cluster().Name, ref))
			case meant[ref]:
				wrong = append(wrong, a.unlike(ref, now, changes)...)
			case len(changes) > 0:
				wrong = append(wrong, fmt.Sprintf("%s: %v changes, too: %v", ix.Cluster().Name, ref, changes))
			}
		}
		for ref := range is {
			if was[ref] == nil {
				wrong = append(wrong, fmt.Sprintf("%s: %v is new", ix.Cluster().Name, ref))
			}
		}
		if old, now := failures(ix), failures(after); now > old {
			wrong = append(wrong, fmt.Sprintf("%s: %d roots failed before, %d after", ix.Cluster().Name, old, now))
		}
	}
	return wrong, nil
}

func failures(ix *fleet.Index) (n int) {
	for _, r := range ix.Roots() {
		if r.Failure != "" {
			n++
		}
	}
	return n
}

// objectsOf are the workloads of a cluster and their autoscalers.
func objectsOf(ix *fleet.Index) map[fleet.ObjectRef]map[string]any {
	out := map[fleet.ObjectRef]map[string]any{}
	for _, w := range ix.Workloads() {
		for _, ref := range append(ix.Autoscalers(w), w.Ref()) {
			if u, ok := ix.Object(ref); ok {
				out[ref] = u.Object
			}
		}
	}
	return out
}

// meant are the objects that the action is to change.
func (a attempt) meant() []fleet.ObjectRef {
	if a.action == "freeze-scale" {
		return a.ix.Autoscalers(a.target)
	}
	return []fleet.ObjectRef{a.target.Ref()}
}

// wanted are the fields that an action sets on a kind; below says how far what
// changes may reach.
func wanted(action, kind string, now map[string]any) (fields map[string]any, below string) {
	switch {
	case action == "freeze-scale":
		return map[string]any{"spec.behavior.scaleUp.selectPolicy": "Disabled", "spec.behavior.scaleDown.selectPolicy": "Disabled"}, "spec.behavior"
	case kind == "Deployment":
		return map[string]any{"spec.paused": true}, "spec.paused"
	case kind == "CronJob":
		return map[string]any{"spec.suspend": true}, "spec.suspend"
	case kind == "StatefulSet":
		if own, _, _ := unstructured.NestedString(now, "spec", "updateStrategy", "type"); own != "OnDelete" {
			return map[string]any{"spec.updateStrategy.rollingUpdate.partition": int64(math.MaxInt32)}, "spec.updateStrategy"
		}
	}
	return map[string]any{"spec.updateStrategy.type": "OnDelete"}, "spec.updateStrategy"
}

// unlike says in what an object is not as the action wants it.
func (a attempt) unlike(ref fleet.ObjectRef, now map[string]any, changes []string) (wrong []string) {
	fields, below := wanted(a.action, ref.Kind, now)
	for field, want := range fields {
		if have, _, _ := unstructured.NestedFieldNoCopy(now, strings.Split(field, ".")...); have != want {
			wrong = append(wrong, fmt.Sprintf("%v: %s is %v, want %v", ref, field, have, want))
		}
	}
	for _, c := range changes {
		if c != below && !strings.HasPrefix(c, below+".") && !strings.HasPrefix(below, c+".") {
			wrong = append(wrong, fmt.Sprintf("%v: %s changes, too", ref, c))
		}
	}
	return wrong
}

// differences lists the fields in which two values differ. Null is absent.
func differences(at string, a, b any) (out []string) {
	am, aok := a.(map[string]any)
	bm, bok := b.(map[string]any)
	if !aok || !bok {
		if reflect.DeepEqual(a, b) || empty(a) && empty(b) {
			return nil
		}
		return []string{at}
	}
	for k, v := range am {
		out = append(out, differences(strings.TrimPrefix(at+"."+k, "."), v, bm[k])...)
	}
	for k, v := range bm {
		if _, both := am[k]; !both {
			out = append(out, differences(strings.TrimPrefix(at+"."+k, "."), nil, v)...)
		}
	}
	slices.Sort(out)
	return out
}

func empty(v any) bool {
	m, ok := v.(map[string]any)
	return v == nil || ok && len(m) == 0
}

// released takes the incident back.
func (j *judge) released(ctx context.Context, a attempt) (wrong []string, err error) {
	changes, err := render.Release(ctx, a.after, a.ix.Cluster(), incident)
	if errors.Is(err, render.ErrNotOpen) && len(a.bundle.Changes) == 0 {
		return nil, nil
	}
	if err != nil {
		return []string{"it cannot be released: " + oneLine(err)}, nil
	}
	again, err := a.after.With(ctx, changes...)
	if err != nil {
		return nil, err
	}
	if before := j.loaded.fleet.Tree(); again.Root() != before.Root() {
		return []string{"the release does not give the tree before"}, nil
	}
	return nil, nil
}

// onDisk builds the target's root before and after on disk; looked is false
// where that says nothing.
func (j *judge) onDisk(ctx context.Context, a attempt) (looked bool, wrong []string, err error) {
	roots := a.ix.Roots()
	i := slices.IndexFunc(roots, func(r fleet.RootState) bool { return r.ID == a.target.Root })
	dir := filepath.Join(j.clone.checkout(), roots[i].Path)
	if referencesOf(dir) == nil || slices.Contains(a.ways, fleet.BySync) {
		return false, nil, nil
	}
	before, err := buildOnDisk(dir)
	if err != nil {
		return false, nil, nil //nolint:nilerr // it does not build without irgit either
	}
	undo, err := j.write(ctx, a)
	if err != nil {
		return false, nil, err
	}
	after, failed := buildOnDisk(dir)
	if err := undo(); err != nil {
		return false, nil, err
	}
	if failed != nil {
		return true, []string{"on disk: the root does not build any more: " + oneLine(failed)}, nil
	}
	return true, a.compareDisk(before, after), nil
}

func (a attempt) compareDisk(before, after []byte) (wrong []string) {
	was, is := documents(before), documents(after)
	if len(was) != len(is) {
		return []string{fmt.Sprintf("on disk: %d objects before, %d after", len(was), len(is))}
	}
	meant := slices.DeleteFunc(a.meant(), func(m fleet.ObjectRef) bool { return m.Root != a.target.Root }) // what others render is not here
	changed, already := 0, 0
	for i := range was {
		u := unstructured.Unstructured{Object: was[i]}
		changes := differences("", was[i], is[i])
		ref := fleet.ObjectRef{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
		means := slices.ContainsFunc(meant, func(m fleet.ObjectRef) bool { return m.Kind == ref.Kind && m.Name == ref.Name })
		switch {
		case len(changes) == 0 && means && len(a.unlike(ref, is[i], nil)) == 0:
			already++
		case len(changes) > 0:
			changed++
			wrong = append(wrong, a.unlike(ref, is[i], changes)...)
		}
	}
	if want := len(meant); changed > want || changed+already < want {
		wrong = append(wrong, fmt.Sprintf("on disk: %d objects change and %d are so already, want %d", changed, already, want))
	}
	return wrong
}

func documents(data []byte) (out []map[string]any) {
	for text := range strings.SplitSeq(string(data), "\n---\n") {
		var o map[string]any
		if yaml.Unmarshal([]byte(text), &o) == nil && o != nil {
			out = append(out, o)
		}
	}
	return out
}

// write lays a bundle over the checkout until undo.
func (j *judge) write(ctx context.Context, a attempt) (undo func() error, err error) {
	var steps []func() error
	undo = func() (err error) {
		for _, s := range slices.Backward(steps) {
			err = errors.Join(err, s())
		}
		return err
	}
	for _, c := range a.bundle.Changes {
		name := filepath.Join(j.clone.checkout(), filepath.FromSlash(c.Path))
		old, err := os.ReadFile(name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			top := name
			for dir := filepath.Dir(top); ; dir = filepath.Dir(top) {
				if _, err := os.Stat(dir); err == nil {
					break
				}
				top = dir
			}
			steps = append(steps, func() error { return os.RemoveAll(top) })
		case err != nil:
			return undo, err
		default:
			steps = append(steps, func() error { return os.WriteFile(name, old, 0o600) })
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return undo, err
		}
		if err := os.WriteFile(name, c.Content, 0o600); err != nil {
			return undo, err
		}
	}
	return undo, ctx.Err()
}
