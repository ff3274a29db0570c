package kustomize

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// narrow lets builds fail, or the process end, when they have added so many
// bytes to the heap.
func narrow(t *testing.T, most, last uint64) {
	t.Helper()
	set := func(most, last uint64) (oldMost, oldLast uint64) {
		memory.mu.Lock()
		defer memory.mu.Unlock()
		oldMost, oldLast = memory.most, memory.last
		memory.most, memory.last = most, last
		return oldMost, oldLast
	}
	oldMost, oldLast := set(most, last)
	t.Cleanup(func() { set(oldMost, oldLast) })
}

// A root that takes too much fails, and one that is built beside it does not.
func TestThreatA5MemoryIsBounded(t *testing.T) {
	narrow(t, 32<<20, maxHeap)
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // what is live is known after a collection
	large := map[string]string{"other/kustomization.yaml": "resources: [a.yaml]\n", "other/a.yaml": configMap}
	var all strings.Builder
	long := strings.Repeat("x", 1<<20)
	for i := range 80 {
		name := fmt.Sprintf("large/%d.yaml", i)
		large[name] = strings.Replace(configMap, "name: a", fmt.Sprintf("name: a%d", i), 1) + "x: " + long + "\n"
		fmt.Fprintf(&all, "- %d.yaml\n", i)
	}
	large["large/kustomization.yaml"] = "resources:\n" + all.String()
	tree := files(t, large)
	runtime.GC() // what earlier tests held is no room for this one
	var tooLarge, beside error
	var wg sync.WaitGroup
	wg.Go(func() { _, tooLarge = Build(t.Context(), tree, "large", Options{}) })
	wg.Go(func() {
		for range 20 {
			_, err := Build(t.Context(), tree, "other", Options{})
			beside = errors.Join(beside, err)
		}
	})
	wg.Wait()
	var bad *Error
	require.ErrorAs(t, tooLarge, &bad)
	require.Equal(t, errTooLarge.Error(), bad.Reason)
	require.Equal(t, []string{""}, bad.Looked)
	require.NoError(t, beside)
}

// A build that grows without asking for another file ends the process, with a
// word about it.
func TestThreatA5MemoryEndsTheProcess(t *testing.T) {
	if os.Getenv("IRGIT_TEST_GROWS") != "" {
		narrow(t, maxHeap, 64<<20)
		s := newSession(t.Context(), files(t, nil), "apps/large", Options{})
		defer memory.begin(s, func(error) {})()
		for kept := [][]byte(nil); ; {
			kept = append(kept, make([]byte, 1<<20))
			runtime.KeepAlive(kept)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$") //nolint:gosec // this test itself
	cmd.Env = append(os.Environ(), "IRGIT_TEST_GROWS=yes")
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", said)
	require.Equal(t, 1, exit.ExitCode(), "%s", said)
	require.Contains(t, string(said), "MiB while apps/large was built, past its limit of ")
	require.Contains(t, string(said), "leave that root out of .irgit.yaml")
}
