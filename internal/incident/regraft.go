package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/render"
)

// regraft brings a branch to today's base where merging it there would fail, or
// would not give what is rendered there today. Its commits stay; what is added
// has the base for its second parent, and for its tree the base with the
// incident rendered on it. before is the branch's tree without the incident, c
// what the branch would hold with the news, nil without any. Unless done, the
// branch can stay where it is, and nothing was answered.
func (s *session) regraft(ctx context.Context, g *group, f found, pr request, before *gitops.Tree, c *composed) (done bool, err error) {
	r := f.record
	d, no, err := s.draw(ctx, r)
	if err != nil || no != nil {
		return true, s.leave(g, f, pr, no, err)
	}
	tip, why, err := s.merged(ctx, f, before, f.tree)
	next := tip
	if err == nil && c != nil {
		next, why, err = s.merged(ctx, f, before, c.tree)
	}
	if err == nil && why == "" {
		why, err = s.differs(ctx, r, before, next, c, d)
	}
	if err != nil || why == "" {
		return false, err
	}
	if c == nil {
		defer s.preparePush(ctx)()
	}
	r.Spec.Base, r.Spec.Regrafted, r.Spec.Previous = s.revision, why, f.digest
	if c, no, err = s.prove(ctx, r, d, s.tree); err != nil || no != nil {
		return true, s.leave(g, f, pr, no, err)
	}
	c.notes = append(c.notes, f.doubts...)
	c.reason = fmt.Sprintf("branch %s%s was grafted anew onto %s at %.12s, since %s", branchPrefix, f.id, s.base, s.revision, why)
	for _, one := range g.decisions {
		one.state = Updated
	}
	spec, err := s.onTo(ctx, f, tip, c)
	if err != nil {
		return true, err
	}
	commit, err := s.commit(ctx, c, spec, f.next())
	if err != nil {
		return true, err
	}
	return true, s.publish(ctx, g, c, commit, f.head.Revision)
}

// leave answers that the incident is refused on today's base, which it was not
// on the branch's.
func (s *session) leave(g *group, f found, pr request, no *refusal, err error) error {
	if err != nil {
		return err
	}
	today := *no
	today.reason = fmt.Sprintf("%s has moved since branch %s%s was made, and there the containment would be refused: %s. The branch is left as it is",
		s.base, branchPrefix, f.id, no.reason)
	for _, one := range g.decisions {
		one.outcome.Incident, one.outcome.Warnings = s.summary(f.record).at(f.head.Revision, pr), f.doubts
	}
	return g.answer(&today, nil)
}

// merged is the base as it would be after the merge of a branch with the tree;
// why says what is in the way of it.
func (s *session) merged(ctx context.Context, f found, before, tree *gitops.Tree) (merged *gitops.Tree, why string, err error) {
	if !slices.Contains(f.forks, f.record.Spec.Base) { // rewritten, or a part of the branch is in it
		return nil, fmt.Sprintf("%s does not go on from the commit that the branch was made from", s.base), nil
	}
	merged, conflicts, err := before.Merge(ctx, s.tree, tree)
	if len(conflicts) > 0 {
		why = fmt.Sprintf("%s and the branch have both changed %s, so that it could not be merged", s.base, some(conflicts))
	}
	return merged, why, err
}

// differs says in what the merged base is not what is drawn on it today. The
// record may differ, and where an edit stands in a file of others: the release
// finds it by what it says.
func (s *session) differs(ctx context.Context, r *Record, before, merged *gitops.Tree, c *composed, d *drawn) (why string, err error) {
	changes, err := merged.Diff(ctx, d.after)
	if err != nil {
		return "", fmt.Errorf("compare incident %s with today's: %w", r.Metadata.Name, err)
	}
	var paths []string
	was, is := render.Bundle{Edits: d.bundle.Edits}, render.Bundle{Edits: d.bundle.Edits}
	same := true
	for _, change := range changes {
		name := change.Path
		if name == r.file(d.request.Index.Cluster()) {
			continue
		}
		paths = append(paths, name)
		same = same && !slices.ContainsFunc(d.bundle.Edits, func(e render.Edit) bool { return e.File == name })
		for tree, b := range map[*gitops.Tree]*render.Bundle{merged: &was, d.after: &is} {
			content, err := contentOf(ctx, tree, name)
			if err != nil {
				return "", err
			}
			b.Changes = append(b.Changes, gitops.Change{Path: name, Content: content})
		}
	}
	if len(paths) == 0 {
		return "", nil
	}
	why = "merged as it was, it would not have given what is rendered there now: " + some(paths)
	if !same || !was.Same(&is) {
		return why, nil
	}
	edits, err := s.edits(ctx, r, before, c)
	if err != nil || edits.Same(&render.Bundle{Edits: d.bundle.Edits}) {
		return "", err
	}
	return why, nil
}

// edits are those of files of others that the branch makes, alone.
func (s *session) edits(ctx context.Context, r *Record, before *gitops.Tree, c *composed) (*render.Bundle, error) {
	if c != nil {
		return &render.Bundle{Edits: c.bundle.Edits}, nil
	}
	branch, err := s.at(ctx, before)
	if err != nil {
		return nil, err
	}
	d, no, err := branch.draw(ctx, r)
	if err != nil || no != nil {
		return new(render.Bundle), err
	}
	return &render.Bundle{Edits: d.bundle.Edits}, nil
}

// onTo is the commit that brings the branch to today's base. A rebase leaves
// commits of two parents out: where it would succeed, since the tip merges, the
// merge is a commit of its own, and what is rendered otherwise is one more.
func (s *session) onTo(ctx context.Context, f found, tip *gitops.Tree, c *composed) (gitops.CommitSpec, error) {
	spec := gitops.CommitSpec{Parent: s.revision, Continues: f.head.Revision, Changes: c.changes}
	if tip == nil {
		return spec, nil
	}
	var err error
	if spec.Changes, _, err = changesBetween(ctx, s.tree, tip); err != nil {
		return spec, err
	}
	message, err := gitops.Message{
		Subject:  "irgit: merge base into " + f.id,
		Body:     "Everything merges. The next commit has what is rendered otherwise on it.",
		Trailers: []gitops.Trailer{{Key: gitops.TrailerIncident, Value: f.id}},
	}.Format()
	if err != nil {
		return spec, fmt.Errorf("incident %s: %w", f.id, err)
	}
	merge, err := s.remote.Commit(ctx, s.signed(spec, message, f.next()))
	if err != nil {
		return spec, err
	}
	rest, _, err := changesBetween(ctx, tip, c.tree)
	return gitops.CommitSpec{Parent: merge.Revision, Changes: rest}, err
}

// some names the first of many paths.
func some(paths []string) string {
	const most = 3
	if more := len(paths) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:most], ", "), more)
	}
	return strings.Join(paths, ", ")
}
