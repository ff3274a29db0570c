package onboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/proposal"
)

const sourceIgnore = ".sourceignore"

// shipped takes irgit's directories in again: a pattern that comes later wins,
// and one of a directory goes for all that lies in it.
const shipped = "!/incident-response"

// ship looks whether every controller gets irgit's directories, and has
// .sourceignore ship them where that is enough. done is false when it does from
// now on.
func (p *planner) ship(ctx context.Context) (done bool, err error) {
	var hidden []*cluster
	for _, c := range p.clusters {
		left, err := c.leftOut(ctx, p.before)
		if err != nil {
			return false, err
		}
		if left != "" {
			hidden = append(hidden, c)
		}
	}
	if len(hidden) == 0 {
		return true, nil
	}
	data, err := p.before.ReadFile(ctx, sourceIgnore)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return false, err
	}
	var longer []byte
	if err == nil {
		longer = appendLine(data, shipped)
	}
	trial := p.before
	if longer != nil {
		if trial, err = p.before.With(ctx, gitops.Change{Path: sourceIgnore, Content: longer}); err != nil {
			return false, err
		}
	}
	helped := false
	for _, c := range hidden {
		left, err := c.leftOut(ctx, trial)
		if err != nil {
			return false, err
		}
		if helped = helped || left == ""; left == "" {
			continue
		}
		p.unseen = append(p.unseen, proposal.Remark{
			Where: left, What: fmt.Sprintf("What the controller of %s gets of the repository leaves this out, or a part of it, by spec.ignore, a sparse checkout, an ArtifactGenerator or an ignore file.", c.Name),
			Step: "Have its source ship incident-response/, or nothing of a containment arrives.",
		})
	}
	if !helped {
		return true, nil
	}
	p.ignore = longer
	change := gitops.Change{Path: sourceIgnore, Content: longer}
	if p.whole, err = p.whole.With(ctx, change); err != nil {
		return false, err
	}
	p.fleet, err = p.fleet.With(ctx, change)
	return false, err
}

// appendLine adds a line to a file and leaves every byte of it.
func appendLine(data []byte, line string) []byte {
	eol := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		eol = "\r\n"
	}
	out := bytes.Clone(data)
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, eol...)
	}
	return append(append(out, line...), eol...)
}

// leftOut is a file of irgit's that the cluster's controller would not get, ""
// when it gets all.
func (c *cluster) leftOut(ctx context.Context, tree *gitops.Tree) (string, error) {
	if c.GitOps != controllers.FluxCD {
		return "", nil
	}
	source := c.delivery.Source
	if len(c.applied) > 0 {
		source = c.applied[0].Build.Source
	}
	return hiddenBy(ctx, source, tree, c.Response)
}

func hiddenBy(ctx context.Context, source kustomize.Source, tree *gitops.Tree, response string) (string, error) {
	for _, name := range []string{path.Join(response, probe(response), "kustomization.yaml"), path.Join(response, readme)} {
		if hidden, err := source.Hidden(ctx, tree, name); hidden || err != nil {
			return response, err
		}
	}
	return "", nil
}
