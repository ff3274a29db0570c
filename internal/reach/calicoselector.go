package reach

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/calico"
)

// calicoSelector compares with labels.
type calicoSelector func(labelled) truth

// parseCalico reads a selector.
func parseCalico(text string) (calicoSelector, error) {
	s, err := calico.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", text, err)
	}
	return func(l labelled) truth { return l.selectedBy(s) }, nil
}

var calicoTests = map[calico.Op]func(v, with string) bool{
	calico.Equals:     func(v, with string) bool { return v == with },
	calico.Contains:   strings.Contains,
	calico.StartsWith: strings.HasPrefix,
	calico.EndsWith:   strings.HasSuffix,
}

func (l labelled) selectedBy(s calico.Selector) truth {
	parts := func() (all []truth) {
		for _, part := range s.Parts {
			all = append(all, l.selectedBy(part))
		}
		return all
	}
	switch s.Op {
	case calico.All:
		return yes
	case calico.Global:
		return no
	case calico.Has:
		return l.has(s.Label, present)
	case calico.And:
		return and(parts()...)
	case calico.Or:
		return or(parts()...)
	case calico.Not:
		return not(parts()[0])
	case calico.In:
		return l.has(s.Label, func(v string) truth { return is(slices.Contains(s.Values, v)) })
	}
	return l.has(s.Label, func(v string) truth { return is(calicoTests[s.Op](v, s.Values[0])) })
}
