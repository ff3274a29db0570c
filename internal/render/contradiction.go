package render

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// contradiction says which field of an object the patches set to something
// else than an earlier action of the incident does, "" for none: the later
// would win, and the earlier would do nothing.
func (b *bundler) contradiction(patches []Patch) string {
	for _, p := range patches {
		for _, o := range b.bundle.Patches {
			if identity(p.Object) != identity(o.Object) {
				continue
			}
			if at, was, is, found := clash(nil, o.Fields, p.Fields); found {
				return fmt.Sprintf("it sets %s of %s %s to %s, and %s sets it to %s", strings.Join(at, ""), p.Object.Kind, p.Object.Name, show(is), o.Action, show(was))
			}
		}
	}
	return ""
}

// clash is the first field that two patches set to different values.
func clash(path []string, a, b map[string]any) (at []string, was, is any, found bool) {
	for _, key := range sorted(b) {
		before, both := a[key]
		if !both {
			continue
		}
		here := slices.Concat(path, []string{fieldName(key, len(path) > 0)})
		if at, was, is, found := clashAt(here, key, before, b[key]); found {
			return at, was, is, true
		}
	}
	return nil, nil, nil, false
}

func clashAt(path []string, key string, a, b any) (at []string, was, is any, found bool) {
	before, isMap := a.(map[string]any)
	after, alsoMap := b.(map[string]any)
	if isMap && alsoMap {
		return clash(path, before, after)
	}
	first, _ := a.([]any)
	second, _ := b.([]any)
	was1, _, ok := keyed(key, first)
	is1, _, also := keyed(key, second)
	if ok && also {
		return clash(path, was1, is1)
	}
	return path, a, b, !reflect.DeepEqual(a, b)
}
