package kustomize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Replacements that feed each other double a value with each of them. A few are
// somebody's way to write a name; forty are refused before the first one runs.
func TestThreatA5ReplacementsAreBounded(t *testing.T) {
	double := "{source: {kind: ConfigMap, fieldPath: data.a}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a], options: {delimiter: '.', index: 99999999}}]}"
	object := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: x, b: y}\n"
	nested := func(n int, each func(i int) string) map[string]string {
		all := map[string]string{"root/kustomization.yaml": fmt.Sprintf("resources: [../l%d]\n", n), "l0/kustomization.yaml": "resources: [a.yaml]\n", "l0/a.yaml": object}
		for i := 1; i <= n; i++ {
			all[fmt.Sprintf("l%d/kustomization.yaml", i)] = fmt.Sprintf("resources: [../l%d]\n", i-1) + each(i)
		}
		return all
	}
	for name, of := range map[string]func(n int) map[string]string{
		"onto itself": func(n int) map[string]string {
			return map[string]string{"root/a.yaml": object, "root/kustomization.yaml": "resources: [a.yaml]\nreplacements:\n" + strings.Repeat("- "+double+"\n", n)}
		},
		"to and fro": func(n int) map[string]string {
			there := "- {source: {kind: ConfigMap, fieldPath: data.a}, targets: [{select: {name: a}, fieldPaths: [data.b], options: {delimiter: '.', index: -1}}]}\n"
			return map[string]string{"root/a.yaml": object, "root/kustomization.yaml": "resources: [a.yaml]\nreplacements:\n" +
				strings.Repeat(there+strings.NewReplacer("data.a", "data.b", "data.b", "data.a").Replace(there), n)}
		},
		"a mapping into itself": func(n int) map[string]string {
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, "- {source: {kind: ConfigMap, fieldPath: data}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x%d], options: {create: true}}]}\n", i)
			}
			return map[string]string{"root/a.yaml": object, "root/kustomization.yaml": "resources: [a.yaml]\nreplacements:\n" + text.String()}
		},
		"level by level": func(n int) map[string]string {
			return nested(n, func(int) string { return "replacements: [" + double + "]\n" })
		},
		"one component at each level": func(n int) map[string]string {
			all := nested(n, func(int) string { return "components: [../c]\n" })
			all["c/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nreplacements: [" + double + "]\n"
			return all
		},
		"in files of their own": func(n int) map[string]string {
			return map[string]string{"root/a.yaml": object, "root/r.yaml": strings.Repeat("- "+double+"\n", n), "root/kustomization.yaml": "resources: [a.yaml]\nreplacements: [{path: r.yaml}]\n"}
		},
		"as a transformer": func(n int) map[string]string {
			config := "apiVersion: built\\x69n\nkind: ReplacementTransformer\nmetadata: {name: r}\nreplacements:\n"
			config = strings.Replace(config, "built\\x69n", `"built\x69n"`, 1)
			return map[string]string{"root/a.yaml": object, "root/t.yaml": config + strings.Repeat("- "+double+"\n", n), "root/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n"}
		},
		"moved back by a patch (Fibonacci)": func(n int) map[string]string {
			return nested(n, func(int) string {
				return "replacements: [{source: {kind: ConfigMap, fieldPath: data.a}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.b], options: {delimiter: '.', index: 99999999}}]}]\n" +
					"patches: [{target: {kind: ConfigMap}, patch: '[{\"op\": \"move\", \"from\": \"/data/a\", \"path\": \"/data/c\"}, {\"op\": \"move\", \"from\": \"/data/b\", \"path\": \"/data/a\"}, {\"op\": \"move\", \"from\": \"/data/c\", \"path\": \"/data/b\"}]'}]\n"
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			size := func(n int) int {
				r, err := Build(t.Context(), files(t, of(n)), "root", Options{})
				require.NoError(t, err)
				return len(fmt.Sprint(r.Objects[0].Object))
			}
			require.Greater(t, size(6)-size(5), 3*(size(3)-size(2)), "it grows with what is there")
			_, err := Build(t.Context(), files(t, of(40)), "root", Options{})
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.Contains(t, bad.Reason, "replacements may add more than 256 MiB")
		})
	}
}

// One step can be too large as well: a long value to many fields.
func TestThreatA5ReplacementsIntoManyFields(t *testing.T) {
	for name, path := range map[string]string{"entries": "data.*", "a text that is YAML": "data.list.*"} {
		var object strings.Builder
		object.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  long: " + strings.Repeat("x", 1<<20) + "\n  list: '[" + strings.Repeat("1,", 2000) + "1]'\n")
		for i := range 2000 {
			fmt.Fprintf(&object, "  k%d: v\n", i)
		}
		tree := files(t, map[string]string{"root/a.yaml": object.String(), "root/kustomization.yaml": "resources: [a.yaml]\nreplacements: [{source: {kind: ConfigMap, fieldPath: data.long}, targets: [{select: {kind: ConfigMap}, fieldPaths: ['" + path + "']}]}]\n"})
		_, err := Build(t.Context(), tree, "root", Options{})
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		require.Contains(t, bad.Reason, "replacements may add more")
	}
}

// What kubebuilder makes of every project, and chains of names, are no harm.
func TestReplacementsAsPeopleWriteThem(t *testing.T) {
	var all strings.Builder
	all.WriteString("resources: [a.yaml]\nreplacements:\n")
	for _, field := range []string{"metadata.name", "metadata.namespace"} {
		for _, kind := range []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "CustomResourceDefinition"} {
			fmt.Fprintf(&all, "- source: {kind: Certificate, fieldPath: %s}\n  targets: [{select: {kind: %s}, fieldPaths: ['metadata.annotations.[cert-manager.io/inject-ca-from]'], options: {delimiter: /, index: 0, create: true}}]\n", field, kind)
		}
		fmt.Fprintf(&all, "- source: {kind: Service, fieldPath: %s}\n  targets: [{select: {kind: Certificate}, fieldPaths: [spec.dnsNames.0, spec.dnsNames.1], options: {delimiter: '.', index: 0}}]\n", field)
	}
	for i := range 20 { // from one object to the next, and nowhere on from there
		fmt.Fprintf(&all, "- source: {kind: ConfigMap, fieldPath: data.k%d}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.l%d], options: {create: true}}]\n", i, i)
	}
	g := growth{waiting: map[string]bool{}, kinds: map[string]*measure{}}
	g.note("kustomization.yaml", []byte(all.String()))
	require.Len(t, g.applied[0], 28)
	for range 300 {
		g.note("a.yaml", []byte("kind: CustomResourceDefinition\nspec: {long: "+strings.Repeat("x", 4000)+"}\n---\nkind: Certificate\n---\nkind: Service\n---\nkind: ConfigMap\ndata: {"+strings.Repeat("k: ", 1)+"v}\n"))
	}
	require.NoError(t, g.check())
}

func FuzzReplacements(f *testing.F) {
	f.Add("resources: [a]\nreplacements: [{source: {kind: A}, targets: [{select: {kind: A}, fieldPaths: [a.'b.c'.[d=e].*]}]}]\n", "kind: A\na: &x [b]\nc: *x\n")
	f.Add("replacements: [{path: f.yaml}]\n", "- source: {kind: A}\n  targets: [{}]\n")
	f.Add("transformers: ['a\nb: c']\n", "kind: List\nitems: [{kind: A}, x]\n")
	f.Fuzz(func(t *testing.T, kustomization, file string) {
		if inflated([]byte(file)) != "" || inflated([]byte(kustomization)) != "" {
			return
		}
		g := growth{waiting: map[string]bool{"f.yaml": true}, kinds: map[string]*measure{}}
		g.note("kustomization.yaml", []byte(kustomization))
		g.note("f.yaml", []byte(file))
		_ = g.check()
		for _, m := range g.kinds {
			require.GreaterOrEqual(t, m.bytes, 0)
		}
	})
}
