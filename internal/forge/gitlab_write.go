package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

const gitlabDraft = "Draft: "

func (g *GitLab) open(ctx context.Context, r Request) (*found, []string, error) {
	title := r.Title
	if r.Draft {
		title = gitlabDraft + title
	}
	o := operation{name: "open the merge request for " + r.Branch, write: true, once: true}
	mr, err := g.one(ctx, o, func(with gitlab.RequestOptionFunc) (*gitlab.MergeRequest, *gitlab.Response, error) {
		return g.client.MergeRequests.CreateMergeRequest(g.project, &gitlab.CreateMergeRequestOptions{
			Title: &title, Description: &r.Body, SourceBranch: &r.Branch, TargetBranch: &r.Base,
		}, with)
	})
	if err != nil {
		return nil, nil, err
	}
	return convertGitLab(mr), nil, nil
}

func (g *GitLab) edit(ctx context.Context, f *found, e edit) (*found, error) {
	change := new(gitlab.UpdateMergeRequestOptions)
	if e.title != "" {
		if f.Draft {
			e.title = gitlabDraft + e.title
		}
		change.Title = &e.title
	}
	if e.body != "" {
		change.Description = &e.body
	}
	if e.base != "" {
		change.TargetBranch = &e.base
	}
	return g.update(ctx, fmt.Sprintf("update merge request %d", f.Number), f.Number, change)
}

func (g *GitLab) close(ctx context.Context, number int) error {
	_, err := g.update(ctx, fmt.Sprintf("close merge request %d", number), number, &gitlab.UpdateMergeRequestOptions{StateEvent: gitlab.Ptr("close")})
	return err
}

func (g *GitLab) update(ctx context.Context, name string, number int, change *gitlab.UpdateMergeRequestOptions) (*found, error) {
	mr, err := g.one(ctx, operation{name: name, write: true}, func(with gitlab.RequestOptionFunc) (*gitlab.MergeRequest, *gitlab.Response, error) {
		return g.client.MergeRequests.UpdateMergeRequest(g.project, int64(number), change, with)
	})
	if err != nil {
		return nil, err
	}
	return convertGitLab(mr), nil
}

// label adds labels; GitLab makes those that the project does not have.
func (g *GitLab) label(ctx context.Context, f *found, missing []string) ([]string, error) {
	for _, name := range missing {
		if strings.Contains(name, ",") {
			return nil, &Error{Op: "label the merge request in " + g.repo.String(), Kind: ErrRejected, Message: "the label " + clean(name) + " holds a comma", Hint: "GitLab takes commas for ends of labels"}
		}
	}
	labels := gitlab.LabelOptions(missing)
	after, err := g.update(ctx, "label the merge request", f.Number, &gitlab.UpdateMergeRequestOptions{AddLabels: &labels})
	if err != nil {
		return nil, err
	}
	return after.Labels, nil
}

// reviewed says whether anybody but its author has commented: GitLab keeps
// approvals elsewhere in every edition, and each leaves a note.
func (g *GitLab) reviewed(ctx context.Context, f *found) (bool, error) {
	notes, err := g.notes(ctx, f.Number)
	return slices.ContainsFunc(notes, func(n *gitlab.Note) bool { return !same(n.Author.Username, f.Author) }), err
}

// ask makes people reviewers. Groups cannot be: CODEOWNERS or approval rules
// of the project ask them.
func (g *GitLab) ask(ctx context.Context, f *found, users, teams []string) (failed []error) {
	op := "ask for a review of merge request " + fmt.Sprint(f.Number) + " in " + g.repo.String()
	if len(teams) > 0 {
		failed = append(failed, &Error{Op: op, Kind: ErrRejected, Message: "the groups " + clean(strings.Join(teams, ", ")) + " cannot be reviewers", Hint: "name people, or let CODEOWNERS or an approval rule ask groups"})
	}
	ids, missing, err := g.userIDs(ctx, users)
	if err != nil {
		return append(failed, err)
	}
	if len(missing) > 0 {
		failed = append(failed, &Error{Op: op, Kind: ErrNotFound, Message: "no user " + strings.Join(missing, ", ")})
	}
	if len(ids) == 0 {
		return failed
	}
	asked, err := g.one(ctx, operation{name: op, write: true}, func(with gitlab.RequestOptionFunc) (*gitlab.MergeRequest, *gitlab.Response, error) {
		return g.client.MergeRequests.UpdateMergeRequest(g.project, int64(f.Number), &gitlab.UpdateMergeRequestOptions{ReviewerIDs: &ids}, with)
	})
	switch {
	case err != nil:
		return append(failed, err)
	case len(asked.Reviewers) < len(ids):
		failed = append(failed, &Error{Op: op, Kind: ErrRejected, Message: fmt.Sprintf("it took %d of %d reviewers", len(asked.Reviewers), len(ids)), Hint: "they need access to the project, and its edition may allow one alone"})
	}
	return failed
}

// assign sends all assignees: GitLab replaces those that are there.
func (g *GitLab) assign(ctx context.Context, f *found, missing []string) error {
	ids, unknown, err := g.userIDs(ctx, slices.Concat(f.Assignees, missing))
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if _, err := g.update(ctx, "assign "+clean(strings.Join(missing, ", ")), f.Number, &gitlab.UpdateMergeRequestOptions{AssigneeIDs: &ids}); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		return &Error{Op: "assign in " + g.repo.String(), Kind: ErrNotFound, Message: "no user " + strings.Join(unknown, ", ")}
	}
	return nil
}

func (g *GitLab) notes(ctx context.Context, number int) (all []*gitlab.Note, err error) {
	err = g.pages(ctx, operation{name: "list the notes"}, func(page gitlab.ListOptions, with gitlab.RequestOptionFunc) (bool, *gitlab.Response, error) {
		list, response, err := g.client.Notes.ListMergeRequestNotes(g.project, int64(number), &gitlab.ListMergeRequestNotesOptions{ListOptions: page}, with)
		all = append(all, list...)
		return false, response, err
	})
	return all, err
}

func (g *GitLab) comments(ctx context.Context, number int) (texts []string, err error) {
	notes, err := g.notes(ctx, number)
	for _, n := range notes {
		texts = append(texts, n.Body)
	}
	return texts, err
}

func (g *GitLab) comment(ctx context.Context, number int, text string) error {
	o := operation{name: fmt.Sprintf("comment on merge request %d", number), write: true, once: true}
	return g.send(ctx, o, func(with gitlab.RequestOptionFunc) error {
		_, _, err := g.client.Notes.CreateMergeRequestNote(g.project, int64(number), &gitlab.CreateMergeRequestNoteOptions{Body: &text}, with)
		return err
	})
}

// AutoMerge implements Forge: GitLab merges when the pipeline succeeds, and
// gives it up when the branch moves.
func (g *GitLab) AutoMerge(ctx context.Context, pr PullRequest) error {
	op := fmt.Sprintf("merge merge request %d automatically", pr.Number)
	f, err := g.mergeable(ctx, op, pr)
	if err != nil || f == nil {
		return err
	}
	_, err = g.one(ctx, operation{name: op, write: true}, func(with gitlab.RequestOptionFunc) (*gitlab.MergeRequest, *gitlab.Response, error) {
		return g.client.MergeRequests.AcceptMergeRequest(g.project, int64(pr.Number), &gitlab.AcceptMergeRequestOptions{AutoMerge: gitlab.Ptr(true), SHA: &pr.Revision}, with)
	})
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusUnauthorized { // so GitLab answers who may not merge
		e.Kind, e.Hint = ErrNotMergeable, "the token's owner may not merge into the branch"
		return err
	}
	return refused(err, true, "try again when it can be merged, or let a person decide")
}
