package alert

import (
	"regexp"
	"slices"
	"strings"
)

var techniqueForm = regexp.MustCompile(`^(?i:T(A[0-9]{4}|[0-9]{4}(\.[0-9]{3})?))$`)

// tactics are ATT&CK's in the order of an attack, in the spelling of Falco's
// mitre_ tags.
var tactics = []struct{ id, name string }{
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

// attack reads ATT&CK's ids and tactics out of tags. Of several tactics the one
// furthest along an attack is the stage; a tactic's id counts only where no tag
// has a tactic's name.
func attack(tags []string) (techniques []string, stage string) {
	techniques = []string{}
	byName, byID := -1, -1
	for _, tag := range tags {
		name := strings.ToLower(tag)
		for i, t := range tactics {
			if strings.TrimPrefix(name, "mitre_") == t.name && name != t.name {
				byName = max(byName, i)
			}
			if strings.EqualFold(tag, t.id) {
				byID = max(byID, i)
			}
		}
		if techniqueForm.MatchString(tag) {
			techniques = append(techniques, strings.ToUpper(tag))
		}
	}
	slices.Sort(techniques)
	if byName < 0 {
		byName = byID
	}
	if byName >= 0 {
		stage = tactics[byName].name
	}
	return slices.Compact(techniques), stage
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
