package onboard

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/edit"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/manifest"
	"github.com/irgit/irgit/internal/proposal"
)

// kind is one that the built-in actions create.
type kind struct {
	Group, Kind string
	OfCluster   bool   // it stands in no namespace
	CNI         string // only where this is the cluster's network
}

// kinds are what the built-in actions create: all that Argo CD has to permit.
var kinds = []kind{
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"},
	{Group: "cilium.io", Kind: "CiliumNetworkPolicy", CNI: "cilium"},
	{Group: "projectcalico.org", Kind: "NetworkPolicy", CNI: "calico"},
	{Group: "security.istio.io", Kind: "AuthorizationPolicy"},
	{Group: "telemetry.istio.io", Kind: "Telemetry"},
	{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshot"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy", OfCluster: true},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding", OfCluster: true},
}

// kindsOf are those of a cluster.
func kindsOf(c fleet.Cluster) []kind {
	return slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return k.CNI != "" && k.CNI != c.CNI })
}

// deliver has the cluster's controller apply its incidents.
func (p *planner) deliver(ctx context.Context, d *draft, c *cluster, into *proposal.Prepared) error {
	say := func(format string, args ...any) { into.Applies = append(into.Applies, fmt.Sprintf(format, args...)) }
	at := c.delivery
	part := "delivery " + c.Name
	switch {
	case len(c.applied) > 0:
		say("%s applies it already.", describe(c.applied[0]))
		d.obstacles(c)
		return nil
	case !c.knows:
		d.byHand(fleet.ConfigFile, fmt.Sprintf("Where the controller of %s is told what to apply was not found.", c.Name),
			"Have it apply "+c.Response+", as the README shows, and declare the cluster's bootstrap.")
		say("Nothing yet: see below.")
		return nil
	case p.skipped[part] != "":
		d.byHand(at.Dir, "A sync object there is left out: "+p.skipped[part], "Have the controller of "+c.Name+" apply "+c.Response+" by hand.")
		say("Nothing yet: see below.")
		return nil
	}
	if c.GitOps == controllers.ArgoCD && len(p.names) == 0 {
		d.byHand(at.Dir, "The URL by which Argo CD knows this repository was not found.", "Name it in repositories of "+fleet.ConfigFile+", and run irgit init again.")
		return nil
	}
	data, objects, err := p.syncObjects(c)
	if err != nil {
		return err
	}
	file, err := p.free(ctx, d, at.Dir, c.Name)
	if err != nil {
		return err
	}
	listed := at.Kustomization == ""
	if !listed {
		if listed, err = p.list(ctx, d, part, at.Kustomization, "resources", path.Base(file)); err != nil {
			return err
		}
	}
	d.put(part, file, data)
	d.objects[c.Name] = objects
	say("%s in %s, new.", named(objects), file)
	isFile := slices.ContainsFunc(c.Bootstrap, func(b string) bool { return b != at.Dir && path.Dir(b) == at.Dir })
	if at.ByHand {
		apply := "kubectl apply -f " + file
		if at.Kustomization != "" {
			apply = "kubectl apply -k " + at.Dir
		}
		d.byHand(file, "Nothing in Git applies "+at.Dir+": somebody does by hand, or a bootstrap that is not in this repository.", "Where it is by hand, apply the new file, too, once it is merged: "+apply)
		if isFile && !slices.Contains(c.Bootstrap, at.Dir) {
			d.config[c.Name] = []string{file}
		}
	}
	if !listed {
		d.byHand(at.Kustomization, "It was not edited.", "Add "+path.Base(file)+" to its resources by hand.")
	}
	return nil
}

// obstacles are what keeps the sync object that is there from working.
func (d *draft) obstacles(c *cluster) {
	for _, s := range c.applied {
		for _, reason := range []string{s.Rules.Suspended, s.Rules.Manual, s.Rules.Pinned} {
			if reason != "" {
				d.byHand(c.Response, describe(s)+" does not apply it by itself: "+reason, "Change that, or containment waits for somebody.")
			}
		}
	}
}

var probed = regexp.MustCompile(`20000101-probe-[0-9a-f]{8}`)

// describe names a sync object; one that each incident gets is named as such.
func describe(s controllers.Sync) string {
	return s.Object.Kind + " " + path.Join(s.Object.Namespace, probed.ReplaceAllString(s.Object.Name, "<incident>"))
}

func named(objects []object) string {
	text := ""
	for i, o := range objects {
		if i > 0 {
			text += " and "
		}
		text += o.kind + " " + path.Join(o.namespace, o.name)
	}
	return text
}

// free is a path for the new file that nothing has.
func (p *planner) free(ctx context.Context, d *draft, dir, cluster string) (string, error) {
	for _, name := range []string{"incident-response.yaml", "incident-response-" + cluster + ".yaml"} {
		file := path.Join(dir, name)
		if _, ours := d.files[file]; ours {
			continue
		}
		if _, err := p.whole.Tree().Stat(ctx, file); errors.Is(err, gitops.ErrNotFound) {
			return file, nil
		} else if err != nil && ctx.Err() != nil {
			return "", err
		}
	}
	return "", &RefusedError{
		fmt.Sprintf("%s and incident-response-%s.yaml are there, and do not have the controller of %s apply its incidents", path.Join(dir, "incident-response.yaml"), cluster, cluster),
		"correct or remove them",
	}
}

// list adds an entry to a list of a kustomization; done is false where that is
// for a person.
func (p *planner) list(ctx context.Context, d *draft, part, file, list, entry string) (done bool, err error) {
	data, _, err := p.read(ctx, d, file)
	if err != nil {
		return false, err
	}
	e, err := edit.AddListItem(file, data, edit.Selector{}, edit.Path{list}, entry)
	var refused *edit.Refusal
	if errors.As(err, &refused) {
		d.doc.Unwired = append(d.doc.Unwired, proposal.Remark{Where: file, What: refused.Reason, Step: fmt.Sprintf("Add %s to its %s by hand, or: %s.", entry, list, refused.Step)})
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(e.Changes) == 0 {
		return true, nil
	}
	edited, err := e.Apply(data)
	if err != nil {
		return false, err
	}
	d.put(part, file, edited)
	return true, nil
}

// syncObjects are what makes the controller apply the cluster's incidents, as
// ../shared/lab shows it to work.
func (p *planner) syncObjects(c *cluster) ([]byte, []object, error) {
	if c.GitOps == controllers.FluxCD {
		return fluxObjects(c)
	}
	return p.argoObjects(c)
}

type fields = map[string]any

func fluxObjects(c *cluster) ([]byte, []object, error) {
	o := object{"Kustomization", c.Flux.Namespace, c.unused("Kustomization", c.Flux.Namespace)}
	data, err := manifest.Encode("irgit's: applies one directory per incident, and removes what leaves it.", fields{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": o.kind,
		"metadata": fields{"name": o.name, "namespace": o.namespace},
		"spec": fields{
			"interval": "1m", "retryInterval": "30s", "path": "./" + c.Response, "prune": true, "wait": false,
			"sourceRef": fields{"kind": c.Flux.Source.Kind, "name": c.Flux.Source.Name},
		},
	}, "interval", "retryInterval", "path", "prune", "wait", "sourceRef")
	return data, []object{o}, err
}

// unused is a name for a sync object that the cluster does not have.
func (c *cluster) unused(kind, namespace string) string {
	name := "incident-response"
	if len(c.index.Find(kind, namespace, name)) > 0 {
		name = "irgit-" + name
	}
	return name
}

func (p *planner) argoObjects(c *cluster) ([]byte, []object, error) {
	namespace := c.delivery.Namespace
	if namespace == "" {
		namespace = "argocd"
	}
	name := c.unused("ApplicationSet", namespace)
	if slices.ContainsFunc(p.clusters, func(o *cluster) bool { return o.GitOps == controllers.ArgoCD && o.Name != c.Name }) {
		name += "-" + c.Name // they may share an Argo CD
	}
	url, destination := p.names[0], p.destination(c)
	permitted := fields{"namespace": "*"}
	for k, v := range destination {
		permitted[k] = v
	}
	var namespaced, ofCluster []any
	for _, k := range kindsOf(c.Cluster) {
		list := &namespaced
		if k.OfCluster {
			list = &ofCluster
		}
		*list = append(*list, fields{"group": k.Group, "kind": k.Kind})
	}
	project, err := manifest.Encode("irgit's: one Application per incident, which may create the kinds that containment takes and no others.", fields{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": fields{"name": name, "namespace": namespace},
		"spec": fields{
			"description": "Containment written by irgit. No sync windows, so that it is applied at any hour.",
			"sourceRepos": []any{url}, "destinations": []any{permitted}, "namespaceResourceWhitelist": namespaced, "clusterResourceWhitelist": ofCluster,
		},
	}, "description", "sourceRepos", "destinations")
	if err != nil {
		return nil, nil, err
	}
	revision := p.o.Base
	if revision == "" {
		revision = "HEAD"
	}
	set, err := manifest.Encode("", fields{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": fields{"name": name, "namespace": namespace},
		"spec": fields{
			"generators": []any{fields{"git": fields{"repoURL": url, "revision": revision, "directories": []any{fields{"path": c.Response + "/*"}}}}},
			"template": fields{
				"metadata": fields{"name": "irgit-{{path.basename}}", "finalizers": []any{"resources-finalizer.argocd.argoproj.io"}},
				"spec": fields{
					"project":     name,
					"source":      fields{"repoURL": url, "targetRevision": revision, "path": "{{path}}"},
					"destination": destination,
					"syncPolicy": fields{
						"automated":   fields{"prune": true, "selfHeal": true, "allowEmpty": true},
						"syncOptions": []any{"ServerSideApply=true"}, "retry": fields{"limit": int64(5)},
					},
				},
			},
		},
	}, "generators", "template")
	objects := []object{{"AppProject", namespace, name}, {"ApplicationSet", namespace, name}}
	return slices.Concat(project, []byte("---\n"), set), objects, err
}

// destination is how Argo CD's Applications name the cluster.
func (p *planner) destination(c *cluster) fields {
	switch at := c.delivery.Destination; {
	case at.Name != "":
		return fields{"name": at.Name}
	case at.Server != "":
		return fields{"server": at.Server}
	case c.InCluster:
		return fields{"server": "https://kubernetes.default.svc"}
	}
	return fields{"name": c.Name}
}
