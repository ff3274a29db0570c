package alert

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tables in docs/sources.md are those in the code.
func TestDocumentedSourcesAndRules(t *testing.T) {
	data, err := os.ReadFile("../../docs/sources.md")
	require.NoError(t, err)
	doc := string(data)
	for _, s := range Sources() {
		require.Contains(t, doc, "\n| `"+string(s.Source)+"` | ", "its severities are not in the table")
	}
	row := func(name string, severity Severity, techniques []string, tactic string) {
		require.Contains(t, doc, fmt.Sprintf("\n| %s | %s | %s | %s |", name, severity, strings.Join(techniques, ", "), tactic))
	}
	for _, r := range auditRules {
		row(r.name, r.severity, r.techniques, r.tactic)
	}
	for _, r := range envoyRules {
		tactic := r.tactic
		if tactic == "" {
			tactic = "by the peer"
		}
		row(r.name, r.severity, r.techniques, tactic)
	}
}
