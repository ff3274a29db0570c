package incident_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge/forgetest"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
)

func at(hours int) falco {
	a := shell()
	a.at = night.Add(time.Duration(hours) * time.Hour)
	return a
}

// edit puts a commit of somebody else on a branch, with the first n of old in
// the file changed to now; all of them for -1.
func (w *world) edit(branch, message, file, old, now string, n int) {
	w.t.Helper()
	content := w.git("show", branch+":"+file) + "\n"
	require.Contains(w.t, content, old)
	files := map[string][]byte{file: []byte(strings.Replace(content, old, now, n))}
	require.NoError(w.t, gittest.Commit(w.t.Context(), w.bare, branch, message+"\n", files))
}

// A branch that was merged and whose incident is over contains nothing when it
// is merged again: it is not continued.
func TestABranchWhoseIncidentIsOverIsNotReused(t *testing.T) {
	for name, end := range map[string]func(*world, *incident.Outcome){
		"released": func(w *world, o *incident.Outcome) { w.merge(w.release(o.Incident.ID).Incident.Branch) },
		"reverted": func(w *world, _ *incident.Outcome) {
			w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", "Revert", "main^1^{tree}"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			first := w.respond(shell().String())[0]
			w.merge(first.Incident.Branch)
			end(w, first)
			for _, alert := range []falco{shell(), at(1)} {
				next := w.respond(alert.String())[0]
				require.NotEqual(t, first.Incident.ID, next.Incident.ID, next.Reason)
				require.Contains(t, w.git("diff", "--name-only", "main..."+next.Incident.Branch), "/contain/authorizationpolicy.yaml")
			}
		})
	}
}

// Anybody who may push can write a record; irgit signs nothing that one says
// about another workload, another policy or another time.
func TestARecordThatLiesIsNotFollowed(t *testing.T) {
	for name, edit := range map[string][2]string{
		"about the workload": {"name: payments\n    namespace: payments", "name: frontend\n    namespace: web"},
		"about the policy":   {"name: terminal-shell", "name: other"},
		"about the time":     {`expires: "2026-`, `expires: "2099-`},
		"about the cluster":  {"cluster: prod-eu\n  target", "cluster: prod-us\n  target"},
		"with a new field":   {"status: open", "status: open\n  stauts: x"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			first := w.respond(shell().String())[0]
			record := "incident-response/prod-eu/" + first.Incident.ID + "/incident.yaml"
			w.edit(first.Incident.Branch, "edit\n\nIrgit-Incident: "+first.Incident.ID, record, edit[0], edit[1], 1)
			before := w.git("rev-parse", first.Incident.Branch)
			next := w.respond(at(1).String())[0]
			require.Equal(t, incident.Proposed, next.State, next.Reason)
			require.NotEqual(t, first.Incident.Branch, next.Incident.Branch)
			require.Equal(t, "Deployment payments/payments", next.Incident.Target)
			require.Contains(t, strings.Join(next.Warnings, "\n"), "is not taken for this incident")
			require.Equal(t, before, w.git("rev-parse", first.Incident.Branch))
		})
	}
}

// A record that was edited within its bounds is on a branch that irgit did not
// make: it is left alone, whatever trailers the commit carries.
func TestATipWithoutOurSignatureIsLeftAlone(t *testing.T) {
	w := newWorld(t, nil)
	first := w.respond(shell().String())[0]
	message := w.git("log", "-1", "--format=%B", first.Incident.Branch)
	require.NoError(t, gittest.Commit(t.Context(), w.bare, first.Incident.Branch, message+"\n", map[string][]byte{"README.md": []byte("tuned\n")}))
	next := w.respond(at(1).String())[0]
	require.Equal(t, incident.Unchanged, next.State)
	require.Contains(t, next.Reason, "not irgit's")
}

// A branch of the key with nothing of irgit's on it does not stand in the way.
func TestASquattedBranchHidesNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.options.DryRun = true
	id := w.respond(shell().String())[0].Incident.ID
	w.options.DryRun = false
	for _, branch := range []string{"irgit/" + id, "irgit/00000000-x-" + id[len(id)-8:]} {
		w.git("update-ref", "refs/heads/"+branch, w.git("commit-tree", "-p", "main", "-m", "squat", "main^{tree}"))
	}
	o := w.respond(shell().String())[0]
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.NotEqual(t, id, o.Incident.ID)
	require.Contains(t, strings.Join(o.Warnings, "\n"), "is not taken for this incident")
	require.Equal(t, incident.Unchanged, w.respond(shell().String())[0].State, "and the real one is found again")
}

func TestGuardrailsTightenedMeanwhileHold(t *testing.T) {
	w := newWorld(t, nil)
	w.respond(shell().String())
	w.options.Policies = builtIn(t, w.options.Actions, `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata:
  name: terminal-shell
spec:
  description: nothing of payments any more
  tier: isolate
  match:
    rules: [Terminal shell in container]
  response:
    - action: freeze-rollout
  guardrails:
    protectedNamespaces: [payments]
  expiry: 24h
`)
	before := w.refs()
	o := w.respond(at(1).String())[0]
	require.Equal(t, incident.Refused, o.State, o.Reason)
	require.Equal(t, incident.Guardrail, o.Fault)
	require.Equal(t, before, w.refs())
}

func TestAnUpdateDescribesTheWholeProposal(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	first := w.respond(shell().String())[0]
	second := w.respond(at(1).String())[0]
	require.Len(t, second.Files, 1)
	require.Len(t, second.Document.Files, len(first.Files), "the reviewer sees all files of the pull request")
	require.Contains(t, hub.PullRequests()[0].Body, "Files of the commit: 9")
	require.Contains(t, second.Patch, "new file mode 100644")
}

func TestTheSameInputTwiceChangesNothingHoweverLarge(t *testing.T) {
	w := newWorld(t, nil)
	var lines []string
	for i := range 1005 {
		a := shell()
		a.at = night.Add(time.Duration(i) * time.Second)
		lines = append(lines, a.String())
	}
	lines = append(lines, lines[0])
	states := map[incident.State]int{}
	for _, o := range w.respond(strings.Join(lines, "\n")) {
		states[o.State]++
	}
	require.Equal(t, map[incident.State]int{incident.Proposed: 1, incident.Updated: 999, incident.Unchanged: 6}, states)
	before := w.refs()
	for _, o := range w.respond(strings.Join(lines, "\n")) {
		require.Equal(t, incident.Unchanged, o.State)
	}
	require.Equal(t, before, w.refs())
}

// A release whose pull request could not be opened is proposed by the next run,
// once; a branch that is not irgit's is no release.
func TestAReleaseIsTakenUpAgain(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	o := w.respond(shell().String())[0]
	w.merge(o.Incident.Branch)
	hub.Merge(1)
	hub.Fail(forgetest.Fault{Method: http.MethodPost, Path: "/pulls", Status: http.StatusUnprocessableEntity, Message: "no"})
	engine, err := incident.New(w.options)
	require.NoError(t, err)
	_, err = engine.Release(t.Context(), o.Incident.ID)
	require.ErrorContains(t, err, "is on branch irgit/release/")
	w.options.Now = func() time.Time { return night.Add(48 * time.Hour) }
	again := w.release(o.Incident.ID)
	require.Equal(t, incident.Unchanged, again.State)
	require.Equal(t, 2, again.Incident.PullRequest.Number)
	require.Len(t, hub.PullRequests(), 2)
	hub.Close(2)
	require.Equal(t, incident.Vetoed, w.release(o.Incident.ID).State)

	branch := "refs/heads/irgit/release/" + o.Incident.ID
	w.git("update-ref", branch, w.git("rev-parse", "main"))
	engine, err = incident.New(w.options)
	require.NoError(t, err)
	_, err = engine.Release(t.Context(), o.Incident.ID)
	require.ErrorContains(t, err, "is not irgit's release")
}

// H3: a secret that shows only when two fields stand side by side costs the
// alert its evidence, and no other alert its own.
func TestThreatH3AJoinedSecretCostsOneAlertItsEvidence(t *testing.T) {
	w := newWorld(t, nil)
	w.respond(shell().String())
	joined := at(1)
	joined.fields = map[string]any{"app.cookie": "hunter2" + "canary"}
	o := w.respond(joined.String())[0]
	require.Equal(t, incident.Updated, o.State, o.Reason)
	record := w.git("show", fmt.Sprintf("%s:incident-response/prod-eu/%s/incident.yaml", o.Incident.Branch, o.Incident.ID))
	require.Contains(t, record, "alertCount: 2")
	require.NotContains(t, record, "canary")
	require.Equal(t, 1, strings.Count(record, "output: a shell")+strings.Count(record, `output: "a shell"`), "the first alert keeps its evidence:\n%s", record)
}

// A workload may be called what other tools take for a command.
func TestThreatC5NamesThatAreCommandsAreContained(t *testing.T) {
	for _, name := range []string{"skip-checks", "change-id", "argocd-gpg-seal"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{
				"apps/base/web/more.yaml":          strings.ReplaceAll(deployment, "APP", name),
				"apps/base/web/kustomization.yaml": "namespace: web\nresources:\n- namespace.yaml\n- more.yaml\n- frontend.yaml\n",
			})
			o := w.respond(falco{cluster: "prod-eu", namespace: "web", pod: name + "-6d4cf56db6-x2x9p"}.String())[0]
			require.Equal(t, incident.Proposed, o.State, o.Reason)
			message := strings.ToLower(w.git("log", "-1", "--format=%B", o.Incident.Branch))
			require.NotContains(t, message, "argocd-gpg-seal")
			require.NotRegexp(t, `(?m)^(skip-checks|change-id)`, message)
		})
	}
}
