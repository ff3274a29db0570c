package incident_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/kustomize"
)

// hold is an alert that the policy hold answers, stop one that hold-too does.
func hold(a falco) falco {
	a.rule = "Hold it"
	return a
}

func stop(a falco) falco {
	a.rule = "Stop it"
	return a
}

func frontend() falco {
	return falco{cluster: "prod-eu", namespace: "web", pod: "frontend-7c9d8b5f4-vm2xk"}
}

// conflict is what git says of a branch that it cannot merge.
func (w *world) conflict(branch string) string {
	w.t.Helper()
	out, err := gittest.Git(w.t.Context(), w.dir, "--git-dir", w.bare, "merge-tree", "--write-tree", "main", branch)
	require.Error(w.t, err)
	return out
}

// squash merges a branch as one commit.
func (w *world) squash(branch string) {
	w.t.Helper()
	tree := w.git("merge-tree", "--write-tree", "main", branch)
	w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", "Squash "+branch, tree))
}

// rebase replays a branch's commits on main; it may fail.
func (w *world) rebase(branch string) error {
	w.t.Helper()
	clone := w.clone()
	if _, err := gittest.Git(w.t.Context(), clone, "rebase", "origin/main", "origin/"+branch); err != nil {
		return err
	}
	_, err := gittest.Git(w.t.Context(), clone, "push", "-q", "origin", "HEAD:main")
	return err
}

// paused are the Deployments of prod-eu that main holds still.
func (w *world) paused() (names []string) {
	w.t.Helper()
	r, err := gitops.Open(w.t.Context(), w.options.Git)
	require.NoError(w.t, err)
	_, at, err := r.Base("")
	require.NoError(w.t, err)
	tree, err := r.Tree(w.t.Context(), at)
	require.NoError(w.t, err)
	built, err := kustomize.Build(w.t.Context(), tree, "apps/prod-eu", kustomize.Options{})
	require.NoError(w.t, err)
	for _, o := range built.Objects {
		if paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); paused {
			names = append(names, o.GetName())
		}
	}
	slices.Sort(names)
	return names
}

// grafted answers an alert again and checks what is to be of every re-graft.
func (w *world) grafted(a falco, tip string) *incident.Outcome {
	w.t.Helper()
	o := w.respond(a.String())[0]
	branch := o.Incident.Branch
	require.Equal(w.t, incident.Updated, o.State, o.Reason)
	require.Contains(w.t, o.Reason, "branch "+branch+" was grafted anew onto main at "+w.git("rev-parse", "--short=12", "main"))
	require.Equal(w.t, string(o.Incident.Revision), w.git("rev-parse", branch))
	require.Contains(w.t, w.git("rev-list", "--first-parent", branch)+"\n", tip+"\n", "what was reviewed stays")
	w.git("merge-base", "--is-ancestor", "main", branch)
	require.Equal(w.t, w.git("rev-parse", branch+"^{tree}"), w.git("merge-tree", "--write-tree", "main", branch))
	require.Contains(w.t, o.Document.Warnings[slices.IndexFunc(o.Document.Warnings, func(s string) bool { return strings.Contains(s, "grafted anew") })], "Merge or squash it")
	require.Equal(w.t, w.git("rev-parse", "main"), o.Document.BaseRevision)
	record := w.git("show", branch+":incident-response/prod-eu/"+o.Incident.ID+"/incident.yaml")
	require.Regexp(w.t, `\n  base: "?`+w.git("rev-parse", "main"), record)
	require.Contains(w.t, record, "\n  regrafted: ")
	var names []string
	for _, f := range o.Files {
		names = append(names, f.Path)
	}
	require.Equal(w.t, w.git("diff", "--name-only", "main", branch), strings.Join(names, "\n"))
	w.git("fsck", "--strict")

	before := w.refs()
	again := w.respond(a.String())[0]
	require.Equal(w.t, incident.Unchanged, again.State, again.Reason)
	require.Equal(w.t, before, w.refs())
	return o
}

// Two incidents are proposed side by side and change the same lines. The second
// is grafted onto the base that has the first, and each is released alone.
func TestTwoIncidentsSideBySide(t *testing.T) {
	wired := func(t *testing.T) *world {
		w := unprepared(t)
		w.edit("main", "wire", appsFile, "resources:\r\n", "transformers:\r\n  - ../../"+strings.TrimSuffix(appsHook, "/kustomization.yaml")+"\r\nresources:\r\n", 1)
		require.NoError(t, gittest.Commit(t.Context(), w.bare, "main", "hook\n", map[string][]byte{
			appsHook: []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsortOptions:\n  order: fifo\nresources:\n  # Deployment payments/payments\n"),
		}))
		return w
	}
	unfiltered := func(t *testing.T) *world {
		w := unprepared(t)
		w.git("config", "uploadpack.allowFilter", "false")
		return w
	}
	merge := func(w *world, branch string) { w.merge(branch) }
	both := []string{"frontend", "payments"}
	for name, c := range map[string]struct {
		world  func(*testing.T) *world
		second falco
		merge  func(*world, string)
		order  []int
		paused [][]string // after both merges, after one release, after both
	}{
		"unwired":                      {unprepared, stop(frontend()), merge, []int{0, 1}, [][]string{both, {"frontend"}, nil}},
		"unwired, squashed":            {unprepared, stop(frontend()), (*world).squash, []int{1, 0}, [][]string{both, {"payments"}, nil}},
		"wired, one workload":          {wired, stop(shell()), merge, []int{1, 0}, [][]string{{"payments"}, {"payments"}, nil}},
		"wired, squashed":              {wired, stop(shell()), (*world).squash, []int{0, 1}, [][]string{{"payments"}, {"payments"}, nil}},
		"a server that sends it whole": {unfiltered, stop(frontend()), merge, []int{1, 0}, [][]string{both, {"payments"}, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			before := w.git("rev-parse", "main")
			first, second := w.respond(hold(shell()).String())[0], w.respond(c.second.String())[0]
			require.Equal(t, incident.Proposed, second.State, second.Reason)
			tip := w.git("rev-parse", second.Incident.Branch)
			w.merge(first.Incident.Branch)
			require.Contains(t, w.conflict(second.Incident.Branch), appsHook)
			o := w.grafted(c.second, tip)
			require.Contains(t, o.Reason, "main and the branch have both changed "+appsHook+", so that it could not be merged")
			require.Equal(t, tip+" "+w.git("rev-parse", "main"), w.git("log", "-1", "--format=%P", second.Incident.Branch))
			require.Error(t, w.rebase(second.Incident.Branch), "it would replay what conflicts")

			c.merge(w, second.Incident.Branch)
			require.Equal(t, c.paused[0], w.paused())
			ids := []string{first.Incident.ID, second.Incident.ID}
			for i, at := range c.order {
				w.merge(w.release(ids[at]).Incident.Branch)
				require.Equal(t, c.paused[i+1], w.paused())
			}
			history := []string{"incident-response/history/2026/" + ids[0] + ".yaml", "incident-response/history/2026/" + ids[1] + ".yaml"}
			require.ElementsMatch(t, history, strings.Split(w.git("diff", "--name-only", before, "main"), "\n"))
		})
	}
}

// The base has moved so that the containment selects something else: it merges,
// and would not do what is proposed. The branch can be rebased afterwards.
func TestADriftedBaseIsFollowed(t *testing.T) {
	for name, merge := range map[string]func(*world, string){
		"merged":   func(w *world, branch string) { w.merge(branch) },
		"squashed": (*world).squash,
		"rebased":  func(w *world, branch string) { require.NoError(w.t, w.rebase(branch)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			first := w.respond(shell().String())[0]
			tip := w.git("rev-parse", first.Incident.Branch)
			w.edit("main", "Relabel", "apps/base/payments/payments.yaml", "app.kubernetes.io/name: payments", "app.kubernetes.io/name: pay", -1)
			before := w.git("rev-parse", "main^{tree}")
			o := w.grafted(at(1), tip)
			require.Contains(t, o.Reason, "it would not have given what is rendered there now")
			want := w.git("rev-parse", o.Incident.Branch+"^{tree}")
			merge(w, o.Incident.Branch)
			require.Equal(t, want, w.git("rev-parse", "main^{tree}"))
			require.Contains(t, w.respond(shell().String())[0].Reason, "since its merge into main")
			w.merge(w.release(o.Incident.ID).Incident.Branch)
			require.Equal(t, "incident-response/history/2026/"+o.Incident.ID+".yaml", w.git("diff", "--name-only", before, "main"))
			require.NotEqual(t, first.Incident.ID, w.respond(at(2).String())[0].Incident.ID, "it is over")
		})
	}
}

// A base that moved elsewhere is no reason, with news or without, and no more is
// another workload's incident in the same hook.
func TestABranchThatMergesStays(t *testing.T) {
	w := newWorld(t, nil)
	first, other := w.respond(shell().String())[0], w.respond(frontend().String())[0]
	w.merge(other.Incident.Branch)
	require.NoError(t, gittest.Commit(t.Context(), w.bare, "main", "notes\n", map[string][]byte{"NOTES.md": []byte("moved\n")}))
	require.Contains(t, w.git("diff", "--name-only", first.Incident.Branch+"...main"), appsHook)
	before, seen := w.refs(), w.watched()
	o := w.respond(shell().String())[0]
	require.Empty(t, seen.new())
	require.Equal(t, incident.Unchanged, o.State, o.Reason)
	require.Empty(t, o.Problems)
	require.Equal(t, before, w.refs())
	o = w.respond(at(1).String())[0]
	require.Equal(t, incident.Updated, o.State, o.Reason)
	require.NotContains(t, o.Reason, "grafted")
	require.Equal(t, string(first.Incident.Revision), w.git("log", "-1", "--format=%P", o.Incident.Branch))
}

// Somebody made something else of the hook: that is said, and the branch is as
// it was.
func TestARefusalOnTodaysBaseLeavesTheBranch(t *testing.T) {
	w := unprepared(t)
	first := w.respond(hold(shell()).String())[0]
	odd := map[string][]byte{appsHook: []byte("kind: Kustomization\nresources: no list\n")}
	require.NoError(t, gittest.Commit(t.Context(), w.bare, "main", "odd\n", odd))
	before := w.refs()
	for _, a := range []falco{shell(), at(1)} {
		o := w.respond(hold(a).String())[0]
		require.Equal(t, incident.Refused, o.State, o.Reason)
		require.Contains(t, o.Reason, "main has moved since branch "+first.Incident.Branch+" was made, and there the containment would be refused")
		require.Equal(t, first.Incident.Revision, o.Incident.Revision)
		require.Equal(t, before, w.refs())
	}
}

func TestAPersonsCommitIsNotGrafted(t *testing.T) {
	w := unprepared(t)
	first, second := w.respond(hold(shell()).String())[0], w.respond(stop(frontend()).String())[0]
	require.NoError(t, gittest.Commit(t.Context(), w.bare, second.Incident.Branch, "mine\n", map[string][]byte{"NOTES.md": []byte("mine\n")}))
	w.merge(first.Incident.Branch)
	w.conflict(second.Incident.Branch)
	before := w.refs()
	o := w.respond(stop(frontend()).String())[0]
	require.Equal(t, incident.Unchanged, o.State, o.Reason)
	require.Contains(t, o.Reason, "is not irgit's")
	require.Equal(t, before, w.refs())
}

// Two repositories with one history get one commit, by its id.
func TestARegraftIsAFunctionOfItsInput(t *testing.T) {
	w := unprepared(t)
	first, second := w.respond(hold(shell()).String())[0], w.respond(stop(frontend()).String())[0]
	w.merge(first.Incident.Branch)
	twin := *w
	twin.dir = t.TempDir()
	twin.bare = twin.dir + "/fleet.git"
	_, err := gittest.Git(t.Context(), twin.dir, "clone", "-q", "--mirror", w.bare, twin.bare)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), twin.dir, gittest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	twin.options.Git.URL = server.URL + "/fleet.git"
	twin.cacheIn(t.TempDir())
	tip := string(second.Incident.Revision)
	require.Equal(t, w.grafted(stop(frontend()), tip).Incident.Revision, twin.grafted(stop(frontend()), tip).Incident.Revision)
}

// What the news need is what counts, too.
func TestNewsAreGraftedAlong(t *testing.T) {
	w := unprepared(t)
	first, second := w.respond(hold(shell()).String())[0], w.respond(stop(frontend()).String())[0]
	w.merge(first.Incident.Branch)
	later := stop(frontend())
	later.at = night.Add(time.Hour)
	o := w.grafted(later, string(second.Incident.Revision))
	record := w.git("show", o.Incident.Branch+":incident-response/prod-eu/"+o.Incident.ID+"/incident.yaml")
	require.Contains(t, record, "alertCount: 2")
	require.Equal(t, later.at.Truncate(time.Second).Format(time.RFC3339), w.git("log", "-1", "--format=%cd", "--date=format:%Y-%m-%dT%H:%M:%SZ", o.Incident.Branch))
	require.Equal(t, incident.Unchanged, w.respond(stop(frontend()).String())[0].State)

	// It goes on from there as from any base.
	later.at = night.Add(2 * time.Hour)
	next := w.respond(later.String())[0]
	require.Equal(t, incident.Updated, next.State, next.Reason)
	require.NotContains(t, next.Reason, "grafted")
	require.Contains(t, strings.Join(next.Warnings, "\n"), "grafted anew", "the branch's reviewer still has to know")
	require.Equal(t, string(o.Incident.Revision), w.git("log", "-1", "--format=%P", next.Incident.Branch))
}

// The first incident is released before the second is merged: the second has to
// do again what it had found done.
func TestABranchIsGraftedAsOftenAsItMust(t *testing.T) {
	w := unprepared(t)
	first, second := w.respond(hold(shell()).String())[0], w.respond(stop(frontend()).String())[0]
	before := w.git("rev-parse", "main")
	w.merge(first.Incident.Branch)
	tip := string(second.Incident.Revision)
	o := w.grafted(stop(frontend()), tip)
	w.merge(w.release(first.Incident.ID).Incident.Branch)
	o = w.grafted(stop(frontend()), string(o.Incident.Revision))
	w.merge(o.Incident.Branch)
	require.Equal(t, []string{"frontend"}, w.paused())
	w.merge(w.release(o.Incident.ID).Incident.Branch)
	require.Equal(t, "2", w.git("rev-list", "--count", "--first-parent", tip+".."+o.Incident.Branch))
	for _, file := range strings.Split(w.git("diff", "--name-only", before, "main"), "\n") {
		require.Regexp(t, "^incident-response/history/2026/", file)
	}
}

// The base was rewritten, or took a part of the branch and dropped it.
func TestABaseThatDoesNotGoOn(t *testing.T) {
	for name, rewrite := range map[string]func(*world, string){
		"rewritten": func(w *world, _ string) {
			w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-m", "Start over", "main^{tree}"))
		},
		"reverted": func(w *world, branch string) {
			w.merge(branch)
			w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", "Revert", "main^1^{tree}"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			first := w.respond(shell().String())[0].Incident
			second := w.respond(at(1).String())[0].Incident
			rewrite(w, string(first.Revision))
			o := w.grafted(shell(), string(second.Revision))
			require.Contains(t, o.Reason, "main does not go on from the commit that the branch was made from")
			w.merge(o.Incident.Branch)
			require.Contains(t, w.git("ls-tree", "-r", "--name-only", "main"), "/contain/authorizationpolicy.yaml")
		})
	}
}

// The pull request stays the one it was, and says what the branch is now.
func TestThePullRequestSaysThatItWasGrafted(t *testing.T) {
	w := unprepared(t)
	hub := w.onGitHub()
	first, second := w.respond(hold(shell()).String())[0], w.respond(stop(frontend()).String())[0]
	w.merge(first.Incident.Branch)
	hub.Merge(1)
	o := w.grafted(stop(frontend()), string(second.Incident.Revision))
	require.Equal(t, 2, o.Incident.PullRequest.Number)
	prs := hub.PullRequests()
	require.Len(t, prs, 2)
	require.Contains(t, prs[1].Body, "the branch was grafted anew onto")
	require.Contains(t, prs[1].Body, w.git("rev-parse", "main"))
	require.Contains(t, w.git("log", "-1", "--format=%B", o.Incident.Branch), "the branch was grafted anew onto")

	// A dry run says the same, and who closed the pull request is obeyed.
	w.merge(w.release(first.Incident.ID).Incident.Branch)
	before := w.refs()
	w.options.DryRun = true
	dry := w.respond(stop(frontend()).String())[0]
	require.Equal(t, incident.Updated, dry.State, dry.Reason)
	require.Contains(t, dry.Reason, "grafted anew")
	w.options.DryRun = false
	hub.Close(2)
	require.Equal(t, incident.Vetoed, w.respond(stop(frontend()).String())[0].State)
	require.Equal(t, before, w.refs())
}

// Edits of files of others, too, are there after both merges, and each goes
// with its incident, whether its branch had to be grafted anew or not.
func TestEditsOfOthersFilesSideBySide(t *testing.T) {
	fleet, err := examples.Fleet()
	require.NoError(t, err)
	app := func(name, namespace string) string {
		return strings.Replace(strings.ReplaceAll(deployment, "APP", name), "  name: "+name+"\n", "  name: "+name+"\n  namespace: "+namespace+"\n", 1)
	}
	for name, c := range map[string]struct {
		files   map[string]string
		second  falco
		file    string
		grafted bool
	}{
		"one sync object, two workloads": {map[string]string{
			appsFile: unwired, appsHook: "", "clusters/staging/apps.yaml": string(fleet["clusters/prod-eu/apps.yaml"]),
			".irgit.yaml": strings.Replace(string(fleet[".irgit.yaml"]), "apps/staging", "apps/prod-eu", 1),
		}, stop(frontend()), "clusters/prod-eu/apps.yaml", true},
		"one manifest, two workloads": {map[string]string{
			appsFile: "", appsHook: "", "apps/prod-eu/all.yaml": app("payments", "payments") + "---\n" + app("frontend", "web"),
		}, stop(frontend()), "apps/prod-eu/all.yaml", false},
		"one manifest, one workload": {map[string]string{
			appsFile: "", appsHook: "", "apps/prod-eu/all.yaml": app("payments", "payments"),
		}, stop(shell()), "apps/prod-eu/all.yaml", false},
	} {
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			t.Run(fmt.Sprint(name, order), func(t *testing.T) {
				w := newWorld(t, c.files)
				w.options.Policies = unprepared(t).options.Policies
				before := w.git("rev-parse", "main")
				first, second := w.respond(hold(shell()).String())[0], w.respond(c.second.String())[0]
				require.Equal(t, incident.Proposed, second.State, second.Reason)
				require.Contains(t, w.git("diff", "--name-only", "main", second.Incident.Branch), c.file)
				w.merge(first.Incident.Branch)
				if c.grafted {
					require.Contains(t, w.conflict(second.Incident.Branch), c.file)
					w.grafted(c.second, string(second.Incident.Revision))
				} else {
					o := w.respond(c.second.String())[0]
					require.Equal(t, incident.Unchanged, o.State, o.Reason)
				}
				w.merge(second.Incident.Branch)
				ids := []string{first.Incident.ID, second.Incident.ID}
				for _, at := range order {
					require.Contains(t, w.git("diff", "--name-only", before, "main"), c.file)
					w.merge(w.release(ids[at]).Incident.Branch)
				}
				require.NotContains(t, w.git("diff", "--name-only", before, "main", "--", ":!incident-response/history"), "/")
			})
		}
	}
}
