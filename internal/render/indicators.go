package render

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// maxIndicators bounds what one incident's templates see. An attacker can name
// as many addresses as they like.
const maxIndicators = 200

// domainForm is a name of DNS of at least two labels (RFC 1123, and the
// underscore that services use).
var domainForm = regexp.MustCompile(`^([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])$`)

// shared are networks besides the private ones that stand for more than one
// host to talk to: RFC 6598 (carriers), 6890 (benchmarks, documentation) and
// 1112 (reserved). netip knows the rest.
var shared = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
}

// indicators are those that templates may use, each once, in their order, and
// how many more there are. What has not the form of its type is left out,
// whoever checked it before.
func indicators(all []Indicator) (out []indicatorView, more int64) {
	out = []indicatorView{}
	for _, i := range all {
		v, ok := indicatorOf(i)
		switch {
		case !ok || slices.Contains(out, v):
		case len(out) == maxIndicators:
			more++
		default:
			out = append(out, v)
		}
	}
	return out, more
}

func indicatorOf(i Indicator) (v indicatorView, ok bool) {
	switch i.Type {
	case "ip":
		a, err := netip.ParseAddr(i.Value)
		if err != nil || a.Zone() != "" {
			return v, false
		}
		a = a.Unmap()
		return indicatorView{"ip", a.String(), netip.PrefixFrom(a, a.BitLen()).String(), public(netip.PrefixFrom(a, a.BitLen()))}, true
	case "cidr":
		p, err := netip.ParsePrefix(i.Value)
		if err != nil {
			return v, false
		}
		p = p.Masked()
		return indicatorView{"cidr", p.String(), p.String(), public(p)}, true
	case "domain":
		name := strings.TrimSuffix(strings.ToLower(i.Value), ".")
		return indicatorView{Type: "domain", Value: name, Public: true}, len(name) <= 253 && domainForm.MatchString(name)
	}
	return v, false
}

// public reports whether a network holds hosts of the Internet alone, few
// enough of them that one can be meant: at most a /16, or a /32 of IPv6.
func public(p netip.Prefix) bool {
	a := p.Addr()
	least := 16
	if a.Is6() {
		least = 32
	}
	return p.Bits() >= least && a.IsGlobalUnicast() && !a.IsPrivate() &&
		!slices.ContainsFunc(shared, func(s netip.Prefix) bool { return s.Overlaps(p) })
}
