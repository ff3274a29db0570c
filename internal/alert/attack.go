package alert

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// matrix are the tactics of ATT&CK in the order of an attack, in the spelling of Falco's
// mitre_ tags.
var matrix = []struct{ id, name string }{
	{"TA0043", "reconnaissance"},
	{"TA0042", "resource_development"},
	{"TA0001", "initial_access"},
	{"TA0002", "execution"},
	{"TA0003", "persistence"},
	{"TA0004", "privilege_escalation"},
	{"TA0005", "defense_evasion"},
	{"TA0006", "credential_access"},
	{"TA0007", "discovery"},
	{"TA0008", "lateral_movement"},
	{"TA0009", "collection"},
	{"TA0011", "command_and_control"},
	{"TA0010", "exfiltration"},
	{"TA0040", "impact"},
}

// attackTable are the techniques of ATT&CK for Enterprise 17.1 with their
// tactics, one a line: https://attack.mitre.org/versions/v17/. A technique below another
// stands there only where its tactics differ.
//
//go:embed attack-17.1.txt
var attackTable string

var tacticsOf = sync.OnceValue(func() map[string][]string {
	of := map[string][]string{}
	for line := range strings.Lines(attackTable) {
		if words := strings.Fields(line); len(words) > 1 {
			of[words[0]] = words[1:]
		}
	}
	return of
})

// tacticsOfTechnique looks a technique up, and what it is below of.
func tacticsOfTechnique(id string) []string {
	if all, ok := tacticsOf()[id]; ok {
		return all
	}
	above, _, _ := strings.Cut(id, ".")
	return tacticsOf()[above]
}

// attack reads ATT&CK's ids and tactics out of tags and adds the tactics that
// are named. Where nothing names a tactic, those of the techniques are meant.
// The stage is the tactic furthest along an attack, but of a technique that
// serves several nobody knows which, so that it says nothing about the stage.
func attack(tags, named []string) (techniques, tactics []string, stage string) {
	techniques = []string{}
	byName, byID := slices.Clone(named), []string(nil)
	for _, tag := range tags {
		if isTechnique(tag) {
			techniques = append(techniques, strings.ToUpper(tag))
		}
		byName, byID = tacticOf(tag, byName, byID)
	}
	slices.Sort(techniques)
	techniques = slices.Compact(techniques)
	if len(byName) == 0 {
		byName = byID
	}
	certain := byName
	if len(byName) == 0 {
		for _, id := range techniques {
			all := tacticsOfTechnique(id)
			byName = append(byName, all...)
			if len(all) == 1 {
				certain = append(certain, all...)
			}
		}
	}
	tactics = inOrder(byName)
	if sure := inOrder(certain); len(sure) > 0 {
		stage = sure[len(sure)-1]
	}
	return techniques, tactics, stage
}

// tacticOf adds the tactic that a tag names by its name or id, if it does.
func tacticOf(tag string, byName, byID []string) (names, ids []string) {
	const prefix = "mitre_"
	switch {
	case len(tag) > len(prefix) && strings.EqualFold(tag[:len(prefix)], prefix):
		byName = append(byName, strings.ToLower(tag[len(prefix):]))
	case len(tag) == len("TA0000"):
		for _, t := range matrix {
			if strings.EqualFold(tag, t.id) {
				byID = append(byID, t.name)
			}
		}
	}
	return byName, byID
}

// inOrder sorts tactics along an attack, without duplicates and what is none.
func inOrder(names []string) []string {
	out := []string{}
	for _, t := range matrix {
		if slices.Contains(names, t.name) {
			out = append(out, t.name)
		}
	}
	return out
}

// tacticWords spells a tactic as Falco's tags do: "Privilege Escalation",
// "privilege-escalation" and "PrivilegeEscalation" are one.
func tacticWords(s string) string {
	var b strings.Builder
	for i, c := range s {
		switch {
		case c == ' ' || c == '-':
			c = '_'
		case c >= 'A' && c <= 'Z':
			if i > 0 && s[i-1] >= 'a' && s[i-1] <= 'z' {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// isTechnique reports that a tag is the id of a technique or tactic.
func isTechnique(tag string) bool {
	digits := func(s string, n int) bool {
		return len(s) == n && strings.Trim(s, "0123456789") == ""
	}
	if len(tag) < 5 || tag[0] != 'T' && tag[0] != 't' {
		return false
	}
	if tag[1] == 'A' || tag[1] == 'a' {
		return digits(tag[2:], 4)
	}
	id, below, has := strings.Cut(tag[1:], ".")
	return digits(id, 4) && (!has || digits(below, 3))
}

// tags cleans, sorts and bounds the sender's tags.
func (e *evidence) tags(all []string) []string {
	out := []string{}
	for _, t := range all {
		if t = e.text(strings.TrimSpace(t), maxTag); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) > maxTags {
		out, e.cut = out[:maxTags], true
	}
	return out
}
