package fleet

import "strconv"

// Claim is a PersistentVolumeClaim that pods of a workload use.
type Claim struct {
	Name     string
	Ref      ObjectRef // where the fleet renders it; zero where it does not
	Template string    // of the StatefulSet's volumeClaimTemplates that it is made of, "" otherwise
}

// maxClaims bounds what a StatefulSet may number.
const maxClaims = 1000

// Claims lists the PersistentVolumeClaims of w's pods: those that volumes name,
// then those that a StatefulSet makes for each of the replicas that Git says,
// as <template>-<name>-<ordinal>
// (k8s.io/kubernetes/pkg/controller/statefulset/stateful_set_utils.go,
// getPersistentVolumeClaimName). Claims of generic ephemeral volumes, which
// come and go with a pod, are not among them.
func (ix *Index) Claims(w Workload) (claims []Claim) {
	u, ok := ix.Object(w.Ref())
	if !ok {
		return nil
	}
	spec := []string{"spec", "template", "spec"}
	switch w.Kind {
	case "Pod":
		spec = []string{"spec"}
	case "CronJob":
		spec = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	for _, v := range mappings(dig(u.Object, append(spec, "volumes")...)) {
		name := text(dig(v, "persistentVolumeClaim", "claimName"))
		if name == "" {
			continue
		}
		c := Claim{Name: name}
		if found := ix.Find("PersistentVolumeClaim", w.Namespace, name); len(found) == 1 {
			c.Ref = found[0]
		}
		claims = append(claims, c)
	}
	if w.Kind != "StatefulSet" {
		return claims
	}
	replicas, said := dig(u.Object, "spec", "replicas").(int64)
	if !said {
		replicas = 1
	}
	first, _ := dig(u.Object, "spec", "ordinals", "start").(int64)
	for _, t := range mappings(dig(u.Object, "spec", "volumeClaimTemplates")) {
		template := text(dig(t, "metadata", "name"))
		for i := first; i < first+min(replicas, maxClaims); i++ {
			claims = append(claims, Claim{Name: template + "-" + w.Name + "-" + strconv.FormatInt(i, 10), Template: template})
		}
	}
	return claims
}
