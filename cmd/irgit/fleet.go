package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/validate"
)

func newFleetCommand(environ []string) *cobra.Command {
	group := &cobra.Command{
		Use:   "fleet",
		Short: "Ask what the fleet is: clusters, roots, workloads, owners, hits, paths, unknowns",
		Long: `fleet answers questions about the fleet repository from Git alone: no work tree,
no cluster. Where there is no .irgit.yaml, the clusters are found by reading the
repository's Flux and Argo CD objects. Every answer names the files it comes
from. Nothing is written.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(
		newFleetClustersCommand(environ), newFleetRootsCommand(environ), newFleetWorkloadsCommand(environ), newFleetOwnerCommand(environ),
		newFleetHitsCommand(environ), newFleetPathCommand(environ), newFleetUnknownsCommand(environ),
	)
	return group
}

// fleetOptions are what every question about the fleet takes.
type fleetOptions struct{ config, revision, cluster, output string }

func (o *fleetOptions) flags(c *cobra.Command) {
	configFlags(c, &o.config)
	c.Flags().StringVar(&o.revision, "revision", "", "branch or full commit id (default: the base branch)")
	c.Flags().StringVar(&o.cluster, "cluster", "", "only this cluster, by its name or an alias")
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text or json")
}

// listing is a command that prints rows about each cluster.
func listing(environ []string, use, short string, list func(*view) error) *cobra.Command {
	o := &fleetOptions{}
	c := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, _ []string) error {
		v, err := o.open(cmd, environ)
		if err != nil {
			return err
		}
		return list(v)
	}}
	o.flags(c)
	return c
}

// view is the fleet at one revision, and where answers go.
type view struct {
	fleet      *fleet.Fleet
	declared   bool           // by .irgit.yaml; otherwise the clusters were found by reading
	indexes    []*fleet.Index // of the clusters that are asked about
	out, aside io.Writer
	json       bool
}

// open reads the fleet.
func (o *fleetOptions) open(cmd *cobra.Command, environ []string) (*view, error) {
	if !slices.Contains([]string{"text", "json"}, o.output) {
		return nil, usageError{fmt.Errorf("-o %s is not known", o.output), "use text or json"}
	}
	config, err := loadConfig(o.config, environ, cmd.Flags())
	if err != nil {
		return nil, err
	}
	v := &view{out: cmd.OutOrStdout(), aside: cmd.ErrOrStderr(), json: o.output == "json"}
	if err := v.load(cmd.Context(), config, o.revision); err != nil {
		return nil, explain(err)
	}
	if err := v.index(cmd.Context(), o.cluster); err != nil {
		return nil, explain(err)
	}
	v.undeclared()
	return v, nil
}

// undeclared says how clusters come about that nobody declares.
func (v *view) undeclared() {
	switch {
	case v.declared || v.json:
	case len(v.fleet.Clusters()) == 0:
		v.note("there is no %s, and no Flux or Argo CD object that leads to a directory of this repository: no cluster is known", fleet.ConfigFile)
	default:
		v.note("there is no %s: the clusters were found by reading the repository; `irgit init` writes them down", fleet.ConfigFile)
	}
}

func (v *view) load(ctx context.Context, c *Config, revision string) error {
	options, err := c.git(ctx, v.aside)
	if err != nil {
		return err
	}
	remote, err := gitops.Open(ctx, options)
	if err != nil {
		return err
	}
	at, err := revisionOf(remote, c.Base, revision)
	if err != nil {
		return err
	}
	tree, err := remote.Tree(ctx, at)
	if err != nil && revision != "" && ctx.Err() == nil {
		return hintedError{err, "a server may keep to itself commits that no branch points at: make a branch of it, or set uploadpack.allowReachableSHA1InWant in that repository"}
	}
	if err != nil {
		return err
	}
	url := ""
	if _, err := forge.ParseRepository(c.Repo); err == nil {
		url = c.Repo
	}
	if v.fleet, err = fleet.Load(ctx, tree, fleet.Options{CacheDir: options.CacheDir, URL: url, Discover: true}); err != nil {
		return err
	}
	_, err = tree.Stat(ctx, fleet.ConfigFile)
	v.declared = err == nil
	return nil
}

// revisionOf finds a branch or takes a full commit id; "" is the base branch.
func revisionOf(remote *gitops.Remote, base, revision string) (gitops.Revision, error) {
	if revision == "" {
		_, at, err := remote.Base(base)
		return at, err
	}
	if at, ok := remote.Branch(revision); ok {
		return at, nil
	}
	const hexadecimal, commit = "0123456789abcdef", 40
	if len(revision) == commit && strings.Trim(revision, hexadecimal) == "" {
		return gitops.Revision(revision), nil
	}
	hint := "give a branch or a full commit id; of a tag, the id of its commit"
	var branches []string
	for name := range remote.Branches("") {
		branches = append(branches, name)
	}
	if near := validate.Nearest(revision, branches); near != "" {
		hint = fmt.Sprintf("did you mean %q? Otherwise %s", near, hint)
	}
	return "", usageError{fmt.Errorf("--revision: %s has no branch %q, and it is no full commit id", remote, revision), hint}
}

// index renders the clusters that are asked about: all, or the one that the
// word names.
func (v *view) index(ctx context.Context, word string) error {
	clusters := v.fleet.Clusters()
	if word != "" {
		c, ok := v.fleet.Cluster(word)
		if !ok {
			return unknownCluster(word, clusters)
		}
		clusters = []fleet.Cluster{c}
	}
	for _, c := range clusters {
		ix, err := v.fleet.Index(ctx, c.Name)
		if err != nil {
			return err
		}
		v.indexes = append(v.indexes, ix)
	}
	return nil
}

func unknownCluster(word string, clusters []fleet.Cluster) error {
	var names, words []string
	for _, c := range clusters {
		names = append(names, c.Name)
		words = append(append(words, c.Name), c.Aliases...)
	}
	if len(names) == 0 {
		return usageError{errors.New("--cluster: the fleet has no cluster at all"), "declare the clusters in " + fleet.ConfigFile}
	}
	hint := "known are " + strings.Join(names, ", ")
	if near := validate.Nearest(word, words); near != "" {
		hint = fmt.Sprintf("did you mean %q? Otherwise %s", near, hint)
	}
	return usageError{fmt.Errorf("--cluster: the fleet has no cluster %q", word), hint}
}

// print writes the answer: v as JSON, or the table.
func (v *view) print(answer any, t *table) error {
	var err error
	if v.json {
		err = printJSON(v.out, answer)
	} else {
		err = t.print(v.out)
	}
	if len(t.rows) == 0 {
		v.note("there are none")
	}
	if err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	return nil
}

// note says something beside the answer.
func (v *view) note(format string, args ...any) {
	fmt.Fprintf(v.aside, "irgit: note: "+format+"\n", args...)
}

// incomplete says how many findings concern what was printed.
func (v *view) incomplete(findings int) {
	switch findings {
	case 0:
	case 1:
		v.note("one finding concerns this answer: `irgit fleet unknowns` shows it")
	default:
		v.note("%d findings concern this answer: `irgit fleet unknowns` lists them", findings)
	}
}

// findings counts those of the clusters that are asked about.
func (v *view) findings() (n int) {
	n = len(v.ofNone())
	for _, ix := range v.indexes {
		n += len(ix.Findings())
	}
	return n
}

// ofNone are the findings about no cluster, unless one is asked about.
func (v *view) ofNone() []fleet.Finding {
	if len(v.indexes) < len(v.fleet.Clusters()) {
		return nil
	}
	return v.fleet.Findings()
}
