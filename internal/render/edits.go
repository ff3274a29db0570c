package render

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/edit"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/manifest"
)

// Edits of files that a team owns are kept beside what needs them, so that
// [Release] can take them back whatever the order: those that name a hook in
// the hook's directory, until no incident is left in it; all others in the
// incident's own. Neither file is listed anywhere, so none is ever applied.
const (
	editsFile   = "edits.yaml"
	wiringFile  = "wiring.yaml"
	editsKind   = "Edits"
	editComment = "What irgit wrote into files of others, so that it can take it back. No cluster applies this file."
)

// Edit is a change of a file that a team owns.
type Edit struct {
	How  string `json:"how"`            // fleet.ByWiring, fleet.InManifest or fleet.BySync
	Made string `json:"made,omitempty"` // ByWiring: the hook's kustomization, where it was made for this edit and goes with it

	edit.Edit
}

type editList struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`        // the incident's id, or the hook's directory
	Hooks      []string `json:"hooks,omitempty"` // of the incident, where they are not in the cluster's default place
	Edits      []Edit   `json:"edits,omitempty"`
}

func (l editList) encode() ([]byte, error) {
	l.APIVersion, l.Kind = apiVersion, editsKind
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	plain, err := manifest.Decode(text)
	if err != nil {
		return nil, err
	}
	return manifest.Encode(editComment, plain)
}

// readEdits reads a file of edits, an empty list when it is not there. Whoever
// can push can write one, so each edit has to be of a form that irgit writes
// itself.
func readEdits(ctx context.Context, tree *gitops.Tree, file string) (l editList, err error) {
	data, err := tree.ReadFile(ctx, file)
	if errors.Is(err, gitops.ErrNotFound) {
		return editList{}, nil
	}
	if err != nil {
		return editList{}, err
	}
	odd := func(reason string) (editList, error) {
		return editList{}, &fleet.HookError{File: file, Reason: reason, Step: "take the edits that it lists back by hand, and remove it"}
	}
	if len(data) > maxObject || yaml.UnmarshalStrict(data, &l) != nil || l.APIVersion != apiVersion || l.Kind != editsKind {
		return odd("it is no list of irgit's edits")
	}
	for _, e := range l.Edits {
		if !e.allowed() {
			return odd("it holds an edit that irgit does not make")
		}
	}
	return l, nil
}

// itemComment begins a patch that a sync object takes.
const itemComment = "# Incident %s, action %s. Written by irgit, which removes it again.\n"

var itemForm = regexp.MustCompile(`^# Incident \d{8}-[-a-z0-9]+, action \S+\. Written by irgit, which removes it again\.\n`)

const postRenderers = "postRenderers"

// allowed reports whether an edit is of a form that irgit makes: a hook in a
// kustomization, a patch in a Flux Kustomization or a HelmRelease, or scalars of
// a kind that may be patched, or annotations, none of which is in a list, as
// containers are.
func (e Edit) allowed() bool {
	for _, c := range e.Changes {
		at := c.Path.String()
		ok := false
		switch e.How {
		case fleet.ByWiring:
			ok = c.List && at == "transformers" && e.Selector == (edit.Selector{}) && slices.Contains(kustomize.FileNames(), path.Base(e.File))
		case fleet.BySync:
			ok = c.List && e.syncItem(at, c.Value)
		case fleet.InManifest:
			ok = !c.List && scalar(e.Selector.Group+"/"+e.Selector.Kind, c.Path)
		}
		if !ok {
			return false
		}
	}
	return len(e.Changes) > 0
}

// scalar reports whether a path is one of a field that irgit sets in a manifest
// of a kind: of the spec, or an annotation that a patch may set; of a sync object
// that which suspends it.
func scalar(kind string, at edit.Path) bool {
	if isSync(kind) {
		return slices.Contains([]string{"spec.suspend", "spec.syncPolicy.automated.enabled"}, at.String())
	}
	if patchable[kind] == nil {
		return false
	}
	if len(at) == 3 && at[0] == "metadata" && at[1] == "annotations" {
		return annotations.MatchString(at[2])
	}
	return len(at) > 1 && at[0] == "spec" && !slices.ContainsFunc(at, digits)
}

// syncItem reports whether an item of a sync object's list is a patch as an
// incident puts it there.
func (e Edit) syncItem(list string, value json.RawMessage) bool {
	type patch struct {
		Patch  string            `json:"patch"`
		Target map[string]string `json:"target"`
	}
	var p patch
	var r struct {
		Kustomize struct {
			Patches []patch `json:"patches"`
		} `json:"kustomize"`
	}
	switch e.Selector.Group + "/" + e.Selector.Kind + " " + list {
	case fluxKustomize + "/Kustomization spec.patches":
		if yaml.UnmarshalStrict(value, &p) != nil {
			return false
		}
	case fluxHelm + "/HelmRelease spec." + postRenderers:
		if yaml.UnmarshalStrict(value, &r) != nil || len(r.Kustomize.Patches) != 1 {
			return false
		}
		p = r.Kustomize.Patches[0]
	}
	return itemForm.MatchString(p.Patch) && p.Target["kind"] != "" && p.Target["name"] != ""
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// says is what an edit is about, whatever else stands in the file.
func (e Edit) says() any {
	type change struct {
		Path  edit.Path
		Value string
	}
	var changes []change
	for _, c := range e.Changes {
		changes = append(changes, change{c.Path, compact(c.Value)})
	}
	return []any{e.How, e.File, e.Selector.Group, e.Selector.Kind, e.Selector.Name, changes}
}

func (e Edit) same(o Edit) bool { return reflect.DeepEqual(e.says(), o.says()) }

// compact is JSON in one form: a record that was written and read may have
// another.
func compact(text json.RawMessage) string {
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return string(text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(text)
	}
	return string(out)
}

// revert takes an edit back. What comes of it must be a file of which the edit
// makes the one that is there, or somebody could have anything written by
// listing an edit that was never made.
func (e Edit) revert(data []byte) ([]byte, error) {
	out, err := e.Revert(data)
	if err != nil {
		return nil, err
	}
	if digest(out) != "sha256:"+e.Digest {
		return out, nil // found by what it says, and Revert has compared
	}
	if again, err := e.again(out); err != nil || !sameText(e.Changes, again.Changes) {
		return nil, &edit.Refusal{File: e.File, Reason: "the edit that is to be taken back is none that irgit makes", Step: "restore the file by hand"}
	}
	return out, nil
}

// again plans the edit anew.
func (e Edit) again(data []byte) (edit.Edit, error) {
	var fields []edit.Field
	for _, c := range slices.Backward(e.Changes) {
		var v any
		dec := json.NewDecoder(bytes.NewReader(c.Value))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			return edit.Edit{}, fmt.Errorf("read %s: %w", c.Path, err)
		}
		if c.List {
			return edit.AddListItem(e.File, data, e.Selector, c.Path, v)
		}
		fields = append(fields, edit.Field{Path: c.Path, Value: v})
	}
	return edit.Set(e.File, data, e.Selector, fields)
}

func sameText(a, b []edit.Change) bool {
	return slices.EqualFunc(a, b, func(x, y edit.Change) bool {
		return x.Offset == y.Offset && x.Old == y.Old && x.New == y.New
	})
}

// wires reports whether an edit names the hook in a directory.
func (e Edit) wires(dir string) bool {
	return e.How == fleet.ByWiring && slices.ContainsFunc(e.Changes, func(c edit.Change) bool {
		var entry string
		return json.Unmarshal(c.Value, &entry) == nil && path.Join(path.Dir(e.File), entry) == dir
	})
}

// Same reports whether another bundle writes the same. Edits of files of others
// are compared by what they say, since the rest of such a file may differ.
func (b *Bundle) Same(o *Bundle) bool {
	return slices.EqualFunc(b.Edits, o.Edits, Edit.same) && slices.EqualFunc(b.own(), o.own(), func(x, y gitops.Change) bool {
		return x.Path == y.Path && bytes.Equal(x.Content, y.Content)
	})
}

// own are the changes that do not depend on what else files of others hold.
func (b *Bundle) own() []gitops.Change {
	return slices.DeleteFunc(slices.Clone(b.Changes), func(c gitops.Change) bool {
		base := path.Base(c.Path)
		return base == editsFile || base == wiringFile || slices.ContainsFunc(b.Edits, func(e Edit) bool { return e.File == c.Path })
	})
}

// Lines are what an edit takes out of a file and what it writes into it, from
// a line on that counts from 1, change by change.
func (e Edit) Lines() (all []LineChange) {
	for _, c := range e.Changes {
		all = append(all, LineChange{c.Line, lines(c.Old), lines(c.New)})
	}
	return all
}

// LineChange is one piece of an edit.
type LineChange struct {
	Line           int
	Removed, Added []string
}

func lines(text string) (out []string) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if text != "" {
			out = append(out, line)
		}
	}
	return out
}
