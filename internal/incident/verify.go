package incident

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/render"
)

// Check is one thing that Verify asks of a commit or of the base branch.
type Check string

// The checks.
const (
	CheckTrailers  Check = "trailers"  // the message has the trailers that irgit writes
	CheckSignature Check = "signature" // somebody who may has signed the commit's bytes
	CheckRecord    Check = "record"    // the record is there, and is the one that the trailer names
	CheckContent   Check = "content"   // the tree is what rendering the record again gives
	CheckChain     Check = "chain"     // the record names the one before it
	CheckBase      Check = "base"      // what the base branch holds of an incident came by a commit that was checked
)

// Failure is a check that failed.
type Failure struct {
	Incident string          `json:"incident"`
	Revision gitops.Revision `json:"revision"`
	Check    Check           `json:"check"`
	Problem  string          `json:"problem"`
}

// Verified is one commit of irgit's in the history of the base branch.
type Verified struct {
	Incident string          `json:"incident"`
	Revision gitops.Revision `json:"revision"`
	What     string          `json:"what"` // containment, merge of the base, release
	Signer   string          `json:"signer,omitempty"`
}

// Verification is what Verify found.
type Verification struct {
	Base     string          `json:"base"`
	Revision gitops.Revision `json:"revision"`
	Read     int             `json:"commits"` // of the history, irgit's or not
	Commits  []Verified      `json:"verified"`
	Failures []Failure       `json:"failures"`
}

// Verify holds the history of the base branch against what irgit would have
// done, with nothing but the repository: every commit with irgit's trailers is
// signed by somebody who may, holds the record that it names, has the tree that
// rendering this record again gives, and follows the record before; and what
// the base holds of incidents today came by such commits. after is a revision
// whose history counts as checked, "" for none.
//
// A record is rendered by the templates of this irgit. Where they have changed
// since, the failure says so and names the version that wrote the record.
func (e *Engine) Verify(ctx context.Context, signers *gitops.Verifier, after gitops.Revision) (*Verification, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	s.o.Redactor = nil // what is in a record has been looked through
	commits, err := s.remote.Log(ctx, s.revision, after)
	if err != nil {
		return nil, err
	}
	v := &verifier{session: s, signers: signers, dirs: map[string][]string{}, closed: map[string][]string{}}
	v.out = &Verification{Base: s.base, Revision: s.revision, Read: len(commits), Commits: []Verified{}, Failures: []Failure{}}
	for _, c := range commits {
		if err := v.commit(ctx, c); err != nil {
			return nil, err
		}
	}
	return v.out, v.base(ctx, after == "")
}

type verifier struct {
	*session
	signers *gitops.Verifier
	out     *Verification
	dirs    map[string][]string // by incident, the trees of its directory in commits that passed
	closed  map[string][]string // by incident, the same of its record in the history
}

func (v *verifier) fail(incident string, at gitops.Revision, check Check, format string, args ...any) {
	v.out.Failures = append(v.out.Failures, Failure{incident, at, check, fmt.Sprintf(format, args...)})
}

// commit checks a commit that says that it is irgit's.
func (v *verifier) commit(ctx context.Context, c gitops.Commit) error {
	trailers := map[string]string{}
	for _, t := range gitops.ParseTrailers(c.Message) {
		trailers[t.Key] = t.Value
	}
	id, mine := trailers[gitops.TrailerIncident]
	if !mine {
		return nil
	}
	before := len(v.out.Failures)
	one := Verified{Incident: id, Revision: c.Revision, What: "containment"}
	if keyFrom(id) == "" {
		v.fail(id, c.Revision, CheckTrailers, "%s is not the id of an incident", gitops.TrailerIncident)
		return nil
	}
	var err error
	if one.Signer, err = v.signers.Verify(c); err != nil {
		v.fail(id, c.Revision, CheckSignature, "%s", err)
	}
	tree, err := v.remote.Tree(ctx, c.Revision)
	if err != nil {
		return err
	}
	switch {
	case len(c.Parents) == 2 && len(trailers) == 1:
		one.What = "merge of the base" // what comes of it is in the commit on top
	case trailers[gitops.TrailerExpires] == "":
		one.What = "release"
		err = v.release(ctx, c, id, tree, trailers)
	default:
		err = v.containment(ctx, c, id, tree, trailers)
	}
	if err != nil {
		return err
	}
	if len(v.out.Failures) == before {
		v.out.Commits = append(v.out.Commits, one)
	}
	return nil
}

// containment checks a commit that proposes an incident or goes on with one.
func (v *verifier) containment(ctx context.Context, c gitops.Commit, id string, tree *gitops.Tree, trailers map[string]string) error {
	f, err := v.recorded(ctx, c, id, tree)
	if err != nil || f.record == nil {
		return err
	}
	v.named(c, id, trailers, f.digest, f.record)
	if previous, err := v.previous(ctx, c, f); err != nil {
		return err
	} else if previous != f.record.Spec.Previous {
		v.fail(id, c.Revision, CheckChain, "the record says that the one before it was %s, and it was %s", orNone(f.record.Spec.Previous), orNone(previous))
	}
	why, err := v.again(ctx, f, tree)
	if err != nil {
		return err
	}
	if why != "" {
		v.fail(id, c.Revision, CheckContent, "%s", why)
		return nil
	}
	return v.note(ctx, v.dirs, id, tree, path.Join(f.cluster.Response, id))
}

// recorded reads the record of a commit; none is a failure.
func (v *verifier) recorded(ctx context.Context, c gitops.Commit, id string, tree *gitops.Tree) (found, error) {
	s, err := v.at(ctx, tree)
	if err == nil {
		var f found
		if f, err = s.branchOf(ctx, id, c.Revision); err == nil {
			return f, nil
		}
	}
	if transient(ctx, err) != nil {
		return found{}, err
	}
	v.fail(id, c.Revision, CheckRecord, "%s", err)
	return found{}, nil
}

// named holds a record against the trailers.
func (v *verifier) named(c gitops.Commit, id string, trailers map[string]string, digest string, r *Record) {
	if have := trailers[gitops.TrailerRecord]; have != digest {
		v.fail(id, c.Revision, CheckRecord, "the record is %s, and the commit names %s", digest, orNone(have))
	}
	if have, want := trailers[gitops.TrailerPolicy], r.Spec.Policy.Name+" "+r.Spec.Policy.Digest; have != want {
		v.fail(id, c.Revision, CheckTrailers, "%s is %s, and the record's policy is %s", gitops.TrailerPolicy, orNone(have), want)
	}
}

// previous is the digest of the record that a commit goes on from.
func (v *verifier) previous(ctx context.Context, c gitops.Commit, f found) (string, error) {
	for _, parent := range c.Parents {
		tree, err := v.remote.Tree(ctx, parent)
		if err != nil {
			return "", err
		}
		data, err := tree.ReadFile(ctx, f.record.file(f.cluster))
		if errors.Is(err, gitops.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read the record before %s: %w", c.Revision, err)
		}
		return digestOf(data), nil
	}
	return "", nil
}

// again renders a record on its base once more, and says in what the commit is
// something else.
func (v *verifier) again(ctx context.Context, f found, tree *gitops.Tree) (why string, err error) {
	r := *f.record
	base, err := v.remote.Tree(ctx, r.Spec.Base)
	if err != nil {
		if transient(ctx, err) != nil {
			return "", err
		}
		return fmt.Sprintf("its base %s is not in the repository", r.Spec.Base), nil
	}
	for _, a := range r.Spec.Actions {
		known, there := v.o.Actions.Action(a.Name)
		if !there || known.Digest != a.Template {
			return fmt.Sprintf("it was rendered with another template of %s (%s) than this irgit has: verify it with %s", a.Name, a.Template, r.Spec.Tool), nil
		}
	}
	s, err := v.at(ctx, base)
	if err != nil {
		return "", err
	}
	c, no, err := s.compose(ctx, &r, base)
	if err != nil {
		return "", err
	}
	if no != nil {
		return "rendering the record again is refused: " + no.reason, nil
	}
	return differing(ctx, tree, c.tree, "rendering the record again gives something else: ")
}

// differing names the files in which two trees differ.
func differing(ctx context.Context, have, want *gitops.Tree, what string) (string, error) {
	if have.Root() == want.Root() {
		return "", nil
	}
	changes, err := have.Diff(ctx, want)
	if err != nil {
		return "", err
	}
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path)
	}
	return what + some(paths), nil
}

// release checks a commit that takes an incident back.
func (v *verifier) release(ctx context.Context, c gitops.Commit, id string, tree *gitops.Tree, trailers map[string]string) error {
	from, err := v.remote.Tree(ctx, c.Parents[len(c.Parents)-1])
	if err != nil {
		return err
	}
	data, err := tree.ReadFile(ctx, historyFile(id))
	var closed *Record
	if err == nil {
		closed, err = parseRecord(historyFile(id), data)
	}
	if transient(ctx, err) != nil {
		return err
	}
	if err != nil {
		v.fail(id, c.Revision, CheckRecord, "%s", err)
		return nil
	}
	v.named(c, id, trailers, digestOf(data), closed)
	s, err := v.at(ctx, from)
	if err != nil {
		return err
	}
	cluster, r, open, err := s.locate(ctx, id)
	if err != nil {
		if transient(ctx, err) != nil {
			return err
		}
		v.fail(id, c.Revision, CheckChain, "what it releases is not in the commit before it: %s", err)
		return nil
	}
	if closed.Spec.Previous != digestOf(open) {
		v.fail(id, c.Revision, CheckChain, "the record says that the one before it was %s, and it was %s", orNone(closed.Spec.Previous), digestOf(open))
	}
	r.Spec.Status, r.Spec.Released, r.Spec.Previous = closed.Spec.Status, closed.Spec.Released, closed.Spec.Previous
	if want, err := r.encode(); err != nil || !bytes.Equal(want, data) {
		v.fail(id, c.Revision, CheckContent, "the record in the history is not the incident's with the end added")
	}
	changes, err := render.Release(ctx, from, cluster, id)
	if err != nil {
		if transient(ctx, err) != nil {
			return err
		}
		v.fail(id, c.Revision, CheckContent, "releasing it again is refused: %s", err)
		return nil
	}
	want, err := from.With(ctx, append(changes, gitops.Change{Path: historyFile(id), Content: data})...)
	if err != nil {
		return err
	}
	why, err := differing(ctx, tree, want, "releasing it again gives something else: ")
	if err != nil {
		return err
	}
	if why != "" {
		v.fail(id, c.Revision, CheckContent, "%s", why)
		return nil
	}
	return v.note(ctx, v.closed, id, tree, historyFile(id))
}

// note remembers what a commit that passed holds at a path.
func (v *verifier) note(ctx context.Context, in map[string][]string, id string, tree *gitops.Tree, name string) error {
	e, err := tree.Stat(ctx, name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	in[id] = append(in[id], e.Hash)
	return nil
}

// base holds what the base branch has of incidents against the commits. With
// the whole history read, nothing may be there that no commit explains.
func (v *verifier) base(ctx context.Context, whole bool) error {
	there := map[string]bool{}
	hold := func(id, name string, known map[string][]string) error {
		there[id] = true
		if !whole && len(known[id]) == 0 {
			return nil // from before the range
		}
		e, err := v.tree.Stat(ctx, name)
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		if !slices.Contains(known[id], e.Hash) {
			v.fail(id, v.revision, CheckBase, "%s of %s is not what a commit that passed has put there", name, v.session.base)
		}
		return nil
	}
	for _, c := range v.fleet.Clusters() {
		entries, err := v.tree.ReadDir(ctx, c.Response)
		if err != nil && !errors.Is(err, gitops.ErrNotFound) {
			return fmt.Errorf("list incidents of %s: %w", c.Name, err)
		}
		for _, e := range entries {
			if e.Mode == gitops.Dir && keyFrom(e.Name) != "" {
				if err := hold(e.Name, path.Join(c.Response, e.Name), v.dirs); err != nil {
					return err
				}
			}
		}
	}
	past, err := v.history(ctx)
	if err != nil {
		return err
	}
	for _, one := range past {
		if err := hold(one.ID, one.Record, v.closed); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(v.dirs)) {
		if !there[id] {
			v.fail(id, v.revision, CheckBase, "it was merged, and %s holds neither the incident nor its record any more", v.session.base)
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
