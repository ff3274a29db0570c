package fleet

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Query is what an alert says about its subject. Every field may be hostile
// and none has to be there.
type Query struct {
	Namespace string
	Pod       string
	Kind      string // of the owner, in any case; may be empty where Name is given
	Name      string // of the owner
	Container string
	Image     string
}

// What Resolve answers.
const (
	Found         = "found"
	Ambiguous     = "ambiguous"     // more than one workload fits
	NotInFleet    = "not-in-fleet"  // none fits
	NoNamespace   = "no-namespace"  // the alert does not say where
	Contradiction = "contradiction" // the alert's owner and its pod do not go together
)

// Evidence of a resolution.
const (
	EvidenceOwner = "owner"    // the alert names the owner, and everything else fits
	EvidencePod   = "pod-name" // only the pod's name: weak, for whoever creates pods chooses it
)

// Resolution is the answer to a Query. Its texts hold names of the fleet and
// never words of the alert.
type Resolution struct {
	Workload   *Workload // nil unless State is Found
	State      string
	Reason     string     // one sentence
	Evidence   string     // "" unless State is Found
	Doubts     []string   // what fits badly although the workload was found
	Candidates []Workload // those that fit, for a person to choose from
}

// Resolve finds the workload that an alert means. It never guesses: where two
// fit, none is found, and only Found may lead to an action.
func (ix *Index) Resolve(q Query) Resolution {
	if problem := q.problem(); problem != "" {
		return Resolution{State: NotInFleet, Reason: problem}
	}
	if kindIs(q.Kind, "pod") && q.Name != "" { // an owner that is the pod itself
		if q.Pod != "" && q.Pod != q.Name {
			return Resolution{State: Contradiction, Reason: "the alert names two different pods"}
		}
		q.Pod, q.Kind, q.Name = q.Name, "", ""
	}
	pod := parsePod(q.Pod)
	if q.Namespace == "" {
		fits, _ := ix.match(ix.workloads, q, pod)
		return Resolution{State: NoNamespace, Candidates: fits, Reason: "the alert names no namespace, and a name alone does not say which workload is meant"}
	}
	here := ix.inNamespace(q.Namespace)
	fits, owned := ix.match(here, q, pod)
	switch {
	case q.Name != "" && len(fits) == 0:
		return ix.strangers(here, owned, q, pod)
	case len(fits) == 0:
		return Resolution{State: NotInFleet, Reason: ix.absent(here, q)}
	case len(fits) > 1:
		return Resolution{State: Ambiguous, Candidates: fits, Reason: fmt.Sprintf("%d workloads fit: %s", len(fits), list(fits))}
	}
	w := fits[0]
	r := Resolution{Workload: &w, State: Found, Candidates: fits, Doubts: ix.doubts(w, q)}
	if q.Name != "" {
		r.Evidence, r.Reason = EvidenceOwner, fmt.Sprintf("the alert names %s %s/%s as the owner", w.Kind, w.Namespace, w.Name)
	} else {
		r.Evidence, r.Reason = EvidencePod, fmt.Sprintf("the pod's name has the shape of %s %s/%s, and of no other workload of the namespace", w.Kind, w.Namespace, w.Name)
	}
	return r
}

// problem says why the query cannot mean anything, "" when it can. Names that
// Kubernetes would refuse are turned away before anything compares them.
func (q Query) problem() string {
	switch {
	case q.Namespace != "" && (len(q.Namespace) > validation.DNS1123LabelMaxLength || len(validation.IsDNS1123Label(q.Namespace)) > 0):
		return "the alert's namespace is not a name that Kubernetes allows"
	case q.Pod != "" && !nameAllowed(q.Pod):
		return "the alert's pod is not a name that Kubernetes allows"
	case q.Name != "" && !nameAllowed(q.Name):
		return "the alert's owner is not a name that Kubernetes allows"
	case len(q.Kind) > maxKind:
		return "the alert's owner is of no kind that Kubernetes has"
	case q.Pod == "" && q.Name == "":
		return "the alert names neither a pod nor an owner"
	}
	return ""
}

func nameAllowed(s string) bool {
	return len(s) <= validation.DNS1123SubdomainMaxLength && len(validation.IsDNS1123Subdomain(s)) == 0
}

const maxKind = 63

// kindIs compares a kind as alerts write it: in any case, sometimes in plural.
func kindIs(alert, kind string) bool {
	return strings.EqualFold(alert, kind) || strings.EqualFold(alert, kind+"s")
}

// match returns the workloads that fit everything the query says, and those
// that fit the owner alone.
func (ix *Index) match(among []Workload, q Query, pod podName) (fits, owned []Workload) {
	for _, w := range among {
		if q.Name != "" {
			if !ownerFits(w, q.Kind, q.Name) {
				continue
			}
			owned = append(owned, w)
		}
		if q.Pod == "" || pod.fits(w, ix.extras[w.Ref()].indexed) {
			fits = append(fits, w)
		}
	}
	return fits, owned
}

// ownerFits compares the owner that an alert names: the workload itself, or
// what its controller makes between it and the pod.
func ownerFits(w Workload, kind, name string) bool {
	if w.Name == name && (kind == "" || kindIs(kind, w.Kind)) {
		return true
	}
	rest, ok := strings.CutPrefix(name, w.Name+"-")
	switch {
	case !ok:
		return false
	case kindIs(kind, "ReplicaSet") && (w.Kind == "Deployment" || w.Kind == "Rollout"):
		return hash(rest, false)
	case kindIs(kind, "Job") && w.Kind == "CronJob":
		return minutes(rest, false)
	}
	return false
}

// strangers answers where the owner that the alert names does not fit.
func (ix *Index) strangers(here, owned []Workload, q Query, pod podName) Resolution {
	byPod, _ := ix.match(here, Query{Pod: q.Pod}, pod)
	switch {
	case len(owned) > 0:
		return Resolution{
			State: Contradiction, Candidates: append(slices.Clone(owned), byPod...),
			Reason: fmt.Sprintf("the alert's owner is %s, and the pod it names is not one of its pods", list(owned)),
		}
	case q.Pod != "" && len(byPod) > 0:
		return Resolution{
			State: Contradiction, Candidates: byPod,
			Reason: fmt.Sprintf("no root renders the owner that the alert names, and its pod would be one of %s", list(byPod)),
		}
	}
	return Resolution{State: NotInFleet, Reason: ix.absent(here, q)}
}

// absent says why nothing fits.
func (ix *Index) absent(here []Workload, q Query) string {
	subject := q.Pod
	if subject == "" {
		subject = q.Name
	}
	var why string
	if release, ok := ix.release(q.Namespace, subject); ok {
		return "it looks Helm-managed: " + ix.unseen(release)
	}
	if len(here) == 0 {
		why = "no root of the cluster renders a workload into the alert's namespace"
	} else {
		why = "no workload of the namespace fits what the alert names"
	}
	if n := ix.failed(); n == 1 {
		why += "; a root does not build whole, so its workloads may be unknown"
	} else if n > 1 {
		why += fmt.Sprintf("; %d roots do not build whole, so workloads of theirs may be unknown", n)
	}
	return why
}

// unseen says why a pod of a HelmRelease may not be known, and the way out.
func (ix *Index) unseen(r installed) string {
	name := fmt.Sprintf("HelmRelease %s/%s installs into the namespace, and ", r.ref.Namespace, r.ref.Name)
	if r.rendered != "" {
		return name + "nothing of what is kept of its chart in " + r.rendered + " fits: render it again"
	}
	return name + "what its chart renders is not in Git: " + ix.renderIt()
}

func (ix *Index) failed() (n int) {
	for _, r := range ix.roots {
		if r.failed || len(r.missing) > 0 {
			n++
		}
	}
	return n
}

// list names workloads for a sentence, the first few of many.
func list(ws []Workload) string {
	const most = 5
	names := make([]string, 0, most+1)
	for i, w := range ws {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(ws)-most))
			break
		}
		name := fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name)
		if slices.Contains(names, name) {
			name += " of " + w.Root
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
