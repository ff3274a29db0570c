package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
)

const (
	hookHead = "# mine\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
	entryA   = "20260101-a-00000001"
	entryB   = "20260101-b-00000002"
)

func TestHookEdits(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"below its comment": {
			"resources:\n  # Deployment a/a\n  # Deployment p/p\n  # Deployment z/z\n",
			"resources:\n  # Deployment a/a\n  # Deployment p/p\n  - " + entryA + "\n  # Deployment z/z\n",
		},
		"below other incidents of the workload": {
			"resources:\n  # Deployment p/p\n  - " + entryB + "\n  # Deployment z/z\n",
			"resources:\n  # Deployment p/p\n  - " + entryB + "\n  - " + entryA + "\n  # Deployment z/z\n",
		},
		"above those of another without a comment of its own": {
			"resources:\n  # Deployment p/p\n  - " + entryB + " # Deployment z/z\n",
			"resources:\n  # Deployment p/p\n  - " + entryA + "\n  - " + entryB + " # Deployment z/z\n",
		},
		"comment missing: in its sorted place": {
			"resources:\n  # Deployment a/a\n  - " + entryB + "\n  # Deployment z/z\n",
			"resources:\n  # Deployment a/a\n  - " + entryB + "\n  - " + entryA + " # Deployment p/p\n  # Deployment z/z\n",
		},
		"comments in no order": {
			"resources:\n  # StatefulSet z/z\n  # Deployment p/p\n",
			"resources:\n  # StatefulSet z/z\n  # Deployment p/p\n  - " + entryA + "\n",
		},
		"comment missing: at the end": {
			"resources:\n  # Deployment a/a\n\n# tail\n",
			"resources:\n  # Deployment a/a\n  - " + entryA + " # Deployment p/p\n\n# tail\n",
		},
		"no comments":              {"resources:\n- " + entryB + "\n", "resources:\n- " + entryB + "\n- " + entryA + " # Deployment p/p\n"},
		"empty list in brackets":   {"resources: []\nnamespace: x\n", "resources: [" + entryA + "]\nnamespace: x\n"},
		"list in brackets":         {"resources: [" + entryB + "] # mine\n", "resources: [" + entryB + ", " + entryA + "] # mine\n"},
		"another key follows":      {"resources:\n  # Deployment p/p\nsortOptions:\n  order: fifo\n", "resources:\n  # Deployment p/p\n  - " + entryA + "\nsortOptions:\n  order: fifo\n"},
		"windows line endings":     {"resources:\r\n  # Deployment p/p\r\n  # Deployment q/q\r\n", "resources:\r\n  # Deployment p/p\r\n  - " + entryA + "\r\n  # Deployment q/q\r\n"},
		"no newline at the end":    {"resources:\n  # Deployment p/p", "resources:\n  # Deployment p/p\n  - " + entryA},
		"the indent of the others": {"resources:\n    # Deployment p/p\n    - " + entryB, "resources:\n    # Deployment p/p\n    - " + entryB + "\n    - " + entryA},
		"nothing at all yet":       {"resources:", "resources:\n  - " + entryA + " # Deployment p/p"},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := hookHead+c.before, hookHead+c.after
			got, err := insertEntry("k.yaml", []byte(before), "# Deployment p/p", entryA)
			require.NoError(t, err)
			require.Equal(t, after, string(got))
			again, err := insertEntry("k.yaml", got, "# Deployment p/p", entryA)
			require.NoError(t, err)
			require.Equal(t, after, string(again), "an entry that is there changes nothing")
			back, found, err := removeEntry("k.yaml", got, entryA)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, before, string(back))
			same, found, err := removeEntry("k.yaml", []byte(before), entryA)
			require.NoError(t, err)
			require.False(t, found)
			require.Equal(t, before, string(same))
		})
	}
}

func TestOddHooksAreRefusedWithTheWayOut(t *testing.T) {
	for name, text := range map[string]string{
		"no list":           "namespace: x\n",
		"no kustomization":  "- a\n",
		"not YAML":          "resources: [\n",
		"empty":             "",
		"long list":         "resources: [\n  a,\n  b]\n",
		"quoted in list":    "resources: ['a']\n",
		"anchor":            "resources: &r\n  - a\nbases: *r\n",
		"two documents":     "resources:\n  - a\n---\nresources:\n  - b\n",
		"quoted entry":      "resources:\n  - 'a'\n",
		"entry as mapping":  "resources:\n  - a: b\n",
		"entry over lines":  "resources:\n  - >-\n    a\n",
		"list as text":      "resources: a\n",
		"quoted key":        "'resources':\n  - a\n",
		"tabs":              "resources:\n\t- a\n",
		"indented document": "  resources:\n    - a\n",
	} {
		_, err := insertEntry("k.yaml", []byte(text), "# Deployment p/p", entryA)
		var bad *fleet.HookError
		require.ErrorAs(t, err, &bad, name)
		require.Equal(t, "k.yaml", bad.File)
		require.NotEmpty(t, bad.Step)
	}
}

// Whatever the file, an edit that succeeds adds exactly the entry, and taking
// it away gives the bytes from before.
func FuzzHook(f *testing.F) {
	for _, seed := range []string{
		"resources:\n  # Deployment p/p\n", "resources: []\n", "resources: [a, b]", "resources:\r\n- a\r\n", "a: b\nresources:\n\n  # Deployment z/z\n  - c # x\n\nd: e",
		"resources:\n  # Deployment p/p # x\n  - a\n", "resources: # why\n  - a", "# resources:\nresources:\n# Deployment a/a\n- a\n#",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := insertEntry("k.yaml", []byte(text), "# Deployment p/p", entryA)
		if err != nil {
			return
		}
		var before, after map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &before))
		require.NoError(t, yaml.Unmarshal(got, &after))
		was, _ := before["resources"].([]any)
		is, _ := after["resources"].([]any)
		require.Contains(t, is, any(entryA))
		if strings.Contains(text, entryA) {
			return
		}
		require.Len(t, is, len(was)+1)
		delete(before, "resources")
		delete(after, "resources")
		require.Equal(t, before, after)
		back, found, err := removeEntry("k.yaml", got, entryA)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, text, string(back))
	})
}
