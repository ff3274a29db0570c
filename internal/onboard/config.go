package onboard

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/fleet"
)

// maxUnknown is how many findings .irgit.yaml names.
const maxUnknown = 40

const configHead = `# What irgit knows of this fleet, as irgit init found it. The lines that are commented out are for a person to fill
# in: nothing in Git tells what alerts call a cluster, or what its network can do.
apiVersion: irgit.dev/v1alpha1
kind: Fleet
`

const toFill = `    # mesh: {mode: istio-sidecar}  # or istio-ambient, none
    # cni: kubernetes  # or cilium, calico
    # kubernetes: "1.34"  # its version
    # appliesAs: []  # users as whom changes from Git are applied, where Git does not tell
    # ingressGateways: [{namespace: istio-system, serviceAccount: istio-ingressgateway}]
    # protectedNamespaces: []  # besides kube-system and the like
`

// configure writes .irgit.yaml.
func (p *planner) configure(d *draft) {
	var b strings.Builder
	b.WriteString(configHead)
	if len(p.names) > 0 {
		b.WriteString("# URLs by which sync objects call this repository\nrepositories:\n")
		for _, name := range p.names {
			b.WriteString("  - " + scalar(name) + "\n")
		}
	}
	b.WriteString("clusters:\n")
	for _, c := range p.clusters {
		writeCluster(&b, c, d.config[c.Name])
	}
	var unknown []string
	for _, c := range p.clusters {
		for _, f := range c.index.Findings() {
			if s := comment(f.File + ": " + f.Message); !slices.Contains(unknown, s) {
				unknown = append(unknown, s)
			}
		}
	}
	if len(unknown) > 0 {
		fmt.Fprintf(&b, "# What was not understood when this was written: irgit fleet unknowns says it anew.\n")
	}
	for i, s := range unknown {
		if i == maxUnknown {
			fmt.Fprintf(&b, "# and %d more\n", len(unknown)-i)
			break
		}
		b.WriteString("# " + s + "\n")
	}
	d.put("", fleet.ConfigFile, []byte(b.String()))
}

func writeCluster(b *strings.Builder, c *cluster, more []string) {
	fmt.Fprintf(b, "  - name: %s\n", scalar(c.Name))
	if len(c.Aliases) > 0 {
		b.WriteString("    # what alerts, and Argo CD, call the cluster, to the letter\n    aliases:\n")
		for _, a := range c.Aliases {
			b.WriteString("      - " + scalar(a) + "\n")
		}
	} else {
		b.WriteString("    # aliases: []  # what alerts call the cluster, to the letter\n")
	}
	fmt.Fprintf(b, "    gitops: %s\n", c.GitOps)
	b.WriteString("    # what its controller starts from: all that this leads to is read\n    bootstrap:\n")
	for _, s := range slices.Concat(c.Bootstrap, more) {
		b.WriteString("      - " + scalar(s) + "\n")
	}
	if c.InCluster {
		b.WriteString("    inCluster: true  # Argo CD runs in it\n")
	}
	usual := fleet.Flux{Namespace: "flux-system", Source: fleet.Source{Kind: "GitRepository", Name: "flux-system"}}
	if c.GitOps == controllers.FluxCD && c.Flux != usual {
		fmt.Fprintf(b, "    flux:\n      namespace: %s\n      source:\n        kind: %s\n        name: %s\n", scalar(c.Flux.Namespace), scalar(c.Flux.Source.Kind), scalar(c.Flux.Source.Name))
	}
	b.WriteString(toFill)
	writeReleases(b, c)
}

var (
	plain    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9/_-]*(\.[A-Za-z0-9/_-]+)*$`)
	reserved = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null)$`)
)

// scalar writes text so that every parser reads a string.
func scalar(s string) string {
	if plain.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	return strconv.QuoteToASCII(strings.ToValidUTF8(s, "\uFFFD")) // its escapes are YAML's, too
}

// comment is text in one line of at most 200 characters.
func comment(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "..."
	}
	return s
}
