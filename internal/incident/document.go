package incident

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/render"
)

// documentOf gathers what the reviewer reads.
func (s *session) documentOf(c *composed, target fleet.Workload, others []fleet.Workload, ix *fleet.Index) proposal.Document {
	r := &c.record.Spec
	id := c.record.Metadata.Name
	d := proposal.Document{
		Incident: id, Key: r.Key, Cluster: r.Cluster, Branch: branchPrefix + id, Base: s.base,
		Target:   proposal.Object{Kind: target.Kind, Namespace: target.Namespace, Name: target.Name},
		Severity: r.Severity.String(), Count: r.AlertCount, First: r.FirstEvent, Last: r.LastEvent, Techniques: r.Techniques,
		Policy:  proposal.Policy{Name: r.Policy.Name, Tier: string(r.Policy.Tier), Description: r.Policy.Description, Why: r.Policy.Why},
		Expires: r.Expires, PlainGit: s.plainGit(),
		Warnings:   slices.Clone(c.warnings),
		Difference: c.proof.Diff(), Roots: c.proof.Roots,
		Record:       c.record.file(ix.Cluster()),
		BaseRevision: string(r.Base), PolicyDigest: r.Policy.Digest, Proof: r.Proof, Signed: s.o.Signer != nil,
	}
	if len(r.Alerts) > 0 {
		d.Source, d.Rule = string(r.Alerts[0].Source), proposal.Untrusted(r.Alerts[0].Rule)
	}
	for _, step := range c.bundle.Steps {
		d.Actions = append(d.Actions, actionOf(step, c))
	}
	d.Hits = []proposal.Workload{reached(target, "the target", ix)}
	for _, w := range others {
		d.Hits = append(d.Hits, reached(w, "shares the selector", ix))
	}
	d.Traffic = traffic(ix, target, c.bundle.Objects)
	d.Files, d.Edits = proposedFiles(c.all), editsOf(c.bundle.Edits)
	for _, a := range r.Alerts {
		d.Evidence = append(d.Evidence, evidenceOf(a))
	}
	return d
}

func actionOf(step render.Step, c *composed) proposal.Action {
	a := proposal.Action{
		Name: step.Action, Variant: step.Variant, Summary: step.Summary, Skipped: step.Skipped, DoesNot: step.DoesNot, Cuts: step.Cuts,
	}
	if step.Undo != nil {
		a.Undo, a.UndoHurts = step.Undo.How, step.Undo.Hurts
	}
	if v := step.Vocabulary; v != nil {
		a.D3FEND, a.CSF, a.OpenC2, a.Phase = v.D3FEND, v.CSF, v.OpenC2, v.Phase
	}
	for _, o := range step.Objects {
		change := proposal.ObjectChange{Object: proposal.Object{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}}
		if o.GetKind() == "Pod" { // it runs, and a part of it is declared
			change.Patch, change.Fields = true, podFields(o.Object)
		}
		a.Changes = append(a.Changes, change)
	}
	for _, p := range c.bundle.Patches {
		if p.Action == step.Action {
			a.Changes = append(a.Changes, proposal.ObjectChange{
				Patch: true, Object: proposal.Object{Kind: p.Object.Kind, Namespace: p.Object.Namespace, Name: p.Object.Name}, Fields: fieldsOf("", p.Fields),
			})
		}
	}
	return a
}

// fieldsOf writes a merge patch as a line for each field that it sets.
func fieldsOf(at string, patch map[string]any) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(patch)) {
		where := key
		if at != "" {
			where = at + "." + key
		}
		switch v := patch[key].(type) {
		case map[string]any:
			lines = append(lines, fieldsOf(where, v)...)
		case nil:
			lines = append(lines, where+": removed")
		default:
			lines = append(lines, fmt.Sprintf("%s: %v", where, v))
		}
	}
	return lines
}

func reached(w fleet.Workload, how string, ix *fleet.Index) proposal.Workload {
	out := proposal.Workload{
		Object: proposal.Object{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name}, How: how,
		Replicas: replicas(w, ix), HostNetwork: w.HostNetwork,
	}
	for _, c := range w.Containers {
		out.Images = append(out.Images, c.Image)
	}
	return out
}

// replicas is what Git says of the number of pods: an autoscaler's range, or
// the workload's own number.
func replicas(w fleet.Workload, ix *fleet.Index) string {
	for _, ref := range ix.Autoscalers(w) {
		o, ok := ix.Object(ref)
		if !ok || ref.Kind != "HorizontalPodAutoscaler" {
			continue
		}
		most, found, err := unstructured.NestedInt64(o.Object, "spec", "maxReplicas")
		if !found || err != nil {
			continue
		}
		least, found, err := unstructured.NestedInt64(o.Object, "spec", "minReplicas")
		if !found || err != nil {
			least = 1 // the API server's default
		}
		return fmt.Sprintf("%d to %d", least, most)
	}
	if w.Replicas != nil {
		return fmt.Sprint(*w.Replicas)
	}
	return ""
}

func proposedFiles(files []gitops.FileChange) (out []proposal.File) {
	for _, f := range files {
		out = append(out, proposal.File{Path: f.Path, Change: f.Change})
	}
	return out
}

// whyEdited says why a file of others is edited, by the way that a patch takes.
var whyEdited = map[string]string{
	fleet.ByWiring:   "names irgit's hook there, once: other incidents then change irgit's own files alone",
	fleet.InManifest: "no kustomization stands above the manifest, so the fields are set in it",
	fleet.BySync:     "several clusters apply the directory, so the patch goes into this cluster's own sync object",
}

// inRelease says why the manifest of a HelmRelease is.
const inRelease = "a chart renders the object, so the patch is the last of the HelmRelease's post-renderers"

func editsOf(edits []render.Edit) (out []proposal.Edit) {
	for _, e := range edits {
		why := whyEdited[e.How]
		if e.Selector.Kind == "HelmRelease" {
			why = inRelease
		}
		for _, l := range e.Lines() {
			out = append(out, proposal.Edit{File: e.File, Line: l.Line, Why: why, Removed: l.Removed, Added: l.Added})
		}
	}
	return out
}

func evidenceOf(a RecordAlert) proposal.Alert {
	out := proposal.Alert{
		Time: a.Time, Source: string(a.Source), Severity: a.Severity.String(), Rule: proposal.Untrusted(a.Rule), Digest: a.Digest, Cut: a.Truncated,
	}
	known := slices.Collect(maps.Values(a.Fields))
	add := func(name, value string) {
		if value != "" && !slices.Contains(known, value) {
			out.Fields = append(out.Fields, proposal.Field{Name: proposal.Untrusted(name), Value: proposal.Untrusted(value)})
		}
	}
	add("pod", a.Pod)
	add("container", a.Container)
	add("image", a.Image)
	add("node", a.Node)
	known = nil
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		add(name, a.Fields[name])
	}
	return out
}
