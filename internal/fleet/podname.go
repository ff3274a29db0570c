package fleet

import (
	"strings"
)

// The rules by which controllers name pods:
//
//   - a generated name is its base, cut to 58 characters, and 5 of the safe
//     alphabet (k8s.io/apiserver/pkg/storage/names/generate.go);
//   - a ReplicaSet is called after its Deployment and a hash of 1 to 10 safe
//     characters (k8s.io/kubernetes/pkg/controller/controller_utils.go,
//     ComputeHash); Argo Rollouts does the same;
//   - a StatefulSet numbers its pods, a Job with completionMode Indexed does
//     so before the generated part;
//   - a CronJob calls its Jobs after itself and the minutes since 1970.
const (
	cut      = 58
	suffix   = 5
	maxHash  = 10
	alphabet = "bcdfghjklmnpqrstvwxz2456789"
)

func safe(s string) bool {
	return s != "" && strings.Trim(s, alphabet) == ""
}

// hash reports whether s is a pod template's hash, or the beginning of one.
func hash(s string, _ bool) bool { return len(s) <= maxHash && safe(s) }

// minutes reports whether s is the number in a CronJob's Job: eight digits
// from 1989 to 2160, nine thereafter. Where a cut ends it there are fewer.
func minutes(s string, ends bool) bool {
	return len(s) <= 9 && (ends || len(s) >= 8) && number(s) && s != "0"
}

// number reports whether s is a decimal number as strconv.Itoa writes it.
func number(s string) bool {
	if s == "" || len(s) > 10 || s[0] == '0' && s != "0" {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// podName is a pod's name taken apart.
type podName struct {
	whole string
	base  string // without the generated part, with the dash before it
	bare  bool   // no generated part
}

func parsePod(name string) podName {
	if len(name) <= suffix || !safe(name[len(name)-suffix:]) {
		return podName{whole: name, bare: true}
	}
	return podName{whole: name, base: name[:len(name)-suffix]}
}

// fits reports whether a pod of w may have the name. indexed is a Job (or a
// CronJob's) whose pods are numbered.
func (p podName) fits(w Workload, indexed bool) bool {
	switch w.Kind {
	case "Pod":
		return p.whole == w.Name
	case "StatefulSet":
		ordinal, ok := strings.CutPrefix(p.whole, w.Name+"-")
		return ok && number(ordinal)
	}
	if p.bare {
		return false
	}
	switch w.Kind {
	case "Deployment", "Rollout":
		return p.generated(w.Name+"-", hash)
	case "DaemonSet", "ReplicaSet", "ReplicationController":
		return p.generated(w.Name+"-", nil)
	case "Job":
		if indexed {
			return p.numbered(w.Name, nil)
		}
		return p.generated(w.Name+"-", nil)
	case "CronJob":
		if indexed {
			return p.numbered(w.Name+"-", minutes)
		}
		return p.generated(w.Name+"-", minutes)
	}
	return false
}

// A middle is what a controller puts between the workload's name and the
// generated part. ends says that a cut ended it.
type middle func(s string, ends bool) bool

// generated reports whether the base may have been made of prefix, a middle
// (none when it is nil) and a dash.
func (p podName) generated(prefix string, m middle) bool {
	if len(p.base) > cut {
		return false
	}
	if m == nil {
		return p.base == prefix || len(p.base) == cut && strings.HasPrefix(prefix, p.base)
	}
	if inner, dash := strings.CutSuffix(p.base, "-"); dash && begins(inner, prefix, m, false) {
		return true
	}
	return len(p.base) == cut && begins(p.base, prefix, m, true)
}

// numbered is the rule of an indexed Job: prefix and middle are its name, and
// its number survives the cut (k8s.io/kubernetes/pkg/controller/job/indexed_job_utils.go).
func (p podName) numbered(prefix string, m middle) bool {
	head, dash := strings.CutSuffix(p.base, "-")
	at := strings.LastIndexByte(head, '-')
	if len(p.base) > cut || !dash || at < 0 || !number(head[at+1:]) {
		return false
	}
	head = head[:at]
	return begins(head, prefix, m, false) || len(p.base) == cut && begins(head, prefix, m, true)
}

// begins reports whether s is prefix and the middle, or, where a cut ends it,
// the beginning of them.
func begins(s, prefix string, m middle, ends bool) bool {
	if ends && strings.HasPrefix(prefix, s) {
		return true
	}
	rest, ok := strings.CutPrefix(s, prefix)
	if m == nil {
		return ok && rest == ""
	}
	return ok && m(rest, ends)
}
