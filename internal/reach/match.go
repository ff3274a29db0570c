package reach

import (
	"net/netip"
	"slices"
	"strings"
)

// named says whether the hop goes to the port of that name of its destination.
// What is no pod has no named ports.
func (h hop) named(name string) truth {
	if h.to.pod == nil {
		return no
	}
	if h.to.pod.open != "" {
		return maybe("port %s: %s", name, h.to.pod.open)
	}
	return is(slices.Contains(h.to.pod.Ports, Port{name, h.port, h.protocol}))
}

// within says whether the peer's address is in a block and in none of the
// exceptions. The addresses of pods are not in manifests.
func (e end) within(block string, except []string) truth {
	prefix, err := parseBlock(block)
	if err != nil {
		return maybe("%q is no block of addresses", block)
	}
	holes := make([]netip.Prefix, len(except))
	for i, x := range except {
		if holes[i], err = parseBlock(x); err != nil {
			return maybe("%q is no block of addresses", x)
		}
	}
	inside := func(a netip.Addr) bool {
		return prefix.Contains(a) && !slices.ContainsFunc(holes, func(hole netip.Prefix) bool { return hole.Contains(a) })
	}
	switch {
	case e.pod != nil && len(e.pod.Addresses) == 0:
		return maybe("the manifests do not have the pod's address")
	case e.pod != nil:
		return sameFor(e.pod.Addresses, inside)
	case e.node:
		return maybe("the manifests do not have the node's address")
	case e.address.IsValid():
		return is(inside(e.address))
	}
	return maybe("the address of %s is not known", e.domain)
}

// sameFor is what holds for all addresses of a pod, which may use either.
func sameFor(addresses []netip.Addr, inside func(netip.Addr) bool) truth {
	first := inside(addresses[0])
	for _, a := range addresses[1:] {
		if inside(a) != first {
			return maybe("one of the pod's addresses is in a block and another is not")
		}
	}
	return is(first)
}

// parseBlock reads a block, or an address as a block of one.
func parseBlock(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}
