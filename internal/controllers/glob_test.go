package controllers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThreatPatternsEnd(t *testing.T) {
	for _, pattern := range []string{
		strings.Repeat("*a", 500) + "*b", strings.Repeat("?*", 500), strings.Repeat("{a,", 300) + strings.Repeat("}", 300),
		strings.Repeat("{a,*}", 200) + "b", strings.Repeat("{", 1024), strings.Repeat("[!b]*", 200) + "c",
	} {
		require.False(t, matches(pattern, strings.Repeat("a", 253)), pattern)
	}
	require.False(t, matches(strings.Repeat("*", 2000), "a"), "too long to be a name's")
	require.True(t, matches("team-*", "team-a/b"))
	require.True(t, matchesWhole("(", "a"), "a pattern that is none overlooks nothing")
}
