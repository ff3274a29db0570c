package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops"
)

// judged is a judge of the example fleet, and freeze-rollout of a workload of
// it, made and not looked at.
func judged(t *testing.T) (*judge, attempt) {
	t.Helper()
	source, dir := t.TempDir(), t.TempDir()
	files, err := examples.Fleet()
	require.NoError(t, err)
	for name, data := range files {
		file := filepath.Join(source, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, data, 0o600))
	}
	git := gitIn(t.Context(), "-C", source, "-c", "user.name=t", "-c", "user.email=t@example.com")
	for _, step := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"commit", "-q", "-m", "fleet"}} {
		_, err := git("", step...)
		require.NoError(t, err)
	}
	c, err := borrow(t.Context(), source, dir, false)
	require.NoError(t, err)
	l, err := (&understood{}).load(t.Context(), c)
	require.NoError(t, err)
	catalogue, err := templates()
	require.NoError(t, err)
	j := &judge{clone: c, loaded: l, catalogue: catalogue}
	for _, ix := range l.indexes {
		for _, w := range ix.Workloads() {
			if ix.Cluster().Name == "prod-eu" && w.Kind == "Deployment" {
				a := attempt{action: "freeze-rollout", ix: ix, target: w, ways: []string{"hook"}}
				require.NoError(t, j.make(t.Context(), &a))
				return j, a
			}
		}
	}
	t.Fatal("the example fleet has no Deployment in prod-eu")
	return nil, attempt{}
}

func TestJudgeAcceptsWhatIsRight(t *testing.T) {
	j, a := judged(t)
	wrong, disk, err := j.look(t.Context(), a)
	require.NoError(t, err)
	require.Empty(t, wrong)
	require.True(t, disk, "the root was not built on disk")
}

func TestJudgeSeesAPatchOfSomethingElse(t *testing.T) {
	j, a := judged(t)
	for i, c := range a.bundle.Changes {
		a.bundle.Changes[i].Content = bytes.ReplaceAll(c.Content, []byte("paused: true"), []byte("replicas: 0"))
	}
	var err error
	a.after, err = j.loaded.fleet.Tree().With(t.Context(), a.bundle.Changes...)
	require.NoError(t, err)
	wrong, _, err := j.look(t.Context(), a)
	require.NoError(t, err)
	require.NotEmpty(t, wrong)
}

func TestJudgeSeesAnotherWorkloadAndCluster(t *testing.T) {
	j, a := judged(t)
	base, err := j.loaded.fleet.Tree().ReadFile(t.Context(), a.target.File)
	require.NoError(t, err)
	changed := bytes.Replace(base, []byte("kind: Deployment"), []byte("kind: StatefulSet"), 1)
	require.NotEqual(t, base, changed)
	a.bundle.Changes = append(a.bundle.Changes, gitops.Change{Path: a.target.File, Content: changed})
	a.after, err = a.after.With(t.Context(), gitops.Change{Path: a.target.File, Content: changed})
	require.NoError(t, err)
	wrong, _, err := j.look(t.Context(), a)
	require.NoError(t, err)
	require.NotEmpty(t, wrong)
	for _, cluster := range []string{"prod-us", "staging"} {
		require.Contains(t, strings.Join(wrong, "\n"), cluster+": ")
	}
}

func TestGroupTakesNamesForOne(t *testing.T) {
	require.Equal(t, group("Job prod/a is rendered by apps/prod as well"), group("Job dev/b is rendered by apps/dev/x as well"))
	require.NotEqual(t, group("Job prod/a is rendered twice"), group("Job prod/a is not rendered"))
}
