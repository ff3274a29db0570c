// Package onboard prepares a fleet repository for containment, and says what of
// a prepared one is missing.
//
// Start from [Propose], which carries out `irgit init`: it reads the fleet,
// makes a [Setup] and proposes it as the branch irgit/init. [Plan] is the pure
// part of it, a function of the fleet. [Examine] is what `irgit doctor` asks of
// each cluster.
//
// A Setup adds irgit's own files, and as few lines as that takes to files of
// others: an entry in the kustomizations that have to name a hook or a new sync
// object, and a line in .sourceignore. Every root that could come out otherwise
// is built before and after. Whatever changes more than it is meant to is left
// out, and the text says why; the rest is proposed.
//
// The functions keep nothing and are safe for concurrent use.
package onboard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
)

// Branch is the branch of the proposal.
const Branch = "irgit/init"

// Setup is what a fleet lacks.
type Setup struct {
	Changes       []gitops.Change // by path; none when nothing is missing
	Document      proposal.Onboarding
	Before, After *gitops.Tree
}

// RefusedError says why nothing is proposed, and the way out.
type RefusedError struct{ Reason, Step string }

func (e *RefusedError) Error() string { return e.Reason }

// PlanOptions of Plan.
type PlanOptions struct {
	Base    string // the branch that is read, for Argo CD to follow
	NoHooks bool   // teams' kustomizations are left alone
}

// Plan finds what a fleet lacks. The fleet was loaded with Discover. The error
// is a *RefusedError, or one of the repository.
func Plan(ctx context.Context, f *fleet.Fleet, o PlanOptions) (*Setup, error) {
	p := &planner{o: o, fleet: f, skipped: map[string]string{}}
	if err := p.survey(ctx); err != nil {
		return nil, err
	}
	for {
		d, err := p.compose(ctx)
		if err != nil {
			return nil, err
		}
		wrong, err := p.prove(ctx, d)
		if err != nil {
			return nil, err
		}
		if len(wrong) == 0 {
			return p.finish(ctx, d)
		}
		for what, why := range wrong {
			if p.skipped[what] != "" {
				return nil, &RefusedError{"the setup changes what is rendered: " + why, "this should not happen; prepare the fleet by hand, as the README shows"}
			}
			p.skipped[what] = why
		}
	}
}

// planner is the state of Plan.
type planner struct {
	o        PlanOptions
	fleet    *fleet.Fleet // as it is declared or discovered
	whole    *fleet.Fleet // with every bootstrap that reading finds
	extra    []fleet.Cluster
	declared bool
	names    []string // of the repository
	before   *gitops.Tree
	ignore   []byte // .sourceignore with what it lacks, nil when it lacks nothing
	unseen   []proposal.Remark
	clusters []*cluster
	skipped  map[string]string // parts that changed more than they should, and why
}

// cluster is what the survey found of one.
type cluster struct {
	fleet.Cluster
	index    *fleet.Index       // in the whole fleet
	applied  []controllers.Sync // what applies its incidents
	delivery fleet.Delivery     // where a new sync object goes
	knows    bool               // where that is
	wirings  []fleet.Wiring     // of the roots that are declared, or discovered
}

// probe is an incident of a cluster that is never written: what would apply it
// is asked. As with real ones, no two clusters have the same.
func probe(cluster string) string {
	return fmt.Sprintf("20000101-probe-%x", sha256.Sum256([]byte(cluster)))[:23]
}

func (p *planner) survey(ctx context.Context) error {
	if len(p.fleet.Clusters()) == 0 {
		return &RefusedError{
			"no cluster was found: nothing in the repository tells Flux or Argo CD to apply a directory of it",
			"declare the clusters and their roots in " + fleet.ConfigFile,
		}
	}
	_, err := p.fleet.Tree().Stat(ctx, fleet.ConfigFile)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return err
	}
	p.declared, p.before = err == nil, p.fleet.Tree()
	if p.whole, p.extra, err = p.fleet.Completed(ctx, probes(p.fleet)...); err != nil {
		return err
	}
	if p.names, err = p.whole.Names(ctx); err != nil {
		return err
	}
	applied, err := applying(ctx, p.whole)
	if err != nil {
		return err
	}
	for _, c := range p.whole.Clusters() {
		p.clusters = append(p.clusters, &cluster{Cluster: c, applied: applied[c.Name]})
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	if shipped, err := p.ship(ctx); shipped || err != nil {
		return err
	}
	return p.look(ctx) // hooks lie elsewhere when what is shipped has changed
}

func (p *planner) look(ctx context.Context) error {
	for _, c := range p.clusters {
		if err := p.lookAt(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// lookAt asks the index of one cluster.
func (p *planner) lookAt(ctx context.Context, c *cluster) (err error) {
	if c.index, err = p.whole.Index(ctx, c.Name); err != nil {
		return err
	}
	if c.delivery, c.knows, err = c.index.Delivery(ctx); err != nil {
		return err
	}
	declared, err := p.fleet.Index(ctx, c.Name)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range declared.Roots() {
		known[r.Path] = true
	}
	c.wirings = nil
	for _, r := range c.index.Roots() {
		if !known[r.Path] {
			continue // nobody asks irgit about it
		}
		w, err := c.index.Wiring(ctx, r.ID)
		if err != nil {
			return err
		}
		if w.Objects > 0 {
			c.wirings = append(c.wirings, w)
		}
	}
	return nil
}

// probes are an incident of each cluster.
func probes(f *fleet.Fleet) (out []gitops.Change) {
	for _, c := range f.Clusters() {
		out = append(out,
			gitops.Change{Path: path.Join(c.Response, readme), Content: []byte("\n")},
			gitops.Change{Path: path.Join(c.Response, probe(c.Name), "kustomization.yaml"), Content: []byte("sortOptions: {order: fifo}\nresources: []\n")})
	}
	return out
}

// applying finds, for each cluster, what would apply an incident of it.
func applying(ctx context.Context, f *fleet.Fleet) (map[string][]controllers.Sync, error) {
	probed, err := f.With(ctx, probes(f)...)
	if err != nil {
		return nil, err
	}
	out := map[string][]controllers.Sync{}
	for _, c := range f.Clusters() {
		ix, err := probed.Index(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		for _, s := range ix.Response() {
			if s.Path == c.Response && s.Controller == controllers.FluxCD || s.Path == path.Join(c.Response, probe(c.Name)) {
				out[c.Name] = append(out[c.Name], s)
			}
		}
	}
	return out, nil
}

// draft is a setup in the making.
type draft struct {
	files   map[string][]byte
	doc     proposal.Onboarding
	owners  map[string][]string // the parts that changed a file, by its path
	config  map[string][]string // bootstraps to be written down, by cluster
	objects map[string][]object // new sync objects, by cluster
	after   *fleet.Fleet
}

// object names a new sync object.
type object struct{ kind, namespace, name string }

func (d *draft) put(part, file string, data []byte) {
	d.files[file] = data
	if part != "" {
		d.owners[file] = append(d.owners[file], part)
	}
}

// read is a file as the draft leaves it; there is false when it is not there.
func (p *planner) read(ctx context.Context, d *draft, file string) (data []byte, there bool, err error) {
	if data, ok := d.files[file]; ok {
		return data, true, nil
	}
	data, err = p.whole.Tree().ReadFile(ctx, file)
	if errors.Is(err, gitops.ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, err
}

func (d *draft) byHand(where, what, step string) {
	d.doc.ByHand = append(d.doc.ByHand, proposal.Remark{Where: where, What: what, Step: step})
}

func (d *draft) changes() []gitops.Change {
	out := make([]gitops.Change, 0, len(d.files))
	for name, data := range d.files {
		out = append(out, gitops.Change{Path: name, Content: data})
	}
	slices.SortFunc(out, func(a, b gitops.Change) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// compose writes all that is wanted and was not skipped.
func (p *planner) compose(ctx context.Context) (*draft, error) {
	d := &draft{files: map[string][]byte{}, owners: map[string][]string{}, config: map[string][]string{}, objects: map[string][]object{}}
	d.doc.ByHand = slices.Clone(p.unseen)
	if p.ignore != nil {
		d.put("", sourceIgnore, p.ignore)
	}
	for _, c := range p.clusters {
		d.doc.Clusters = append(d.doc.Clusters, proposal.Prepared{Name: c.Name, GitOps: c.GitOps, Directory: c.Response})
		into := &d.doc.Clusters[len(d.doc.Clusters)-1]
		if err := p.directory(ctx, d, c); err != nil {
			return nil, err
		}
		if err := p.deliver(ctx, d, c, into); err != nil {
			return nil, err
		}
		if err := p.wire(ctx, d, c, into); err != nil {
			return nil, err
		}
	}
	if p.declared {
		d.doc.Kept = p.undeclared()
	} else {
		p.configure(d)
	}
	var err error
	if d.after, err = p.whole.With(ctx, d.changes()...); err != nil {
		return nil, err
	}
	return d, nil
}

const readme = "README.md"

// directory is where the cluster's incidents go.
func (p *planner) directory(ctx context.Context, d *draft, c *cluster) error {
	file := path.Join(c.Response, readme)
	_, there, err := p.read(ctx, d, file)
	if there || err != nil {
		return err
	}
	d.put("", file, []byte("# Incident response, "+c.Name+"\n\nirgit writes one directory per incident here. This file keeps the directory alive while there is none.\n"))
	return nil
}

// finish completes a draft that is proved.
func (p *planner) finish(ctx context.Context, d *draft) (*Setup, error) {
	s := &Setup{Before: p.before, Document: d.doc}
	p.unknowns(s)
	s.Changes = d.changes()
	var err error
	if s.After, err = s.Before.With(ctx, s.Changes...); err != nil {
		return nil, err
	}
	for _, c := range s.Changes {
		change := "add"
		if _, err := s.Before.Stat(ctx, c.Path); err == nil {
			change = "edit"
		}
		s.Document.Files = append(s.Document.Files, proposal.File{Path: c.Path, Change: change})
	}
	return s, nil
}

// unknowns are the findings of all clusters, each once.
func (p *planner) unknowns(s *Setup) {
	for _, c := range p.clusters {
		for _, f := range c.index.Findings() {
			r := proposal.Remark{Where: cmp.Or(f.File, f.Root), What: f.Message, Step: f.Step}
			if !slices.Contains(s.Document.Unknown, r) {
				s.Document.Unknown = append(s.Document.Unknown, r)
			}
		}
	}
}

// undeclared says what .irgit.yaml lacks.
func (p *planner) undeclared() string {
	if len(p.extra) == 0 {
		return "It declares every cluster that was found."
	}
	var lacks []string
	for _, c := range p.extra {
		lacks = append(lacks, c.Name+" ("+c.GitOps+", "+strings.Join(c.Bootstrap, ", ")+")")
	}
	return "It does not declare what was found besides: " + strings.Join(lacks, "; ") + "."
}
