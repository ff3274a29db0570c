package policies_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/policies"
)

// tactics says how far an action goes; the packs' tiers are held to it.
var tactics = map[string]policy.Tier{
	"freeze-scale": policy.Freeze, "freeze-rollout": policy.Freeze, "freeze-changes": policy.Freeze,
	"deny-east-west": policy.Isolate, "quarantine": policy.Isolate,
}

type actions struct{}

func (actions) Names() []string {
	return []string{"freeze-scale", "freeze-rollout", "freeze-changes", "deny-east-west", "quarantine"}
}
func (actions) Has(name string) bool { return tactics[name] != "" }
func (actions) CheckParameters(_ string, p map[string]any) []string {
	if len(p) > 0 {
		return []string{"the packs keep to the defaults"}
	}
	return nil
}

func load(t *testing.T) (*policy.Set, []policy.Source) {
	t.Helper()
	files, tests, err := policy.ReadFS(policies.FS, "built-in", "policies")
	require.NoError(t, err)
	set, problems := policy.Load(files, actions{})
	require.Empty(t, problems)
	return set, tests
}

func TestPacksPassTheirOwnTests(t *testing.T) {
	set, tests := load(t)
	results, problems := policy.Test(t.Context(), set, tests)
	require.Empty(t, problems)
	rules := map[string]bool{}
	for _, r := range results {
		require.True(t, r.Passed, "%s: %s: %s", r.File, r.Case, strings.Join(r.Differ, "; "))
		rules[r.Rule] = true
	}
	for _, p := range set.Policies() {
		for _, rule := range p.Spec.Match.Rules {
			require.True(t, rules[rule], "no test names rule %q of policy %s", rule, p.Name())
		}
	}
}

// A noisy rule must never do more than its tier says.
func TestTiersBoundTheResponse(t *testing.T) {
	set, _ := load(t)
	for _, p := range set.Policies() {
		isolates, required := false, 0
		for _, a := range p.Spec.Response {
			isolates = isolates || tactics[a.Name] == policy.Isolate
			if !a.Optional {
				required++
			}
		}
		require.Equal(t, p.Spec.Tier == policy.Isolate, isolates, "%s is of tier %s", p.Name(), p.Spec.Tier)
		require.NotEqual(t, policy.Evict, p.Spec.Tier, "%s: nothing in a starter pack evicts", p.Name())
		require.Equal(t, policy.Propose, p.Spec.Approval.Mode, "%s: nothing in a starter pack merges by itself", p.Name())
		require.True(t, p.Spec.Tier == policy.Watch || required > 0, "%s may end up doing nothing and saying something", p.Name())
	}
}

// stable are the rules of Falco's stable maturity level that name containers.
var stable = []string{
	"Directory traversal monitored file read", "Read sensitive file trusted after startup", "Read sensitive file untrusted",
	"Run shell untrusted", "System user interactive", "Terminal shell in container", "Contact K8S API Server From Container",
	"Netcat Remote Code Execution in Container", "Search Private Keys or Passwords", "Clear Log Activities", "Remove Bulk Data from Disk",
	"Create Symlink Over Sensitive Files", "Create Hardlink Over Sensitive Files", "Packet socket created in container",
	"Redirect STDOUT/STDIN to Network Connection in Container", "Linux Kernel Module Injection Detected",
	"Debugfs Launched in Privileged Container", "Detect release_agent File Container Escapes", "PTRACE attached to process",
	"PTRACE anti-debug attempt", "Find AWS Credentials", "Execution from /dev/shm", "Drop and execute new binary in container",
	"Disallowed SSH Connection Non Standard Port", "Fileless execution via memfd_create",
}

func TestEveryStableFalcoRuleIsAnswered(t *testing.T) {
	set, _ := load(t)
	for _, source := range []alert.Source{alert.Falco, alert.Alertmanager, alert.CloudEvents} {
		for _, rule := range stable {
			d, err := set.Match(context.Background(), alert.Alert{Source: source, Rule: rule}, &fleet.Workload{}, fleet.Cluster{})
			require.NoError(t, err)
			require.NotContains(t, d.Reason, "none of", "%s from %s", rule, source)
		}
	}
}

func TestInternalEventsAreAnsweredByNothing(t *testing.T) {
	set, _ := load(t)
	for _, rule := range []string{"Falco internal: metrics snapshot", "Falco internal: syscall event drop", "Test rule", "KubePodCrashLooping", ""} {
		d, err := set.Match(context.Background(), alert.Alert{Source: alert.Alertmanager, Rule: rule, Severity: alert.Critical}, &fleet.Workload{}, fleet.Cluster{})
		require.NoError(t, err)
		require.Nil(t, d.Plan, rule)
		require.Contains(t, d.Reason, "none of", rule)
	}
}

func TestEveryFileIsEmbedded(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") {
			_, err := policies.FS.ReadFile(e.Name())
			require.NoError(t, err)
		}
	}
}
