package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/render"
)

// verify holds main against the key that the world signs with.
func (w *world) verify(after string) *incident.Verification {
	w.t.Helper()
	public, ok := w.options.Signer.(interface{ Public() string })
	require.True(w.t, ok)
	signers, err := gitops.NewVerifier([]byte("irgit@example.com namespaces=\"git\" "+public.Public()), nil)
	require.NoError(w.t, err)
	v, err := w.engine().Verify(w.t.Context(), signers, gitops.Revision(after))
	require.NoError(w.t, err)
	return v
}

// failures are those of a verification, as check and problem.
func failures(v *incident.Verification) string {
	var out []string
	for _, f := range v.Failures {
		out = append(out, string(f.Check)+": "+f.Problem)
	}
	return strings.Join(out, "\n")
}

// The whole history of two incidents, updated, grafted anew and released, holds
// as it was written; so does what is left after any commit of it.
func TestVerifyTakesWhatIrgitDid(t *testing.T) {
	w := unprepared(t)
	var ids, branches []string
	for _, rule := range []string{"Hold it", "Stop it"} {
		a := shell()
		a.rule = rule
		o := w.respond(a.String())[0]
		ids, branches = append(ids, o.Incident.ID), append(branches, o.Incident.Branch)
	}
	later := shell()
	later.rule, later.at = "Stop it", night.Add(time.Hour)
	require.Equal(t, incident.Updated, w.respond(later.String())[0].State)
	w.merge(branches[0])
	w.reconcile()
	middle := w.git("rev-parse", "main")
	w.merge(branches[1])
	w.at(night.Add(26 * time.Hour))
	w.reconcile()
	w.merge("irgit/release/" + ids[0])
	v := w.verify("")
	require.Empty(t, failures(v))
	require.Len(t, v.Commits, 5)
	require.Equal(t, "irgit@example.com", v.Commits[0].Signer)

	v = w.verify(middle)
	require.Empty(t, failures(v))
	require.Len(t, v.Commits, 4)
}

// J4, J7, and what a person with access to the base branch may do: each is
// found, named, and found by the check that is for it.
func TestThreatJ7VerifyFindsWhatIrgitDidNotDo(t *testing.T) {
	record := func(id string) string { return "incident-response/prod-eu/" + id + "/incident.yaml" }
	for name, c := range map[string]struct {
		do   func(w *world, o *incident.Outcome)
		want string
	}{
		"a manifest is edited on the base": {func(w *world, o *incident.Outcome) {
			file := "incident-response/prod-eu/" + o.Incident.ID + "/contain/authorizationpolicy.yaml"
			text := w.git("show", "main:"+file)
			require.NoError(w.t, gittest.Commit(w.t.Context(), w.bare, "main", "Tidy", map[string][]byte{file: []byte(strings.Replace(text, "DENY", "AUDIT", 1) + "\n")}))
		}, "base: incident-response/prod-eu/ID of main is not what a commit that passed has put there"},
		"the record is gone": {func(w *world, o *incident.Outcome) {
			tree := w.git("rev-parse", "main~1^{tree}")
			w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", "Clean up", tree))
		}, "base: it was merged, and main holds neither the incident nor its record any more"},
		"a record appears": {func(w *world, o *incident.Outcome) {
			text := strings.ReplaceAll(w.git("show", "main:"+record(o.Incident.ID)), o.Incident.Key, "00000000")
			require.NoError(w.t, gittest.Commit(w.t.Context(), w.bare, "main", "Never happened", map[string][]byte{"incident-response/history/2026/20261123-payments-00000000.yaml": []byte(text)}))
		}, "base: incident-response/history/2026/20261123-payments-00000000.yaml of main is not"},
		"a commit says that it is irgit's": {func(w *world, o *incident.Outcome) {
			message := w.git("log", "-1", "--format=%B", o.Incident.Branch)
			w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", message, "main^{tree}"))
		}, "signature: it is not signed"},
		"a good key signs other content": {func(w *world, o *incident.Outcome) {
			remote, err := gitops.Open(w.t.Context(), gitops.Options{URL: w.bare})
			require.NoError(w.t, err)
			spec := gitops.CommitSpec{
				Parent: gitops.Revision(w.git("rev-parse", "main")), Signer: w.options.Signer, Message: w.git("log", "-1", "--format=%B", o.Incident.Branch) + "\n",
				Author:  gitops.Signature{Name: "irgit", Email: "irgit@example.com", When: night},
				Changes: []gitops.Change{{Path: "incident-response/prod-eu/" + o.Incident.ID + "/contain/more.yaml", Content: []byte("x")}},
			}
			commit, err := remote.Commit(w.t.Context(), spec)
			require.NoError(w.t, err)
			require.NoError(w.t, remote.Push(w.t.Context(), gitops.Update{Branch: "irgit/other", New: commit.Revision}))
			w.git("update-ref", "refs/heads/main", string(commit.Revision))
		}, "content: rendering the record again gives something else: incident-response/prod-eu/ID/contain/more.yaml"},
		"a good key signs another record": {func(w *world, o *incident.Outcome) {
			remote, err := gitops.Open(w.t.Context(), gitops.Options{URL: w.bare})
			require.NoError(w.t, err)
			text := strings.Replace(w.git("show", "main:"+record(o.Incident.ID)), "severity: ", "previous: sha256:00\n  severity: ", 1)
			spec := gitops.CommitSpec{
				Parent: gitops.Revision(w.git("rev-parse", "main")), Signer: w.options.Signer, Message: w.git("log", "-1", "--format=%B", o.Incident.Branch) + "\n",
				Author:  gitops.Signature{Name: "irgit", Email: "irgit@example.com", When: night},
				Changes: []gitops.Change{{Path: record(o.Incident.ID), Content: []byte(text + "\n")}},
			}
			commit, err := remote.Commit(w.t.Context(), spec)
			require.NoError(w.t, err)
			require.NoError(w.t, remote.Push(w.t.Context(), gitops.Update{Branch: "irgit/other", New: commit.Revision}))
			w.git("update-ref", "refs/heads/main", string(commit.Revision))
		}, "chain: the record says that the one before it was sha256:00"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			o := w.respond(shell().String())[0]
			w.merge(o.Incident.Branch)
			require.Empty(t, failures(w.verify("")))
			c.do(w, o)
			require.Contains(t, failures(w.verify("")), strings.ReplaceAll(c.want, "ID", o.Incident.ID))
		})
	}
}

// Another template than the one that was rendered is no forgery, and no proof.
func TestVerifyNamesTheVersionThatItWouldTake(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0]
	w.merge(o.Incident.Branch)
	w.options.Actions = catalogueWith(t, "freeze-rollout", "so that its pods stay", "so that all of its pods stay")
	w.options.Policies = builtIn(t, w.options.Actions)
	require.Contains(t, failures(w.verify("")), "content: it was rendered with another template of freeze-rollout")
	require.Contains(t, failures(w.verify("")), "verify it with irgit test")
}

// catalogueWith is the built-in catalogue with one template's text changed.
func catalogueWith(t *testing.T, action, from, to string) *render.Catalogue {
	t.Helper()
	sources, err := render.Sources()
	require.NoError(t, err)
	for i, s := range sources {
		if strings.HasSuffix(s.Name, action+".yaml") {
			require.Contains(t, string(s.Data), from)
			sources[i].Data = []byte(strings.Replace(string(s.Data), from, to, 1))
		}
	}
	c, problems := render.Load(sources)
	require.Empty(t, problems)
	return c
}
