package validate

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/irgit/irgit/internal/calico"
)

// The rules below are those of Calico's own validator and of its admission
// policies (github.com/projectcalico/calico: libcalico-go/lib/validator/v3,
// api/admission). The Calico API server asks them; objects of
// crd.projectcalico.org/v1, and of projectcalico.org/v3 where that is a CRD, are
// stored without, and what breaks them is not enforced as it reads.

const calicoStorage = "crd.projectcalico.org/v1"

var calicoName = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func checkCalicoPolicy(w *walk, obj map[string]any) {
	meta, _ := obj["metadata"].(map[string]any)
	spec, _ := obj["spec"].(map[string]any)
	if name, _ := meta["name"].(string); !calicoName.MatchString(name) {
		w.problem(short(name)+" is not the name of a policy: it has at most one dot, after the tier", "metadata", "name")
	}
	if tier, ok := spec["tier"].(string); ok {
		if said := validation.IsDNS1123Label(tier); len(said) > 0 {
			w.problem(fmt.Sprintf("%s is not a tier's name: %s", short(tier), said[0]), "spec", "tier")
		}
	}
	if w.kind.apiVersion == calicoStorage && spec["types"] == nil {
		w.problem("is required: nothing fills it in for "+calicoStorage+", and both directions are denied without; say Ingress, Egress or both", "spec", "types")
	}
	for _, field := range []string{"selector", "serviceAccountSelector", "namespaceSelector"} {
		w.calicoSelector(spec[field], false, "spec", field)
	}
	denies := false
	for _, direction := range []string{"ingress", "egress"} {
		rules, _ := spec[direction].([]any)
		for i, r := range rules {
			if rule, ok := r.(map[string]any); ok {
				denies = denies || rule["action"] == "Deny"
				w.calicoRule(direction, rule, "spec", direction, i)
			}
		}
	}
	if denies && spec["order"] == nil {
		w.problem("is required where a rule denies: without it the policy comes last in its tier, after whatever allows; the lowest order comes first", "spec", "order")
	}
}

func (w *walk) calicoRule(direction string, rule map[string]any, at ...any) {
	if rule["http"] != nil && direction == "egress" {
		w.problem("is not enforced on egress", below(at, "http")...)
	}
	protocol := strings.ToUpper(fmt.Sprint(rule["protocol"]))
	if rule["icmp"] != nil && protocol != "ICMP" && protocol != "ICMPV6" {
		w.problem("needs protocol ICMP or ICMPv6", below(at, "icmp")...)
	}
	if rule["http"] != nil && rule["protocol"] != nil && protocol != "TCP" && protocol != "6" {
		w.problem("must be TCP beside http, or left out", below(at, "protocol")...)
	}
	families := map[bool]string{}
	for _, side := range []string{"source", "destination"} {
		entity, _ := rule[side].(map[string]any)
		for _, field := range []string{"ports", "notPorts"} {
			if ports, _ := entity[field].([]any); len(ports) > 0 {
				w.calicoPorts(ports, rule["protocol"], protocol, below(at, side, field)...)
			}
		}
		for _, field := range []string{"nets", "notNets"} {
			nets, _ := entity[field].([]any)
			w.calicoNets(nets, families, rule["ipVersion"], below(at, side, field)...)
		}
		for _, field := range []string{"selector", "notSelector", "namespaceSelector"} {
			w.calicoSelector(entity[field], field == "namespaceSelector", below(at, side, field)...)
		}
		if entity["services"] == nil {
			continue
		}
		if (side == "source") == (direction == "egress") {
			w.problem(fmt.Sprintf("cannot be the %s of %s", side, direction), below(at, side, "services")...)
		}
		for _, field := range []string{"selector", "notSelector", "namespaceSelector", "serviceAccounts", "nets", "notNets"} {
			if entity[field] != nil {
				w.problem("cannot stand beside services; make it a rule of its own", below(at, side, field)...)
			}
		}
	}
}

var (
	calicoPortRange = regexp.MustCompile(`^[0-9]+(:[0-9]+)?$`)
	withPorts       = []string{"TCP", "UDP", "SCTP", "6", "17", "132"}
)

func (w *walk) calicoPorts(ports []any, given any, protocol string, at ...any) {
	numbered := false
	for i, p := range ports {
		text := fmt.Sprint(p)
		if !calicoPortRange.MatchString(text) {
			continue // a port's name
		}
		numbered = true
		from, to, ranged := strings.Cut(text, ":")
		first, okFirst := portOf(from)
		last, okLast := first, true
		if ranged {
			last, okLast = portOf(to)
		}
		if !okFirst || !okLast || last < first {
			w.problem(short(text)+` is neither a port nor a range such as "8000:9000"`, below(at, i)...)
		}
	}
	if given == nil && numbered || given != nil && !slices.Contains(withPorts, protocol) {
		w.problem("needs protocol TCP, UDP or SCTP in the rule", at...)
	}
}

// calicoNets checks networks; a rule holds those of one family only.
func (w *walk) calicoNets(nets []any, families map[bool]string, version any, at ...any) {
	for i, n := range nets {
		text, _ := n.(string)
		prefix, ok := w.calicoNet(text, below(at, i)...)
		if !ok {
			continue
		}
		six := prefix.Addr().Is6()
		if other := families[!six]; other != "" {
			w.problem(fmt.Sprintf("is of another family than %s, and the rule matches nothing; make two rules", other), below(at, i)...)
		} else if v, ok := version.(int64); ok && (v == 6) != six {
			w.problem(fmt.Sprintf("is not of ipVersion %d", v), below(at, i)...)
		}
		if prefix.Bits() == 0 && at[len(at)-1] == "notNets" {
			w.problem("excludes every address, and the rule matches nothing", below(at, i)...)
		}
		families[six] = text
	}
}

func (w *walk) calicoNet(text string, at ...any) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		w.problem(fmt.Sprintf("%s is not a network; write 10.0.0.0/8 or 2001:db8::/32", short(text)), at...)
	}
	return prefix, err == nil
}

// checkNetworkSet checks a NetworkSet or GlobalNetworkSet.
func checkNetworkSet(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	nets, _ := spec["nets"].([]any)
	for i, n := range nets {
		text, _ := n.(string)
		w.calicoNet(text, "spec", "nets", i)
	}
	meta, _ := obj["metadata"].(map[string]any)
	if labels, _ := meta["labels"].(map[string]any); labels["projectcalico.org/namespace"] != nil {
		w.problem("is Calico's own; leave it out", "metadata", "labels", "projectcalico.org/namespace")
	}
}

// checkTier checks a Tier: its name has no dot.
func checkTier(w *walk, obj map[string]any) {
	meta, _ := obj["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	if said := validation.IsDNS1123Label(name); len(said) > 0 {
		w.problem(fmt.Sprintf("%s is not a tier's name: %s", short(name), said[0]), "metadata", "name")
	}
}

// calicoSelector checks a field that holds a selector in Calico's own language
// (https://docs.tigera.io/calico/latest/reference/resources/networkpolicy#selectors).
// global() stands alone, and only where a rule chooses namespaces.
func (w *walk) calicoSelector(v any, mayBeGlobal bool, at ...any) {
	text, _ := v.(string)
	switch strings.Trim(text, " \t") {
	case "":
		return
	case "global()":
		if mayBeGlobal {
			return
		}
	}
	selector, err := calico.Parse(text)
	if err == nil && selector.Uses(calico.Global) {
		err = errors.New("global() stands alone, and where a rule chooses namespaces")
	}
	if err != nil {
		w.problem(fmt.Sprintf("%s is not a selector: %v; write for example app == 'web' && has(team)", short(text), err), at...)
	}
}
