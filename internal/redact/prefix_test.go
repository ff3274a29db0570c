package redact

import (
	"regexp"
	"regexp/syntax"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlacesOfLiteralsAreAllMatches holds the search by literals against that of
// the whole text, for every rule and on text that is made to begin matches.
func TestPlacesOfLiteralsAreAllMatches(t *testing.T) {
	tokens, err := unpack(packed)
	require.NoError(t, err)
	texts := []string{"", "task risk s.x hvs.", "SKSK0123456789abcdef0123456789abcdef0123456789 xSK0123456789abcdef0123456789abcdef"}
	for _, canary := range canaries {
		texts = append(texts, canary+" "+canary+canary+" x"+canary+"\n"+canary+";_"+canary)
	}
	for _, tok := range tokens {
		for _, word := range tok.Keywords {
			texts = append(texts, word+" = \"a1b2c3d4e5f60718293a4b5c6d7e8f90\" x"+word+word+"_0123456789abcdefABCDEF0123456789abcdef.0123456789")
		}
	}
	quick := 0
	for _, tok := range tokens {
		whole, find := regexp.MustCompile(tok.Regex), newMatches(tok.Regex)
		for _, text := range texts {
			require.Equal(t, whole.FindAllStringSubmatchIndex(text, -1), find(text, lowered(text)), "%s in %q", tok.ID, text)
		}
		if begins := (&start{}); begins.of(parsed(t, tok.Regex)) {
			quick++
		}
	}
	require.Greater(t, quick, 80)
}

func parsed(t *testing.T, expression string) *syntax.Regexp {
	re, err := syntax.Parse(expression, syntax.Perl)
	require.NoError(t, err)
	return re
}
