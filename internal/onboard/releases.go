package onboard

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
)

// maxReleases is how many HelmReleases .irgit.yaml names in one cluster.
const maxReleases = 40

// writeReleases names the HelmReleases whose charts are not known, for a person
// to say where they are kept.
func writeReleases(b *strings.Builder, c *cluster) {
	if c.GitOps != controllers.FluxCD {
		return
	}
	var lines []string
	for _, r := range c.index.Releases() {
		rendered := scalar(path.Join("charts", c.Name, r.Name))
		line := comment(fmt.Sprintf("- {namespace: %s, name: %s, rendered: %s}  # %s", scalar(r.Namespace), scalar(r.Name), rendered, r.File))
		if r.Rendered == "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("    # Flux installs these charts, and what they render is not in Git. To have its workloads contained, keep what `helm template`\n" +
		"    # prints of one in a directory that no controller applies, and name that:\n    # releases:\n")
	for i, line := range lines {
		if i == maxReleases {
			fmt.Fprintf(b, "    #   and %d more\n", len(lines)-i)
			break
		}
		b.WriteString("    #   " + line + "\n")
	}
}
