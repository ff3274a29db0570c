package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
)

const freeze = `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata:
  name: NAME
spec:
  description: hold it still while it is looked at
  tier: freeze
  match:
    rules: ["RULE"]
  response:
    - action: freeze-rollout
  expiry: 24h
`

const (
	appsFile = "apps/prod-eu/kustomization.yaml"
	appsHook = "incident-response/patches/prod-eu/apps/kustomization.yaml"
	unwired  = "# what prod-eu runs\r\nresources:\r\n  - ../base/payments # money\r\n  - ../base/web\r\n"
)

// unprepared is a fleet in which no root of prod-eu names a hook.
func unprepared(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, map[string]string{appsFile: unwired, appsHook: ""})
	var policies []string
	for name, rule := range map[string]string{"hold": "Hold*", "hold-too": "Stop*"} {
		policies = append(policies, strings.NewReplacer("NAME", name, "RULE", rule).Replace(freeze))
	}
	w.options.Policies = builtIn(t, w.options.Actions, policies...)
	return w
}

// A fleet that nobody prepared: the first incident wires the team's file by one
// edit, the second needs none, and whichever is released last takes it back.
func TestAnUnpreparedFleetIsWiredAndRestored(t *testing.T) {
	for name, order := range map[string][]int{"in order": {0, 1}, "the other way round": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			w := unprepared(t)
			before := w.git("rev-parse", "main")
			var ids []string
			for i, rule := range []string{"Hold it", "Stop it"} {
				a := shell()
				a.rule = rule
				o := w.respond(a.String())[0]
				require.Equal(t, incident.Proposed, o.State, o.Reason)
				require.Equal(t, incident.Unchanged, w.respond(a.String())[0].State, "it is a function of its input")
				changed := w.git("diff", "--name-only", "main", o.Incident.Branch, "--", ":!incident-response")
				if i == 0 {
					require.Equal(t, appsFile, changed)
					require.Contains(t, o.Document.Edits[0].Added, "  - ../../incident-response/patches/prod-eu/apps")
					require.Contains(t, w.git("log", "-1", "--format=%B", o.Incident.Branch), appsFile+", line 5: names")
					record := w.git("show", o.Incident.Branch+":incident-response/prod-eu/"+o.Incident.ID+"/incident.yaml")
					require.Contains(t, record, "  edits:\n    - added:\n        - \"transformers:\"\n        - \"  - ../../incident-response/patches/prod-eu/apps\"\n      file: "+appsFile)
				} else {
					require.Empty(t, changed)
				}
				w.merge(o.Incident.Branch)
				ids = append(ids, o.Incident.ID)
			}
			for _, i := range order {
				w.merge(w.release(ids[i]).Incident.Branch)
			}
			left := w.git("diff", "--name-status", before, "main")
			require.Equal(t, "A\tincident-response/history/2026/"+ids[0]+".yaml\nA\tincident-response/history/2026/"+ids[1]+".yaml", sortedLines(left))
		})
	}
}

func sortedLines(s string) string {
	all := strings.Split(s, "\n")
	if len(all) == 2 && all[0] > all[1] {
		all[0], all[1] = all[1], all[0]
	}
	return strings.Join(all, "\n")
}

// An incident that goes on keeps its edit, and says that it would be another
// one only if it were.
func TestAnEditSurvivesMoreAlertsAndAnotherBase(t *testing.T) {
	w := unprepared(t)
	a := shell()
	a.rule = "Hold it"
	first := w.respond(a.String())[0]
	require.Equal(t, incident.Proposed, first.State, first.Reason)
	require.NoError(t, gittest.Commit(t.Context(), w.bare, "main", "note\n", map[string][]byte{appsFile: []byte("# seen\r\n" + unwired)}))
	a.at = night.Add(time.Hour)
	next := w.respond(a.String())[0]
	require.Equal(t, incident.Updated, next.State, next.Reason)
	require.NotContains(t, next.Reason, "grafted")
	require.Equal(t, incident.Unchanged, w.respond(a.String())[0].State, "the text around its edit is not the edit")
	w.merge(next.Incident.Branch)
	require.Contains(t, w.git("show", "main:"+appsFile), "# seen")
	w.merge(w.release(next.Incident.ID).Incident.Branch)
	require.Equal(t, strings.TrimRight("# seen\r\n"+unwired, "\n"), w.git("show", "main:"+appsFile))
}

// What a person changed is left to people, with the place and the way out.
func TestAReleaseDoesNotGuess(t *testing.T) {
	w := unprepared(t)
	a := shell()
	a.rule = "Hold it"
	o := w.respond(a.String())[0]
	w.merge(o.Incident.Branch)
	w.edit("main", "tidy", appsFile, "transformers:\r\n", "transformers: # irgit's\r\n", 1)
	w.edit("main", "tidy", appsFile, "- ../../incident-response", "- ./../../incident-response", 1)
	engine, err := incident.New(w.options)
	require.NoError(t, err)
	_, err = engine.Release(t.Context(), o.Incident.ID)
	require.ErrorContains(t, err, appsFile+":6: transformers: ")
	require.ErrorContains(t, err, "then remove it from incident-response/patches/prod-eu/apps/wiring.yaml")
}

// A reviewer is told that what applies the workload is suspended: merging
// would change nothing in the cluster.
func TestASuspendedTargetIsAWarning(t *testing.T) {
	all, err := examples.Fleet()
	require.NoError(t, err)
	const file = "clusters/prod-eu/apps.yaml"
	text := string(all[file])
	w := newWorld(t, map[string]string{file: strings.Replace(text, "spec:\n", "spec:\n  suspend: true\n", 1)})
	w.options.Policies = builtIn(t, w.options.Actions, strings.NewReplacer("NAME", "hold", "RULE", "Hold*").Replace(freeze))
	a := shell()
	a.rule = "Hold it"
	o := w.respond(a.String())[0]
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.Contains(t, o.Document.Warnings, "a patch will not arrive ("+file+"): Kustomization flux-system/apps: applies nothing now: spec.suspend is true. To have it there: resume it")
}
