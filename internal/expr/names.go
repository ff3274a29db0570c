package expr

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const (
	maxName    = 63 // DNS-1123 label, and a label's value
	hashDigits = 10
)

// names declares what templates make Kubernetes names with:
//
//	k8s.name(list<string>) string   a DNS-1123 label from the parts
//	k8s.labelValue(string) string   a label's value
//
// What is already valid comes back as it is. When anything had to change or
// was cut, a hash of the original follows, so that two inputs never share a
// name by accident and nothing is cut in silence.
func names() cel.EnvOption {
	return cel.Lib(namesLibrary{})
}

type namesLibrary struct{}

func (namesLibrary) CompileOptions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Function("k8s.name", cel.Overload("k8s_name_list", []*cel.Type{cel.ListType(cel.StringType)}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				list, err := plain(v, 0)
				if err != nil {
					return types.NewErr("k8s.name: %s", err)
				}
				var parts []string
				for _, item := range list.([]any) {
					s, ok := item.(string)
					if !ok {
						return types.NewErr("k8s.name takes a list of strings")
					}
					parts = append(parts, s)
				}
				return types.String(Name(parts...))
			}))),
		cel.Function("k8s.labelValue", cel.Overload("k8s_label_value_string", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(LabelValue(string(v.(types.String)))) }))),
	}
}

func (namesLibrary) ProgramOptions() []cel.ProgramOption { return nil }

// Name joins the parts to a DNS-1123 label of at most 63 characters.
func Name(parts ...string) string {
	return fit(strings.Join(parts, "-"), parts, func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-'
	}, "-")
}

// LabelValue makes a label's value of s; an empty one stays empty.
func LabelValue(s string) string {
	if s == "" {
		return ""
	}
	return fit(s, []string{s}, func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}, "-_.")
}

func fit(s string, parts []string, allowed func(rune) bool, edge string) string {
	kept := strings.Map(func(r rune) rune {
		if allowed(r) {
			return r
		}
		return '-'
	}, s)
	kept = strings.Trim(kept, edge)
	if kept == s && len(kept) <= maxName && kept != "" {
		return kept
	}
	h := sha256.New()
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p))) // a hash takes every write
		h.Write([]byte(p))
	}
	suffix := hex.EncodeToString(h.Sum(nil))[:hashDigits]
	if most := maxName - hashDigits - 1; len(kept) > most {
		kept = strings.TrimRight(kept[:most], edge)
	}
	if kept == "" {
		return "x-" + suffix
	}
	return kept + "-" + suffix
}
