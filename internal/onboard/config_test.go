package onboard

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// Names and findings come from the repository: none of them may become
// anything but a string, or a comment of one line.
func TestScalarsAndCommentsHoldWhateverARepositoryHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"yes", "null", "1e3", "0x1", "a: b", "- x", "a # b", "a\nb: c", "~", "prod.eu", "2001-01-01"})).Draw(t, "text")
		var got map[string]any
		err := yaml.Unmarshal([]byte("# "+comment(text)+"\nkey: "+scalar(text)+"\n# "+comment(text)+"\n"), &got)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if len(got) != 1 || got["key"] != text {
			t.Fatalf("%q came back as %v", text, got)
		}
	})
	require.Len(t, []rune(comment(string(make([]byte, 300))+"x")), 1)
}
