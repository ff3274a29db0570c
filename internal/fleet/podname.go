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

// minutes reports whether s is the number in a CronJob's Job: eight digits
// from 1989 to 2160, nine thereafter.
func minutes(s string) bool {
	return (len(s) == 8 || len(s) == 9) && number(s)
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

func podsIn(name string) podName {
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
		return p.generated(w.Name+"-", func(s string) bool { return len(s) <= maxHash && safe(s) })
	case "DaemonSet", "ReplicaSet", "ReplicationController":
		return p.generated(w.Name+"-", nil)
	case "Job":
		return p.job(w.Name, indexed)
	case "CronJob":
		// A Job's name is cut nowhere: CronJobs are called by 52 characters at most.
		rest, ok := strings.CutPrefix(p.base, w.Name+"-")
		at := strings.IndexByte(rest, '-')
		return ok && at > 0 && minutes(rest[:at]) && p.job(w.Name+"-"+rest[:at], indexed)
	}
	return false
}

// generated reports whether the name may have been made of prefix, a middle
// part (none when middle is nil) and a dash.
func (p podName) generated(prefix string, middle func(string) bool) bool {
	if len(p.base) > cut {
		return false
	}
	if rest, ok := strings.CutPrefix(p.base, prefix); ok {
		switch inner, dash := strings.CutSuffix(rest, "-"); {
		case middle == nil:
			return rest == "" // prefix ends with the dash
		case dash && middle(inner):
			return true
		default: // the cut fell into the middle part, or right behind it
			return len(p.base) == cut && (rest == "" || middle(rest))
		}
	}
	return len(p.base) == cut && strings.HasPrefix(prefix, p.base)
}

// job is a Job's own rule: the number survives the cut, the name does not
// (k8s.io/kubernetes/pkg/controller/job/indexed_job_utils.go).
func (p podName) job(name string, indexed bool) bool {
	if !indexed {
		return p.generated(name+"-", nil)
	}
	if len(p.base) > cut || !strings.HasSuffix(p.base, "-") {
		return false
	}
	head := p.base[:len(p.base)-1]
	at := strings.LastIndexByte(head, '-')
	if at < 0 || !number(head[at+1:]) {
		return false
	}
	head, kept := head[:at], p.base[at:]
	return head == name || len(p.base) == cut && len(name)+len(kept) > cut && strings.HasPrefix(name, head)
}
