package incident

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"

	"github.com/irgit/irgit/internal/gitops"
)

// Patch writes the difference of two trees as `git apply` takes it. Files
// are what irgit writes and what it edits, so they are text.
func Patch(ctx context.Context, before, after *gitops.Tree) (string, []gitops.FileChange, error) {
	changes, err := before.Diff(ctx, after)
	if err != nil {
		return "", nil, fmt.Errorf("compare trees: %w", err)
	}
	var b strings.Builder
	for _, c := range changes {
		was, err := contentOf(ctx, before, c.Path)
		if err != nil {
			return "", nil, err
		}
		is, err := contentOf(ctx, after, c.Path)
		if err != nil {
			return "", nil, err
		}
		oldName, newName := "a/"+c.Path, "b/"+c.Path
		fmt.Fprintf(&b, "diff --git %s %s\n", oldName, newName)
		switch c.Change {
		case "add":
			b.WriteString("new file mode 100644\n")
			oldName = "/dev/null"
		case "delete":
			b.WriteString("deleted file mode 100644\n")
			newName = "/dev/null"
		}
		text, err := udiff.ToUnified(oldName, newName, string(was), udiff.Lines(string(was), string(is)), udiff.DefaultContextLines)
		if err != nil {
			return "", nil, fmt.Errorf("write patch of %s: %w", c.Path, err)
		}
		b.WriteString(text)
	}
	return b.String(), changes, nil
}

func contentOf(ctx context.Context, t *gitops.Tree, name string) ([]byte, error) {
	data, err := t.ReadFile(ctx, name)
	if errors.Is(err, gitops.ErrNotFound) {
		return nil, nil
	}
	return data, err
}

// changesBetween is what turns one tree into another, for a commit, and the
// names of it.
func changesBetween(ctx context.Context, before, after *gitops.Tree) (changes []gitops.Change, differ []gitops.FileChange, err error) {
	if differ, err = before.Diff(ctx, after); err != nil {
		return nil, nil, fmt.Errorf("compare trees: %w", err)
	}
	changes = make([]gitops.Change, 0, len(differ))
	for _, d := range differ {
		c := gitops.Change{Path: d.Path}
		if d.Change != "delete" {
			if c.Content, err = after.ReadFile(ctx, d.Path); err != nil {
				return nil, nil, err
			}
			c.Content = bytes.Clone(c.Content)
		}
		changes = append(changes, c)
	}
	return changes, differ, nil
}
