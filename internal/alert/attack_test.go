package alert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAttackTable(t *testing.T) {
	known := map[string]bool{}
	for _, m := range matrix {
		known[m.name] = true
	}
	require.Greater(t, len(tacticsOf()), 200)
	for id, all := range tacticsOf() {
		require.True(t, isTechnique(id), id)
		require.NotEmpty(t, all)
		for _, name := range all {
			require.True(t, known[name], "%s: %s", id, name)
		}
		require.Equal(t, all, inOrder(all), id)
	}
	require.Contains(t, attackTable, "T1611 privilege_escalation\n")
}

func TestTacticsAndStage(t *testing.T) {
	for tags, want := range map[string]struct {
		techniques, tactics []string
		stage               string
	}{
		"":                                {[]string{}, []string{}, ""},
		"container,impact,T105,T10590":    {[]string{}, []string{}, ""},
		"mitre_execution":                 {[]string{}, []string{"execution"}, "execution"},
		"mitre_impact,MITRE_Execution":    {[]string{}, []string{"execution", "impact"}, "impact"},
		"TA0002":                          {[]string{"TA0002"}, []string{"execution"}, "execution"},
		"TA0002,mitre_discovery":          {[]string{"TA0002"}, []string{"discovery"}, "discovery"},
		"t1059.004":                       {[]string{"T1059.004"}, []string{"execution"}, "execution"},
		"T1041,T1059":                     {[]string{"T1041", "T1059"}, []string{"execution", "exfiltration"}, "exfiltration"},
		"T1078":                           {[]string{"T1078"}, []string{"initial_access", "persistence", "privilege_escalation", "defense_evasion"}, ""},
		"T1078,T1613":                     {[]string{"T1078", "T1613"}, []string{"initial_access", "persistence", "privilege_escalation", "defense_evasion", "discovery"}, "discovery"},
		"T1078,mitre_persistence,mitre_x": {[]string{"T1078"}, []string{"persistence"}, "persistence"},
		"T9999":                           {[]string{"T9999"}, []string{}, ""},
	} {
		techniques, tactics, stage := attack(strings.Split(tags, ","), nil)
		require.Equal(t, want.techniques, techniques, tags)
		require.Equal(t, want.tactics, tactics, tags)
		require.Equal(t, want.stage, stage, tags)
	}
	for _, word := range []string{"Privilege Escalation", "privilege-escalation", "PrivilegeEscalation", "privilege_escalation"} {
		require.Equal(t, "privilege_escalation", tacticWords(word))
	}
	require.Equal(t, "command_and_control", tacticWords("Command and Control"))
}
