package fleet

import (
	"context"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var variable = regexp.MustCompile(`\$\{([_A-Za-z][_A-Za-z0-9]*)`)

// untold lists the manifests of sync objects whose path holds a variable that
// nobody knows: it comes out empty in the build, and would lead astray.
func (w *walker) untold(ctx context.Context, r *appliedRoot, e *entry) (map[string]bool, error) {
	if r.sync == nil || len(r.sync.Missing) == 0 || len(e.Leads) == 0 {
		return nil, nil
	}
	plain := r.want()
	plain.options.Substitute = nil
	entries, err := w.builder.entries(ctx, []want{plain})
	if err != nil {
		return nil, err
	}
	files := map[string]bool{}
	for _, o := range entries[0].Leads {
		u := o.decoded()
		if u == nil {
			continue
		}
		for _, found := range variable.FindAllStringSubmatch(text(dig(u.Object, "spec", "path")), -1) {
			if _, known := r.options.Substitute[found[1]]; !known {
				files[o.File] = true
			}
		}
	}
	return files, nil
}

// fetchMaps builds what renders the ConfigMaps that the variables of a Flux
// Kustomization come from.
func (w *walker) fetchMaps(ctx context.Context, u *unstructured.Unstructured) error {
	for _, from := range mappings(dig(u.Object, "spec", "postBuild", "substituteFrom")) {
		name := u.GetNamespace() + "/" + text(from["name"])
		root := w.mapNames[name]
		if from["kind"] != "ConfigMap" || root == nil || w.maps[name] != nil {
			continue
		}
		asked := root.want()
		asked.maps = true
		entries, err := w.builder.entries(ctx, []want{asked})
		if err != nil {
			return err
		}
		for _, o := range entries[0].objects() {
			w.maps[o.Namespace+"/"+o.Name] = o.decoded()
		}
	}
	return nil
}
