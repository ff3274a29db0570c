package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/onboard"
)

// maxNotes is how many findings of a cluster are printed that are not wrong.
const maxNotes = 20

// examine prints what irgit sees of each cluster, and counts what stands in
// the way of a containment.
func examine(ctx context.Context, f *fleet.Fleet, out io.Writer) (wrong int, err error) {
	reports, err := onboard.Examine(ctx, f)
	if err != nil {
		return 0, err
	}
	for _, r := range reports {
		c := r.Index.Cluster()
		fmt.Fprintf(out, "\n%s (%s, mesh %s, cni %s)\n", c.Name, c.GitOps, c.Mesh.Mode, c.CNI)
		for _, root := range r.Roots {
			fmt.Fprintf(out, "  %s: %s\n", root.ID, patching(root))
		}
		if r.Applied != "" {
			fmt.Fprintf(out, "  %s: applied by %s\n", c.Response, r.Applied)
		}
		notes := 0
		for _, finding := range r.Findings {
			mark := "!"
			if finding.Wrong {
				wrong++
			} else if mark, notes = "?", notes+1; notes > maxNotes {
				continue
			}
			fmt.Fprintf(out, "  %s %s: %s\n", mark, finding.Where, finding.What)
			if finding.Mend != "" {
				fmt.Fprintf(out, "    %s\n", finding.Mend)
			}
		}
		if notes > 0 {
			fmt.Fprintf(out, "  %s with ? that Git does not tell, or that only delay", count(notes, "line"))
			if notes > maxNotes {
				fmt.Fprintf(out, ", %d of them not shown: see irgit fleet unknowns", notes-maxNotes)
			}
			fmt.Fprintln(out)
		}
	}
	return wrong, nil
}

// patching says how what a root renders is patched.
func patching(r onboard.Root) string {
	w, how := r.Wiring, ""
	switch {
	case r.Failure != "":
		return "not read, see below"
	case w.Objects == 0:
		return "no workloads"
	case w.Unplaced+w.Wired+w.Elsewhere < w.Objects, w.Unplaced > 0:
		how = "no hook"
	case w.Wired > 0:
		how = "hook " + r.Hook
	default:
		how = "patched without a hook"
	}
	what := count(r.Workloads, "workload")
	if r.Workloads == 0 {
		what = count(w.Objects, "HelmRelease or autoscaler")
	}
	return what + ", " + how
}

// protected says whether a merge into the base has to pass somebody, and
// counts what is wrong about that.
func protected(ctx context.Context, where forge.Forge, base string, out io.Writer) (wrong int, err error) {
	asked, ok := where.(interface {
		Protection(ctx context.Context, branch string) (forge.Protection, error)
	})
	if !ok {
		fmt.Fprintln(out, "protection  not visible: a plain remote does not tell who may push to the base")
		return 0, nil
	}
	p, err := asked.Protection(ctx, base)
	switch {
	case err != nil:
		return 0, err
	case !p.Protected:
		fmt.Fprintf(out, "protection  none\n  ! %s: whoever may push can change it without a review\n    protect the branch, or give it a rule set that asks for pull requests\n", base)
		return 1, nil
	case p.Reviewed:
		fmt.Fprintln(out, "protection  a rule set asks for pull requests")
	default:
		fmt.Fprintln(out, "protection  on; whether it asks for a review only administrators see")
	}
	return 0, nil
}

// codeOwners are where GitHub looks for them
// (docs.github.com: about-code-owners).
var codeOwners = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// owned says who is asked about a containment.
func owned(ctx context.Context, tree *gitops.Tree, out io.Writer) error {
	for _, file := range codeOwners {
		_, err := tree.Stat(ctx, file)
		if err == nil {
			fmt.Fprintf(out, "codeowners  %s\n", file)
			return nil
		}
		if !errors.Is(err, gitops.ErrNotFound) {
			return err
		}
	}
	fmt.Fprintf(out, "codeowners  none (a warning): add %s with the owners of incident-response/, so that somebody is asked\n", codeOwners[0])
	return nil
}

func place(file, root string) string { return cmp.Or(file, root) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
