package kustomize

import (
	"os"
	"os/exec"
	"runtime"
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

// A root that takes too much fails by itself, and builds where there is room.
func TestThreatA5MemoryIsBounded(t *testing.T) {
	tree := files(t, map[string]string{"root/kustomization.yaml": "resources: [a.yaml]\n", "root/a.yaml": configMap})
	for _, o := range []Options{{}, {Generate: true}, {Directory: &Directory{Recurse: true}}} {
		t.Run("", func(t *testing.T) {
			narrow(t, 0, maxHeap)
			_, err := Build(t.Context(), tree, "root", o)
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.Equal(t, errTooLarge.Error(), bad.Reason)
			require.Equal(t, []string{""}, bad.Looked)
		})
		_, err := Build(t.Context(), tree, "root", o)
		require.NoError(t, err)
	}
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
