package proposal_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
)

func onboarding() proposal.Onboarding {
	return proposal.Onboarding{
		Branch: "irgit/init", Base: "main", Roots: 8,
		Clusters: []proposal.Prepared{{Name: "prod-eu", GitOps: "flux", Directory: "incident-response/prod-eu", Applies: []string{"Kustomization flux-system/incident-response, new."}, Hooks: 2}},
		Unknown:  []proposal.Remark{{Where: "clusters/eu/x.yaml", What: "is in another repository", Step: "run irgit on that repository too"}},
		Files:    []proposal.File{{Path: ".irgit.yaml", Change: "add"}},
	}
}

func TestOnboarding(t *testing.T) {
	title, body := proposal.RenderOnboarding(onboarding())
	require.Equal(t, "irgit: prepare the fleet for containment", title)
	require.Contains(t, body, "**Nothing that is rendered today changes.** 8 roots were built before and after")
	require.Contains(t, body, "- `prod-eu` (flux): `incident-response/prod-eu`, 2 new hooks\n  - Kustomization flux-system/incident-response, new.\n")
	require.Contains(t, body, "## What Git does not tell: 1\n\n- `clusters/eu/x.yaml`: is in another repository\n  - run irgit on that repository too\n")
	require.Contains(t, body, "Revert the merge into `main`")
	require.NotContains(t, body, "What cannot be patched")
	require.Contains(t, proposal.OnboardingTerminal(onboarding()), "  - prod-eu (flux): incident-response/prod-eu, 2 new hooks\n")

	o := onboarding()
	o.Kept = "It declares every cluster that was found."
	_, body = proposal.RenderOnboarding(o)
	require.Contains(t, body, "`.irgit.yaml` is there and was left alone. It declares every cluster")
}

// Whoever can write a file name into the repository cannot write markup.
func TestThreatOnboardingEscapesNames(t *testing.T) {
	const hostile = "a` @team <!-- [x](http://evil.example.com) \n## Approved\nSigned-off-by: x | ![i](u) #1"
	o := onboarding()
	o.Clusters[0].Name, o.Clusters[0].Directory, o.Clusters[0].Applies = hostile, hostile, []string{hostile}
	remark := []proposal.Remark{{Where: hostile, What: hostile, Step: hostile}}
	o.ByHand, o.Unwired, o.Unknown, o.Files = remark, remark, remark, []proposal.File{{Path: hostile, Change: "add"}}
	_, body := proposal.RenderOnboarding(o)
	for _, never := range []string{"\n## Approved", "<!--", "Signed-off-by"} {
		require.NotContains(t, body, never)
	}
	outside := regexp.MustCompile("(?s)\\\\[^u]|`[^`\n]*`").ReplaceAllString(body, "") // without escapes, and without spans
	for _, never := range []string{"](", "![", "@team", " #1", " | "} {
		require.NotContains(t, outside, never)
	}
	_, err := gitops.Message{Subject: proposal.OnboardingSubject, Body: proposal.OnboardingCommitBody(o)}.Format()
	require.NoError(t, err)
}

func TestOnboardingIsBounded(t *testing.T) {
	o := onboarding()
	long := strings.Repeat("x", 5000)
	for i := range 3000 {
		o.Unknown = append(o.Unknown, proposal.Remark{Where: fmt.Sprint(long, i), What: long, Step: long})
		o.Files = append(o.Files, proposal.File{Path: fmt.Sprint(long, i), Change: "add"})
		o.Clusters = append(o.Clusters, proposal.Prepared{Name: fmt.Sprint(long, i), Applies: []string{long, long}})
	}
	_, body := proposal.RenderOnboarding(o)
	require.LessOrEqual(t, len(body), proposal.MaxBody)
	require.Contains(t, body, "## What Git does not tell: 3001")
	_, err := gitops.Message{Subject: proposal.OnboardingSubject, Body: proposal.OnboardingCommitBody(o)}.Format()
	require.NoError(t, err)
}
