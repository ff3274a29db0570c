package incident

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/reach"
)

// policyGroups are the API groups whose objects say who may talk to whom.
var policyGroups = []string{"networking.k8s.io", "security.istio.io", "cilium.io", "projectcalico.org", "crd.projectcalico.org"}

// trafficGroups are those of what that depends on.
var trafficGroups = append([]string{
	"", "apps", "batch", "argoproj.io", "networking.istio.io", "extensions.istio.io", "gateway.networking.k8s.io", "policy.networking.k8s.io",
}, policyGroups...)

// plainKinds are what of the group "" does.
var plainKinds = []string{"Namespace", "Service", "ServiceAccount", "Pod", "ReplicationController"}

// traffic says what becomes of the flows from and to the target, by the policies
// in Git before and with the bundle's. It is zero where the bundle has none.
func traffic(ix *fleet.Index, target fleet.Workload, objects []*unstructured.Unstructured) (out proposal.Traffic) {
	if !slices.ContainsFunc(objects, func(o *unstructured.Unstructured) bool {
		return slices.Contains(policyGroups, fleet.GroupOf(o.GetAPIVersion()))
	}) {
		return out
	}
	c := ix.Cluster()
	cluster := reach.Cluster{CNI: c.CNI, Mesh: c.Mesh.Mode, RootNamespace: c.Mesh.RootNamespace, TrustDomain: c.Mesh.TrustDomain, Waypoint: c.Mesh.Waypoint}
	all := ix.Objects(func(ref fleet.ObjectRef) bool {
		group := fleet.GroupOf(ref.APIVersion)
		return slices.Contains(trafficGroups, group) && (group != "" || slices.Contains(plainKinds, ref.Kind))
	})
	before, err := reach.New(cluster, all)
	if err == nil {
		var after *reach.Model
		if after, err = reach.New(cluster, append(all, objects...)); err == nil {
			return trafficOf(reach.Compare(before, after, before.FlowsOf(reach.Workload{Kind: target.Kind, Namespace: target.Namespace, Name: target.Name})))
		}
	}
	out.Unknown = err.Error()
	return out
}

func trafficOf(changes []reach.Change) (out proposal.Traffic) {
	for _, c := range changes {
		f := proposal.Flow{
			What: c.Became, From: endOf(c.Flow.From), To: fmt.Sprintf("%s %d/%s", endOf(c.Flow.To), c.Flow.Port, c.Flow.Protocol),
		}
		switch c.Became {
		case "stays":
			out.Stays++
			continue
		case "unclear":
			f.Why = strings.TrimPrefix(c.Is.Why, c.Is.By+": ")
			if c.Was == c.Is {
				out.Unclear++ // as unclear as before
				continue
			}
		case "cut":
			f.Why = c.Is.By
		}
		if !slices.Contains(out.Flows, f) {
			out.Flows = append(out.Flows, f)
		}
	}
	return out
}

// endOf names one end of a flow. An address stands for the internet.
func endOf(p reach.Peer) string {
	if p.Address.IsValid() {
		return "the internet"
	}
	return p.String()
}
