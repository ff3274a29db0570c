package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

var (
	nameForm      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	techniqueForm = regexp.MustCompile(`^T(A\d{4}|\d{4}(\.\d{3})?)$`)
	loginForm     = regexp.MustCompile(`^[A-Za-z0-9]([-_.A-Za-z0-9/]{0,98}[A-Za-z0-9])?$`)
	labelForm     = regexp.MustCompile(`^[A-Za-z0-9][-_.:/ A-Za-z0-9]{0,49}$`)
	labelPairForm = regexp.MustCompile(`^[A-Za-z0-9][-_./A-Za-z0-9]{0,316}=[-_.A-Za-z0-9]{0,63}$`)
	patternForm   = regexp.MustCompile(`^[-a-z0-9*?.]{1,253}$`)
)

// severities are the words of alert.Severity in its order.
var severities = func() (words []string) {
	for s := alert.SeverityUnknown; s <= alert.Fatal; s++ {
		words = append(words, s.String())
	}
	return words
}()

func parseSeverity(word string) (alert.Severity, bool) {
	i := slices.Index(severities, word)
	return alert.Severity(max(i, 0)), i >= 0
}

// check reports everything that is wrong with a decoded policy, and compiles
// its expression.
func (d *document) check(p *Policy, actions Actions) {
	s := &p.Spec
	d.matches("metadata.name", p.Metadata.Name, nameForm, "lower-case letters, digits and dashes, at most 63")
	d.oneOf("spec.mode", string(s.Mode), string(Exclusive), string(Merge))
	if s.Priority < -1000 || s.Priority > 1000 {
		d.Problem("spec.priority", "want -1000 to 1000, have %d", s.Priority)
	}
	if s.Disabled {
		return // it only needs a name: that is how a built-in policy is switched off
	}
	if strings.TrimSpace(s.Description) == "" {
		d.Problem("spec.description", "missing: say why this response answers these alerts; reviewers read it")
	}
	d.oneOf("spec.tier", string(s.Tier), string(Watch), string(Freeze), string(Isolate), string(Evict))
	d.checkMatch(p)
	d.checkResponse(s, actions)
	d.checkApproval(s)
	d.between("spec.expiry", time.Duration(s.Expiry), MinExpiry, MaxExpiry)
	d.between("spec.group", time.Duration(s.Group), 0, MaxGroup)
	d.checkGuardrails(s)
}

func (d *document) checkMatch(p *Policy) {
	m := &p.Spec.Match
	const at = "spec.match"
	narrows := m.narrows()
	switch {
	case !narrows && !m.MatchAll:
		d.Problem(at, "nothing narrows this match, so that every alert would match: name rules, techniques, tags, a severity or an expression, or say matchAll: true")
	case narrows && m.MatchAll:
		d.Problem(at+".matchAll", "other conditions narrow the match: remove them or matchAll")
	}
	var known []string
	for _, s := range alert.Sources() {
		known = append(known, string(s.Source))
	}
	for i, source := range m.Sources {
		if !slices.Contains(known, source) {
			d.Problem(fmt.Sprintf("%s.sources[%d]", at, i), "unknown source %q%s", source, strict.Suggest(source, known))
		}
	}
	if m.Severity != "" {
		if _, ok := parseSeverity(m.Severity); !ok {
			d.Problem(at+".severity", "unknown severity %q%s", m.Severity, strict.Suggest(m.Severity, severities))
		}
	}
	for i, rule := range m.Rules {
		if strings.TrimSpace(rule) != rule || rule == "" {
			d.Problem(fmt.Sprintf("%s.rules[%d]", at, i), "a rule pattern must not be empty or begin or end with a space")
		}
	}
	for i, t := range m.Techniques {
		d.matches(fmt.Sprintf("%s.techniques[%d]", at, i), t, techniqueForm, "an ATT&CK id such as T1059, T1059.004 or TA0003")
	}
	for i, n := range m.Namespaces {
		d.matches(fmt.Sprintf("%s.namespaces[%d]", at, i), n, patternForm, "a namespace, in which * and ? are wildcards")
	}
	if m.Expression != "" {
		d.compile(p)
	}
}

func (d *document) compile(p *Policy) {
	env, err := environment()
	if err == nil {
		p.condition, err = env.Condition(p.Spec.Match.Expression)
	}
	if err != nil {
		d.Expression("spec.match.expression", err)
	}
}

func (d *document) checkResponse(s *Spec, actions Actions) {
	const at = "spec.response"
	switch {
	case s.Tier == Watch && len(s.Response) > 0:
		d.Problem(at, "a policy of tier watch contains nothing: remove the response or choose another tier")
	case s.Tier != Watch && len(s.Response) == 0:
		d.Problem(at, "missing: list at least one action, or set spec.tier to watch")
	}
	seen := map[string]bool{}
	for i, a := range s.Response {
		path := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case a.Name == "":
			d.Problem(path+".action", "missing: name an action; `irgit actions list` shows them")
		case !actions.Has(a.Name):
			d.Problem(path+".action", "unknown action %q%s", a.Name, strict.Suggest(a.Name, actions.Names()))
		default:
			for _, wrong := range actions.CheckParameters(a.Name, a.Parameters) {
				d.Problem(path+".parameters", "%s", wrong)
			}
		}
		if seen[a.Name] {
			d.Problem(path+".action", "%q stands twice in this response: keep one", a.Name)
		}
		seen[a.Name] = true
	}
}

func (d *document) checkApproval(s *Spec) {
	const at = "spec.approval"
	d.oneOf(at+".mode", string(s.Approval.Mode), string(Propose), string(AutoMerge))
	if s.Approval.Mode == AutoMerge && s.Guardrails.RequireHumanApproval {
		d.Problem(at+".mode", "guardrails.requireHumanApproval forbids auto-merge: choose one of them")
	}
	for i, r := range s.Approval.Reviewers {
		d.matches(fmt.Sprintf("%s.reviewers[%d]", at, i), r, loginForm, "an account name without @")
	}
	for i, t := range s.Approval.Teams {
		d.matches(fmt.Sprintf("%s.teams[%d]", at, i), t, loginForm, "a team's slug without @")
	}
	for i, l := range s.Approval.Labels {
		d.matches(fmt.Sprintf("%s.labels[%d]", at, i), l, labelForm, "at most 50 plain characters")
	}
}

func (d *document) checkGuardrails(s *Spec) {
	const at = "spec.guardrails"
	g := s.Guardrails
	for i, n := range g.ProtectedNamespaces {
		d.matches(fmt.Sprintf("%s.protectedNamespaces[%d]", at, i), n, patternForm,
			"a namespace, in which * and ? are wildcards; this list only adds to what is always protected, nothing can be taken out")
	}
	for i, l := range g.ProtectedLabels {
		d.matches(fmt.Sprintf("%s.protectedLabels[%d]", at, i), l, labelPairForm, "key=value")
	}
	if g.MaxWorkloads < 1 || g.MaxWorkloads > MaxWorkloads {
		d.Problem(at+".maxWorkloads", "want 1 to %d, have %d: the built-in limit can be tightened, not loosened", MaxWorkloads, g.MaxWorkloads)
	}
}

func (d *document) matches(path, value string, form *regexp.Regexp, want string) {
	if value == "" {
		d.missing(path, want)
	} else if !form.MatchString(value) {
		d.Problem(path, "%q is not allowed: want %s", value, want)
	}
}

func (d *document) oneOf(path, value string, known ...string) {
	if value == "" {
		d.missing(path, "one of "+strings.Join(known, ", "))
	} else if !slices.Contains(known, value) {
		d.Problem(path, "unknown value %q%s", value, strict.Suggest(value, known))
	}
}

func (d *document) between(path string, value, least, most time.Duration) {
	if value < least || value > most {
		d.Problem(path, "%s is out of bounds: want %s to %s", value, least, most)
	}
}

// missing reports an empty value, unless decoding it was the problem.
func (d *document) missing(path, want string) {
	if !slices.ContainsFunc(d.Problems, func(p validate.Problem) bool { return p.Path == path }) {
		d.Problem(path, "missing: want %s", want)
	}
}
