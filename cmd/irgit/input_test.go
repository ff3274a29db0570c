package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStandardInputEndsWithTheContext(t *testing.T) {
	t.Chdir(t.TempDir())
	stdin, open, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, open.Close())
		require.NoError(t, stdin.Close())
	})
	interrupt := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupt)
	root := newRootCommand(nil)
	root.SetIn(stdin)
	root.SetArgs([]string{"policy", "explain", "--alert", "-"})
	require.ErrorIs(t, root.ExecuteContext(ctx), interrupt)
}

func TestStandardInputIsRead(t *testing.T) {
	t.Chdir(t.TempDir())
	root := newRootCommand(nil)
	var out bytes.Buffer
	root.SetIn(strings.NewReader(terminalShell(t)))
	root.SetOut(&out)
	root.SetArgs([]string{"policy", "explain", "--alert", "-"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	require.Contains(t, out.String(), `alert "Terminal shell in container" of falco`)
}
