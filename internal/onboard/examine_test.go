package onboard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/onboard"
)

func TestExamine(t *testing.T) {
	flux, argo := plan(t, fluxFleet()), plan(t, argoFleet())
	ready := func(s *onboard.Setup, from map[string]string) map[string]string {
		out := with(from)
		for name, text := range contents(s) {
			out[name] = text
		}
		return out
	}
	eu, us := ready(flux, fluxFleet()), ready(argo, argoFleet())
	require.Empty(t, wrong(t, treeOf(t, eu)))
	require.Empty(t, wrong(t, treeOf(t, us)))
	edit := func(files map[string]string, name, from, to string) map[string]string {
		require.Contains(t, files[name], from)
		return with(files, name, strings.Replace(files[name], from, to, 1))
	}
	without := func(files map[string]string, name string) map[string]string {
		out := with(files)
		delete(out, name)
		return out
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  onboard.Finding
	}{
		"unwired": {
			edit(eu, "apps/eu/kustomization.yaml", "transformers:\n- ../../incident-response/patches/eu/apps\n", ""),
			onboard.Finding{
				Where: "apps/eu/kustomization.yaml", What: "it does not name irgit's hook incident-response/patches/eu/apps in transformers", Wrong: true,
				Mend: "add `transformers: [../../incident-response/patches/eu/apps]` to it, and a kustomization.yaml to the hook: run irgit init",
			},
		},
		"not applied": {
			without(eu, "clusters/eu/incident-response.yaml"),
			onboard.Finding{Where: "clusters/eu", What: "nothing that starts there has the controller apply incident-response/eu", Mend: "run irgit init", Wrong: true},
		},
		"no directory": {
			without(eu, "incident-response/eu/README.md"),
			onboard.Finding{Where: "incident-response/eu", What: "the directory is not in the base", Mend: "put a README.md there, and have the controller of eu apply it: run irgit init", Wrong: true},
		},
		"suspended": {
			edit(eu, "clusters/eu/incident-response.yaml", "  prune: true", "  suspend: true\n  prune: true"),
			onboard.Finding{Where: "incident-response/eu", What: "Kustomization flux-system/incident-response applies nothing now: spec.suspend is true", Mend: "resume it", Wrong: true},
		},
		"a root suspended": {
			edit(eu, "clusters/eu/apps.yaml", "prune: true", "prune: true, suspend: true"),
			onboard.Finding{Where: "clusters/eu/apps.yaml", What: "Kustomization flux-system/apps: applies nothing now: spec.suspend is true", Mend: "resume it", Wrong: true},
		},
		"not shipped": {
			with(eu, ".sourceignore", "/incident-response/eu\n"),
			onboard.Finding{
				Where: "incident-response/eu", What: "the source of Kustomization flux-system/incident-response leaves it out, or a part of it", Wrong: true,
				Mend: "let .sourceignore, spec.ignore or the sparse checkout ship incident-response/: run irgit init",
			},
		},
		"a kind forbidden": {
			edit(us, "argo/incident-response.yaml", "    - group: security.istio.io\n      kind: AuthorizationPolicy\n", ""),
			onboard.Finding{
				Where: "incident-response/us", Wrong: true, Mend: "add it to spec.namespaceResourceWhitelist",
				What: "Application argo/irgit-<incident> is of AppProject incident-response-us, which permits no AuthorizationPolicy.security.istio.io among objects in namespaces",
			},
		},
		"a kind of the cluster forbidden": {
			edit(us, "argo/incident-response.yaml", "    - group: admissionregistration.k8s.io\n      kind: ValidatingAdmissionPolicy\n", ""),
			onboard.Finding{
				Where: "incident-response/us", Wrong: true, Mend: "add it to spec.clusterResourceWhitelist",
				What: "Application argo/irgit-<incident> is of AppProject incident-response-us, which permits no ValidatingAdmissionPolicy.admissionregistration.k8s.io among objects of the cluster",
			},
		},
		"by hand": {
			edit(us, "argo/incident-response.yaml", "        automated:\n          allowEmpty: true\n          prune: true\n          selfHeal: true\n", ""),
			onboard.Finding{
				Where: "incident-response/us", What: "Application argo/irgit-<incident> waits for somebody to sync it: spec.syncPolicy.automated is not set",
				Mend: "sync it by hand after the merge", Wrong: true,
			},
		},
		"a field ignored": {
			edit(us, "argo/apps.yaml", "  syncPolicy: {automated: {prune: true}}\n", "  syncPolicy: {automated: {prune: true}, syncOptions: [RespectIgnoreDifferences=true]}\n  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/paused]}]\n"),
			onboard.Finding{
				Where: "argo/apps.yaml", What: "Application argo/apps: ignores /spec/paused and never applies it",
				Mend: "take it out of the ignored differences", Wrong: true,
			},
		},
		"not built": {
			with(eu, "apps/eu/kustomization.yaml", "resources: [gone.yaml]\n"),
			onboard.Finding{Where: "apps/eu/kustomization.yaml", What: "", Mend: "repair the root apps/eu: until then no alert finds all of its workloads", Wrong: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := wrong(t, treeOf(t, c.files))
			if c.want.What == "" {
				require.Len(t, found, 1)
				found[0].What = ""
			}
			require.Contains(t, found, c.want)
		})
	}
}

// What lies outside of Git is said, and is not wrong.
func TestExamineTellsUnknownFromWrong(t *testing.T) {
	files := with(fluxFleet(), "clusters/eu/other.yaml", strings.Replace(kustomization("other", "x"), "name: flux-system}}", "name: elsewhere}}", 1))
	s := plan(t, files)
	require.Len(t, s.Document.Unknown, 1)
	require.Contains(t, contents(s)[fleet.ConfigFile], "# clusters/eu/other.yaml: Kustomization flux-system/other: ")
	require.Empty(t, wrong(t, s.After))
	reports, err := onboard.Examine(t.Context(), load(t, s.After))
	require.NoError(t, err)
	require.Len(t, reports[0].Findings, 1)
	require.NotEmpty(t, reports[0].Findings[0].Mend)
}
