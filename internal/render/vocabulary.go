package render

import (
	"fmt"
	"regexp"
)

// tactics are D3FEND's that a response can have. The first four are OCSF's
// activities too; what only watches, or keeps evidence, is none there.
var tactics = []string{"isolate", "evict", "restore", "harden", "detect"}

// verbs are OpenC2's actions (Language Specification 1.0, table 3.3.1.1).
var verbs = []string{
	"scan", "locate", "query", "deny", "contain", "allow", "start", "stop", "restart", "cancel", "set", "update", "redirect", "create",
	"delete", "detonate", "restore", "copy", "investigate", "remediate",
}

// phases are those of NIST SP 800-61r2.
var phases = []string{"preparation", "detection-and-analysis", "containment", "eradication", "recovery", "post-incident"}

// activities are those of CACAO 2.0 that a response may be (section 10.3).
var activities = []string{
	"analyze-collected-data", "configure-systems", "disconnect-system", "eliminate-risk", "escalate-incident", "investigate-system",
	"prepare-engagement", "restore-capabilities", "restrict-access", "revert-system", "scan-vulnerabilities", "step-by-step",
}

var (
	d3fendForm = regexp.MustCompile(`^D3-[A-Z0-9]{2,8}$`)
	csfForm    = regexp.MustCompile(`^(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d{2}$`)
	reactForm  = regexp.MustCompile(`^RA\d{4}$`)
	attackForm = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
)

func (c *compiler) checkVocabulary(v *Vocabulary) {
	const at = "spec.vocabulary"
	c.oneOf(at+".tactic", v.Tactic, tactics...)
	c.oneOf(at+".openc2", v.OpenC2, verbs...)
	c.oneOf(at+".phase", v.Phase, phases...)
	c.oneOf(at+".cacao", v.CACAO, activities...)
	c.ids(at+".d3fend", v.D3FEND, d3fendForm, "a D3FEND id such as D3-NI", true)
	c.ids(at+".csf", v.CSF, csfForm, "a CSF 2.0 id such as RS.MI-01", true)
	c.ids(at+".react", v.React, reactForm, "a RE&CT id such as RA3102", false)
	c.ids(at+".attack", v.Attack, attackForm, "an ATT&CK technique such as T1609", true)
}

func (c *compiler) ids(path string, ids []string, form *regexp.Regexp, want string, needed bool) {
	if needed && len(ids) == 0 {
		c.doc.Problem(path, "missing: want %s", want)
	}
	for i, id := range ids {
		if !form.MatchString(id) {
			c.doc.Problem(fmt.Sprintf("%s[%d]", path, i), "%q is not %s", id, want)
		}
	}
}
