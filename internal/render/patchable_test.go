package render_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/render"
)

// A9: a template of a user takes no other subject out of a binding, adds none,
// and leaves the role alone.
func TestThreatA9TemplatesOnBindings(t *testing.T) {
	bound := newFleet(t, replaced(t, "apps/base/web/frontend.yaml", "apiVersion: v1\nkind: ServiceAccount\n", reader+"apiVersion: v1\nkind: ServiceAccount\n"))
	for fields, want := range map[string]string{
		"subjects: \"${each.object.subjects.filter(s, s.kind == 'Group')}\"": "",
		"subjects: []":                          "leaves a binding with other subjects",
		"subjects: \"${each.object.subjects}\"": "leaves a binding with other subjects",
		"subjects: [{kind: User, name: eve}]":   "leaves a binding with other subjects",
		"roleRef: {name: cluster-admin}":        "touches more of a binding",
		"subjects: [], roleRef: {name: nobody}": "touches more of a binding",
	} {
		c := catalogue(t, mine("  patches: [{on: bindings, fields: {"+fields+"}}]\n"))
		_, err := c.Render(t.Context(), request(t, bound, "prod-eu", "web/frontend", act("mine")))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		var refused *render.RefusedError
		require.ErrorAs(t, err, &refused, fields)
		require.Contains(t, err.Error(), want)
	}
}
