package render_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	textedit "github.com/irgit/irgit/internal/edit"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// web is a Deployment, with an autoscaler and what only text keeps.
const web = `# the shop's front
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # called so by the DNS
  namespace: shop
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}

  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: web}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  minReplicas: 2
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
`

const ledger = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ledger, namespace: shop}
spec:
  serviceName: ledger
  selector: {matchLabels: {app: ledger}}
  template:
    metadata: {labels: {app: ledger}}
    spec: {containers: [{name: ledger, image: ledger}]}
`

func fluxCluster(name string) string {
	return "  - {name: " + name + ", gitops: flux, bootstrap: [clusters/" + name + "]}\n"
}

const declaredFleet = "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n"

// bootstrapped is a Flux cluster whose sync directory has one Kustomization.
func bootstrapped(cluster, syncs, spec string) map[string]string {
	return map[string]string{
		"clusters/" + cluster + "/gotk.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {interval: 1m, url: \"https://git.example.com/fleet\"}\n---\n" + kustomization("flux-system", "clusters/"+cluster, ""),
		"clusters/" + cluster + "/apps.yaml": "# who applies what\n" + kustomization("apps", syncs, spec),
	}
}

func kustomization(name, dir, spec string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name + "\n  namespace: flux-system\nspec:\n  interval: 10m\n" +
		"  path: ./" + dir + "\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + spec
}

func merge(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

func small(t require.TestingT, files map[string]string) *fleet.Fleet {
	data := map[string][]byte{}
	for name, content := range files {
		data[name] = []byte(content)
	}
	f, err := load(data)
	require.NoError(t, err)
	return f
}

// rootKind is a fleet with one kind of root, and how its objects are reached.
type rootKind struct {
	files  map[string]string
	how    string
	edited string
}

func kinds() map[string]rootKind {
	config := map[string]string{fleet.ConfigFile: declaredFleet + fluxCluster("one")}
	one := func(spec string) map[string]string { return merge(config, bootstrapped("one", "apps", spec)) }
	argo := "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: apps, namespace: argocd}\nspec:\n  project: default\n" +
		"  source: {repoURL: \"https://git.example.com/fleet\", path: apps, targetRevision: main}\n  destination: {server: \"https://kubernetes.default.svc\", namespace: shop}\n"
	chart := "# where the shop comes from\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web # the shop\n  namespace: flux-system\nspec:\n  interval: 10m\n" +
		"  targetNamespace: shop\n  chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: web}}}\n"
	release := func(spec string) map[string]string {
		return merge(bootstrapped("one", "apps", ""), map[string]string{
			fleet.ConfigFile: declaredFleet + strings.Replace(fluxCluster("one"), "}", ", releases: [{namespace: flux-system, name: web, rendered: charts/web}]}", 1),
			"apps/web.yaml":  chart + spec, "charts/web/all.yaml": strings.ReplaceAll(strings.ReplaceAll(web, ", namespace: shop", ""), "  namespace: shop\n", ""),
		})
	}
	return map[string]rootKind{
		"a chart": {release("  values: {replicas: 2} # enough\n"), fleet.BySync, "apps/web.yaml"},
		"a chart with post-renderers, and Windows line ends": {
			merge(release(""), map[string]string{"apps/web.yaml": strings.ReplaceAll(chart+"  postRenderers:\n    # ours\n    - kustomize:\n        images:\n          - {name: web, newTag: v2}\n        patches:\n"+
				"          - patch: |-\n              - {op: add, path: /spec/paused, value: false}\n            target: {kind: Deployment}\n  values: {}\n", "\n", "\r\n")}),
			fleet.BySync, "apps/web.yaml",
		},
		"a chart in an overlay": {
			merge(release(""), map[string]string{
				"apps/web.yaml": "", "apps/kustomization.yaml": "namespace: flux-system\nresources: [../base]\n",
				"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": strings.Replace(chart, "  namespace: flux-system\n", "", 1),
			}),
			fleet.BySync, "base/web.yaml",
		},
		"a kustomization": {
			merge(one(""), map[string]string{"apps/kustomization.yaml": "# mine\nresources:\n- web.yaml\n- ledger.yaml", "apps/web.yaml": web, "apps/ledger.yaml": ledger}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"with Windows line ends": {
			merge(one(""), map[string]string{"apps/kustomization.yaml": "# mine\r\nresources:\r\n  - web.yaml # the shop\r\n", "apps/web.yaml": web}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"with transformers already": {
			merge(one(""), map[string]string{
				"apps/kustomization.yaml": "transformers:\n- labels.yaml # all of them\nresources:\n- web.yaml\n", "apps/web.yaml": web,
				"apps/labels.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
			}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"prefixed and namespaced by its kustomization": {
			merge(one(""), map[string]string{"apps/kustomization.yaml": "namePrefix: eu-\nnamespace: market\nresources: [web.yaml]\n", "apps/web.yaml": web}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"prefixed and namespaced by its sync object": {
			merge(one("  namePrefix: eu-\n  targetNamespace: market\n"), map[string]string{"apps/kustomization.yaml": "resources: [web.yaml]\n", "apps/web.yaml": web}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"whose source leaves incident-response out": {
			merge(one(""), map[string]string{".sourceignore": "/incident-response/\n", "apps/kustomization.yaml": "resources: [web.yaml]\n", "apps/web.yaml": web}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"overlay and base": {
			merge(one(""), map[string]string{"apps/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": web}),
			fleet.ByWiring, "apps/kustomization.yaml",
		},
		"a directory that Flux generates for": {
			merge(one(""), map[string]string{"apps/web.yaml": web, "apps/more/ledger.yaml": ledger}),
			fleet.InManifest, "apps/web.yaml",
		},
		"generated and namespaced by the sync object": {
			merge(one("  targetNamespace: market\n"), map[string]string{"apps/web.yaml": web}),
			fleet.InManifest, "apps/web.yaml",
		},
		"a directory with a kustomization below it": {
			merge(one(""), map[string]string{"apps/shop/kustomization.yaml": "resources: [web.yaml]\n", "apps/shop/web.yaml": web, "apps/ledger.yaml": ledger}),
			fleet.ByWiring, "apps/shop/kustomization.yaml",
		},
		"below it, and namespaced by the sync object": {
			merge(one("  targetNamespace: market\n"), map[string]string{"apps/shop/kustomization.yaml": "resources: [web.yaml]\n", "apps/shop/web.yaml": strings.ReplaceAll(strings.ReplaceAll(web, ", namespace: shop", ""), "  namespace: shop\n", "")}),
			fleet.ByWiring, "apps/shop/kustomization.yaml",
		},
		"a directory of Argo CD": {
			map[string]string{
				fleet.ConfigFile:         declaredFleet + "  - {name: one, gitops: argocd, inCluster: true, bootstrap: [clusters/one]}\n",
				"clusters/one/apps.yaml": argo, "apps/web.yaml": strings.ReplaceAll(web, "\n", "\r\n"),
			},
			fleet.InManifest, "apps/web.yaml",
		},
		"shared by two clusters": {
			merge(bootstrapped("one", "apps", ""), bootstrapped("two", "apps", ""), map[string]string{
				fleet.ConfigFile:          declaredFleet + fluxCluster("one") + fluxCluster("two"),
				"apps/kustomization.yaml": "resources: [web.yaml]\n", "apps/web.yaml": web,
			}),
			fleet.BySync, "clusters/one/apps.yaml",
		},
		"shared, patched, prefixed and namespaced by the sync object": {
			merge(bootstrapped("one", "apps", "  targetNamespace: market\n  namePrefix: eu-\n  patches:\n    # ours\n    - patch: |-\n        - {op: replace, path: /spec/replicas, value: 3}\n      target: {kind: Deployment}\n  wait: true\n"),
				bootstrapped("two", "apps", ""), map[string]string{
					fleet.ConfigFile:          declaredFleet + fluxCluster("one") + fluxCluster("two"),
					"apps/kustomization.yaml": "resources: [web.yaml]\n", "apps/web.yaml": web,
				}),
			fleet.BySync, "clusters/one/apps.yaml",
		},
	}
}

// Every kind of root takes a patch, by one small edit of one file, with proof,
// and the release gives the tree from before.
func TestEveryKindOfRootTakesPatches(t *testing.T) {
	c := catalogue(t)
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			f := small(t, k.files)
			ix := index(t, f, "one")
			trials := c.Trials(ix, f.Tree())
			for _, w := range ix.Workloads() {
				for _, action := range []string{"freeze-scale", "freeze-rollout"} {
					trial, err := trials.Try(t.Context(), w, act(action))
					require.NoError(t, err)
					if action == "freeze-scale" && len(w.Autoscaled) == 0 {
						require.Equal(t, render.Unfit, trial.Verdict)
						continue
					}
					require.Equal(t, render.Trial{Verdict: render.Proved, Ways: trial.Ways}, trial, "%s on %s", action, w)
				}
			}
			r := render.Request{
				Incident: incident, Target: ix.Workloads()[0], Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-scale"), act("freeze-rollout")},
			}
			b, proof, after := proved(t, c, r)
			require.NotEmpty(t, b.Edits)
			for _, p := range b.Patches {
				require.Equal(t, k.how, p.Place.How)
			}
			for _, e := range b.Edits {
				require.Equal(t, k.edited, e.File)
			}
			require.GreaterOrEqual(t, len(proof.Changed), 2)
			grows(t, f.Tree(), after, k.edited)
			require.Equal(t, f.Tree().Root(), released(t, after, ix.Cluster(), incident).Root())
		})
	}
}

// grows asserts that of all files outside of incident-response one changed, in
// which every line from before is still there, in order.
func grows(t *testing.T, before, after *gitops.Tree, file string) {
	t.Helper()
	differ, err := before.Diff(t.Context(), after)
	require.NoError(t, err)
	for _, d := range differ {
		if !strings.Contains("/"+d.Path, "/incident-response/") {
			require.Equal(t, gitops.FileChange{Path: file, Change: "edit"}, d)
		}
	}
	rest := must(after.ReadFile(t.Context(), file))
	for line := range strings.Lines(string(must(before.ReadFile(t.Context(), file)))) {
		_, after, found := strings.Cut(string(rest), strings.TrimRight(line, "\n"))
		require.True(t, found, "%q is gone", line)
		rest = []byte(after)
	}
}

// Incidents that come and go in any order leave nothing behind, whatever kind
// of root they were placed in, and whoever edits the files meanwhile keeps what
// they wrote.
func TestEditsComeAndGoInAnyOrder(t *testing.T) {
	c := catalogue(t)
	all := kinds()
	rapid.Check(t, func(rt *rapid.T) {
		k := all[rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(rt, "kind")]
		f := small(rt, k.files)
		cluster, _ := f.Cluster("one")
		tree := f.Tree()
		var open []string
		step := func() {
			id := "20261124-x-0000000" + string(rune('0'+rapid.IntRange(0, 9).Draw(rt, "id")))
			if i := slices.Index(open, id); i >= 0 {
				tree = released(rt, tree, cluster, id)
				open = slices.Delete(open, i, i+1)
				return
			}
			here, err := fleet.Load(context.Background(), tree, fleet.Options{})
			require.NoError(rt, err)
			ix, err := here.Index(context.Background(), "one")
			require.NoError(rt, err)
			actions := []policy.Action{act("freeze-rollout"), act("freeze-scale")}[rapid.IntRange(0, 1).Draw(rt, "from"):]
			for i := range actions {
				actions[i].Optional = true
			}
			r := render.Request{Incident: id, Target: rapid.SampledFrom(ix.Workloads()).Draw(rt, "target"), Index: ix, Tree: tree, Actions: actions}
			b, err := c.Render(context.Background(), r)
			require.NoError(rt, err)
			if len(b.Changes) == 0 {
				return
			}
			after, err := tree.With(context.Background(), b.Changes...)
			require.NoError(rt, err)
			_, err = render.Prove(context.Background(), tree, after, r, b)
			require.NoError(rt, err)
			tree, open = after, append(open, id)
		}
		for range rapid.IntRange(2, 4).Draw(rt, "steps") {
			step()
		}
		for _, id := range rapid.Permutation(open).Draw(rt, "order") {
			tree = released(rt, tree, cluster, id)
		}
		require.Equal(rt, f.Tree().Root(), tree.Root())
	})
}

// A second incident with the same fields in one manifest keeps them until it
// is released itself.
func TestFieldsStayWhileAnIncidentNeedsThem(t *testing.T) {
	c := catalogue(t)
	f := small(t, kinds()["a directory that Flux generates for"].files)
	ix := index(t, f, "one")
	r := render.Request{Incident: incident, Target: workload(t, ix, "shop/web"), Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-rollout")}}
	_, _, one := proved(t, c, r)
	again, err := fleet.Load(t.Context(), one, fleet.Options{})
	require.NoError(t, err)
	const second = "20261124-web-ffffffff"
	r.Incident, r.Tree, r.Index = second, one, index(t, again, "one")
	b, proof, both := proved(t, c, r)
	require.Empty(t, b.Edits)
	require.Len(t, proof.Already, 1)
	left := released(t, both, ix.Cluster(), incident)
	require.Contains(t, string(must(left.ReadFile(t.Context(), "apps/web.yaml"))), "  paused: true\n")
	require.Equal(t, f.Tree().Root(), released(t, left, ix.Cluster(), second).Root())
}

func TestWhatCannotBePlacedOrProvedSaysWhy(t *testing.T) {
	c := catalogue(t)
	all := kinds()
	with := func(kind string, files map[string]string) map[string]string { return merge(all[kind].files, files) }
	for name, k := range map[string]struct {
		files         map[string]string
		target        string
		verdict, want string
	}{
		"the root's own transformer overrides it": {
			with("a kustomization", map[string]string{
				"apps/kustomization.yaml":      "resources: [web.yaml]\ntransformers: [mine]\n",
				"apps/mine/kustomization.yaml": "resources: [p.yaml]\n",
				"apps/mine/p.yaml":             "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: mine}\ntarget: {kind: Deployment}\npatch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": false}]'\n",
			}),
			"shop/web", render.Proved, "", // irgit's runs after it
		},
		"the root's own patch overrides the sync object's": {
			with("shared by two clusters", map[string]string{"apps/kustomization.yaml": "resources: [web.yaml]\ntransformers: [p.yaml]\n", "apps/p.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: mine}\ntarget: {kind: Deployment}\npatch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": false}]'\n"}),
			"shop/web", render.Unproved, "spec.paused: wanted true, got false",
		},
		"what applies the HelmRelease overrides its post-renderers": {
			with("a chart in an overlay", map[string]string{
				"apps/kustomization.yaml": "namespace: flux-system\nresources: [../base]\npatches:\n- target: {kind: HelmRelease}\n  patch: |-\n    - {op: add, path: /spec/postRenderers, value: []}\n",
			}),
			"shop/web", render.Unproved, "spec.postRenderers: wanted",
		},
		"a manifest that makes two HelmReleases": {
			with("a chart in an overlay", map[string]string{
				"apps/kustomization.yaml": "resources: [one, two]\n", "apps/one/kustomization.yaml": "namespace: flux-system\nresources: [../../base]\n",
				"apps/two/kustomization.yaml": "namespace: other\nresources: [../../base]\n",
			}),
			"shop/web", render.Unproved, "HelmRelease other/web: spec.postRenderers: it changes",
		},
		"a manifest that another root makes one of, too": {
			with("a chart in an overlay", map[string]string{
				"clusters/one/more.yaml": kustomization("more", "more", ""), "more/kustomization.yaml": "namespace: other\nresources: [../base]\n",
			}),
			"shop/web", render.Unproved, "more: HelmRelease other/web: spec.postRenderers: it changes",
		},
		"a HelmRelease in braces": {
			with("a chart", map[string]string{"apps/web.yaml": `{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "web", "namespace": "flux-system"}, "spec": {"targetNamespace": "shop"}}`}),
			"shop/web", render.Unplaced, "spec.postRenderers: it is written in braces",
		},
		"a name that the sync object makes": {
			with("a directory that Flux generates for", bootstrapped("one", "apps", "  namePrefix: eu-\n")),
			"shop/eu-web", render.Unplaced, "it does not hold Deployment.apps shop/eu-web",
		},
		"a field would have to go": {
			with("a directory that Flux generates for", map[string]string{"apps/more/ledger.yaml": strings.NewReplacer("StatefulSet", "DaemonSet", "spec:\n", "spec:\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}\n").Replace(ledger)}),
			"shop/ledger", render.Unplaced, "spec.updateStrategy.rollingUpdate would have to go",
		},
		"an object in braces": {
			with("a directory that Flux generates for", map[string]string{"apps/web.yaml": `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}}}`}),
			"shop/web", render.Unplaced, "apps/web.yaml: line 1: spec.paused: it is written in braces",
		},
		"a hook that the controller does not get": {
			with("a kustomization", map[string]string{
				".sourceignore": "/hooks/\n", fleet.ConfigFile: declaredFleet + strings.Replace(fluxCluster("one"), "}", ", roots: [{path: apps, hook: hooks/one}]}", 1),
			}),
			"shop/web", render.Unproved, "does not build any more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := small(t, k.files)
			ix := index(t, f, "one")
			trial, err := c.Trials(ix, f.Tree()).Try(t.Context(), workload(t, ix, k.target), act("freeze-rollout"))
			require.NoError(t, err)
			require.Equal(t, k.verdict, trial.Verdict, trial.Reason)
			require.Contains(t, trial.Reason, k.want)
		})
	}
}

// What a person changed is not guessed at: the release names the place and what
// to do.
func TestAChangedEditIsNotTakenBack(t *testing.T) {
	c := catalogue(t)
	for kind, change := range map[string][2]string{
		"a directory that Flux generates for": {"  paused: true\n", "  paused: true # and leave it so\n"},
		"a kustomization":                     {"incident-response/patches", "./incident-response/patches"},
		"shared by two clusters":              {"paused: true", "paused: false"},
		"a chart":                             {"paused: true", "paused: false"},
	} {
		k := kinds()[kind]
		f := small(t, k.files)
		ix := index(t, f, "one")
		_, _, after := proved(t, c, render.Request{Incident: incident, Target: workload(t, ix, "shop/web"), Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-rollout")}})
		text := string(must(after.ReadFile(t.Context(), k.edited)))
		require.Contains(t, text, change[0], kind)
		after, err := after.With(t.Context(), gitops.Change{Path: k.edited, Content: []byte(strings.Replace(text, change[0], change[1], 1))})
		require.NoError(t, err)
		_, err = render.Release(t.Context(), after, ix.Cluster(), incident)
		var refused *textedit.Refusal
		require.ErrorAs(t, err, &refused, kind)
		require.Equal(t, k.edited, refused.File)
		require.Positive(t, refused.Line, kind)
		require.Contains(t, refused.Step, "incident-response/")
	}
}

// Whoever can push can list an edit that was never made: irgit writes nothing
// that it would not take back of its own.
func TestThreatEditsThatWereNeverMadeAreNotTakenBack(t *testing.T) {
	c := catalogue(t)
	k := kinds()["a directory that Flux generates for"]
	f := small(t, k.files)
	ix := index(t, f, "one")
	_, _, after := proved(t, c, render.Request{Incident: incident, Target: workload(t, ix, "shop/web"), Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-rollout")}})
	list := "incident-response/one/" + incident + "/edits.yaml"
	text := string(must(after.ReadFile(t.Context(), list)))
	for name, change := range map[string][2]string{
		"an image":        {"- spec\n", "- spec\n          - template\n          - spec\n          - containers\n          - \"0\"\n"},
		"another kind":    {"kind: Deployment", "kind: Secret"},
		"more text":       {"        new: ", "        old: '# mine'\n        new: "},
		"another way":     {"how: manifest", "how: any"},
		"an unknown word": {"how: manifest", "how: manifest\n    why: x"},
	} {
		forged := strings.Replace(text, change[0], change[1], 1)
		require.NotEqual(t, text, forged, "%s: %s", name, text)
		tree, err := after.With(t.Context(), gitops.Change{Path: list, Content: []byte(forged)})
		require.NoError(t, err)
		_, err = render.Release(t.Context(), tree, ix.Cluster(), incident)
		var refused *textedit.Refusal
		var odd *fleet.HookError
		require.True(t, errors.As(err, &refused) || errors.As(err, &odd), "%s: %v", name, err)
	}
}

// A list of edits cannot have a post-renderer taken out that a team wrote, nor
// one that irgit writes nowhere.
func TestThreatPostRenderersOfOthersAreNotTakenOut(t *testing.T) {
	c := catalogue(t)
	f := small(t, kinds()["a chart with post-renderers, and Windows line ends"].files)
	ix := index(t, f, "one")
	_, _, after := proved(t, c, render.Request{Incident: incident, Target: workload(t, ix, "shop/web"), Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-rollout")}})
	list := "incident-response/one/" + incident + "/edits.yaml"
	text := string(must(after.ReadFile(t.Context(), list)))
	for name, change := range map[string][2]string{
		"one of the team":       {"                  # Incident " + incident + ", action freeze-rollout. Written by irgit, which removes it again.\n", ""},
		"images beside it":      {"          kustomize:\n", "          kustomize:\n            images: [{name: web, newTag: v2}]\n"},
		"two patches":           {"            patches:\n", "            patches:\n              - {patch: x, target: {kind: x, name: x}}\n"},
		"no target":             {"                  kind: \"^Deployment$\"\n", ""},
		"another list":          {"          - postRenderers\n", "          - valuesFrom\n"},
		"patches of such a one": {"          - postRenderers\n", "          - patches\n"},
		"another kind":          {"kind: HelmRelease", "kind: Kustomization"},
		"another group":         {"group: helm.toolkit.fluxcd.io", "group: kustomize.toolkit.fluxcd.io"},
	} {
		forged := strings.Replace(text, change[0], change[1], 1)
		require.NotEqual(t, text, forged, "%s: %s", name, text)
		tree, err := after.With(t.Context(), gitops.Change{Path: list, Content: []byte(forged)})
		require.NoError(t, err)
		_, err = render.Release(t.Context(), tree, ix.Cluster(), incident)
		var odd *fleet.HookError
		require.ErrorAs(t, err, &odd, name)
		require.Contains(t, odd.Reason, "an edit that irgit does not make", name)
	}
}

// What the reviewer has to know of a chart is said, once.
func TestWhatAChartMeansIsSaid(t *testing.T) {
	files := kinds()["a chart"].files
	files["apps/web.yaml"] += "  upgrade: {remediation: {retries: 2, strategy: uninstall}}\n"
	f := small(t, files)
	ix := index(t, f, "one")
	r := render.Request{Incident: incident, Target: workload(t, ix, "shop/web"), Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-scale"), act("freeze-rollout")}}
	b, _, _ := proved(t, catalogue(t), r)
	require.Len(t, b.Steps[0].Warnings, 3)
	require.Contains(t, b.Steps[0].Warnings[0], "HelmRelease flux-system/web takes the patch: helm-controller upgrades the release for it")
	require.Contains(t, b.Steps[0].Warnings[1], "by uninstalling the release, with all that is to be looked at")
	require.Contains(t, b.Steps[0].Warnings[2], "is taken from charts/web, as the team keeps it there: irgit does not see the chart itself")
	require.Empty(t, b.Steps[1].Warnings)

	r.Actions = []policy.Action{act("quarantine")} // which patches nothing
	b, _, _ = proved(t, catalogue(t), r)
	said := strings.Join(b.Steps[0].Warnings, "\n")
	require.Contains(t, said, "is taken from charts/web")
	require.NotContains(t, said, "takes the patch")
}

// A root of which a part lies elsewhere is patched, and the reviewer is told
// what the proof does not cover.
func TestRootsThatBuildInPartAreSaidToBe(t *testing.T) {
	f := small(t, merge(kinds()["a kustomization"].files, map[string]string{
		"apps/kustomization.yaml": "resources: [web.yaml, \"https://example.com/more.yaml\"]\n",
	}))
	ix := index(t, f, "one")
	b, proof, _ := proved(t, catalogue(t), render.Request{
		Incident: incident, Target: workload(t, ix, "shop/web"), Index: ix, Tree: f.Tree(), Actions: []policy.Action{act("freeze-rollout")},
	})
	require.Len(t, proof.Changed, 1)
	require.Len(t, b.Steps[0].Warnings, 1)
	require.Contains(t, b.Steps[0].Warnings[0], "a part of root apps lies outside of the repository")
	require.Contains(t, b.Steps[0].Warnings[0], "https://example.com/more.yaml")
}
