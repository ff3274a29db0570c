package main

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/yaml"
)

var (
	istio         = module{"istio.io/api", "v1.31.1", "h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk="} // the version of the main go.mod
	cilium        = module{"github.com/cilium/cilium", "v1.20.2", "h1:dqiEGIcXc+gqCLYG/l7VCFJ8GHyb4HUrwbZOpkX5dL8="}
	calico        = repository{"github.com/projectcalico/calico", "v3.32.1", "0ca9d1b93644778cafdf1812f3dda02ac0c361e8"}
	keda          = module{"github.com/kedacore/keda/v2", "v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps="}
	rollouts      = module{"github.com/argoproj/argo-rollouts", "v1.9.1", "h1:+oZciUkeJYVb1vPMOhat4JQlk525j/aT2yizEkVkjLs="}
	argocd        = module{"github.com/argoproj/argo-cd/v3", "v3.5.7", "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0="}
	kustomizeSync = module{"github.com/fluxcd/kustomize-controller", "v1.9.6", "h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE="}
	fluxSource    = module{"github.com/fluxcd/source-controller", "v1.9.6", "h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc="}
	helmSync      = repository{"github.com/fluxcd/helm-controller", "v1.6.3", "372c34e2b4a455d24ef6cbb8321c82c4533dbbd8"}
	imageSync     = repository{"github.com/fluxcd/image-automation-controller", "v1.2.1", "aec086297d39dc23ece874cad38efcff0b9ac0f5"}
	gatewayAPI    = module{"sigs.k8s.io/gateway-api", "v1.6.3", "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="}
	snapshotter   = module{"github.com/kubernetes-csi/external-snapshotter/client/v8", "v8.7.0", "h1:HVaSUeRRHPu49aSiL8eXOjS9Re9G6pM0NzdTGI7mM14="}
)

// manifest is a file of CustomResourceDefinitions.
type manifest struct {
	from origin
	file string
}

// bundles are the files of custom kinds, by name. One file is what is unpacked
// when a kind of one of its groups is first met.
var bundles = map[string][]manifest{
	"istio": {{istio, "kubernetes/customresourcedefinitions.gen.yaml"}},
	"cilium": {
		{cilium, "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml"},
		{cilium, "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumclusterwidenetworkpolicies.yaml"},
		{cilium, "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumcidrgroups.yaml"},
	},
	"calico": {
		{calico, "api/config/crd/projectcalico.org_networkpolicies.yaml"},
		{calico, "api/config/crd/projectcalico.org_globalnetworkpolicies.yaml"},
		{calico, "api/config/crd/projectcalico.org_networksets.yaml"},
		{calico, "api/config/crd/projectcalico.org_globalnetworksets.yaml"},
		{calico, "api/config/crd/projectcalico.org_tiers.yaml"},
		{calico, "libcalico-go/config/crd/crd.projectcalico.org_networkpolicies.yaml"},
		{calico, "libcalico-go/config/crd/crd.projectcalico.org_globalnetworkpolicies.yaml"},
		{calico, "libcalico-go/config/crd/crd.projectcalico.org_networksets.yaml"},
		{calico, "libcalico-go/config/crd/crd.projectcalico.org_globalnetworksets.yaml"},
		{calico, "libcalico-go/config/crd/crd.projectcalico.org_tiers.yaml"},
	},
	"keda": {
		{keda, "config/crd/bases/keda.sh_scaledobjects.yaml"},
		{keda, "config/crd/bases/keda.sh_scaledjobs.yaml"},
	},
	"argo": {
		{rollouts, "manifests/crds/rollout-crd.yaml"},
		{argocd, "manifests/crds/application-crd.yaml"},
		{argocd, "manifests/crds/appproject-crd.yaml"},
	},
	"flux": {
		{kustomizeSync, "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml"},
		{helmSync, "config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml"},
		{imageSync, "config/crd/bases/image.toolkit.fluxcd.io_imageupdateautomations.yaml"},
		{fluxSource, "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"},
		{fluxSource, "config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml"},
		{fluxSource, "config/crd/bases/source.toolkit.fluxcd.io_helmrepositories.yaml"},
		{fluxSource, "config/crd/bases/source.toolkit.fluxcd.io_buckets.yaml"},
	},
	"gateway": {
		{gatewayAPI, "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"},
		{gatewayAPI, "config/crd/standard/gateway.networking.k8s.io_gateways.yaml"},
		{gatewayAPI, "config/crd/standard/gateway.networking.k8s.io_referencegrants.yaml"},
	},
	"snapshot": {
		{snapshotter, "config/crd/snapshot.storage.k8s.io_volumesnapshots.yaml"},
		{snapshotter, "config/crd/snapshot.storage.k8s.io_volumesnapshotclasses.yaml"},
	},
}

// fromCRDs takes every served version of the CustomResourceDefinitions in
// files of YAML documents.
func fromCRDs(files []manifest) (*bundle, error) {
	b := &bundle{Licence: "Apache-2.0", Kinds: map[string]kind{}}
	for _, m := range files {
		text, err := m.from.open(m.file)
		if err != nil {
			return nil, err
		}
		before := len(b.Kinds)
		for _, part := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
			if err := b.add(part); err != nil {
				return nil, fmt.Errorf("read %s of %s: %w", m.file, m.from, err)
			}
		}
		if len(b.Kinds) == before {
			return nil, fmt.Errorf("%s of %s holds no CustomResourceDefinition", m.file, m.from)
		}
		b.Sources = append(b.Sources, m.from.String()+" "+m.file)
	}
	return b, nil
}

// crd is what is read of a CustomResourceDefinition.
type crd struct {
	Kind string
	Spec struct {
		Group    string
		Scope    string
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Served bool
			Schema struct {
				OpenAPIV3Schema map[string]any
			}
		}
	}
}

// add takes the kinds of one document, without what a controller writes:
// status is not irgit's to write, and a third of the bytes.
func (b *bundle) add(document []byte) error {
	var def crd
	if err := yaml.Unmarshal(document, &def); err != nil {
		return err
	}
	if def.Kind != "CustomResourceDefinition" {
		return nil
	}
	for _, v := range def.Spec.Versions {
		if !v.Served {
			continue
		}
		schema := v.Schema.OpenAPIV3Schema
		if fields, ok := schema["properties"].(map[string]any); ok && fields["status"] != nil {
			fields["status"] = map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		}
		b.Kinds[gvkKey(def.Spec.Group, v.Name, def.Spec.Names.Kind)] = kind{Namespaced: def.Spec.Scope == "Namespaced", Schema: strip(schema, false)}
	}
	return nil
}
