package controllers

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// functions are those that Argo CD gives to templates: sprig without what tells
// about the machine, and a few of its own (argo-cd: applicationset/utils).
// Those that give something else each time are refused when they are called,
// and all are bounded in what they are given.
func (r *renderer) functions() template.FuncMap {
	out := template.FuncMap{}
	hermetic := sprig.HermeticTxtFuncMap()
	for name, f := range sprig.TxtFuncMap() {
		if _, ok := hermetic[name]; !ok || slices.Contains(secretive, name) {
			out[name] = refusal(name)
			continue
		}
		out[name] = r.bounded(name, f)
	}
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(out, name)
	}
	for name, f := range map[string]any{
		"normalize": normalize, "slugify": slugify, "toYaml": toYAML, "fromYaml": fromYAML[map[string]any], "fromYamlArray": fromYAML[[]any],
		"keys": keysOf, "values": valuesOf, "printf": printf, "print": fmt.Sprint, "println": fmt.Sprintln,
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
	} {
		out[name] = r.bounded(name, f)
	}
	return out
}

// secretive make or take keys, and what else sprig takes for repeatable though
// it is not.
var secretive = []string{
	"genPrivateKey", "derivePassword", "buildCustomCert", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
	"genSignedCertWithKey", "encryptAES", "decryptAES", "bcrypt", "htpasswd", "uuidv4", "shuffle", "randInt", "mustDateModify", "must_date_modify", "ago", "toDate", "mustToDate", "unixEpoch", "durationRound",
}

func refusal(name string) func(...any) (string, error) {
	return func(...any) (string, error) {
		return "", fmt.Errorf("%s depends on more than its arguments, so what it gives in the cluster is unknown", name)
	}
}

// growing functions make as much as a number says.
var growing = []string{"until", "untilStep", "seq", "repeat", "indent", "nindent", "wrap", "wrapWith"}

// mutating functions change their first argument. The others are copied, so
// that nothing comes to hold itself.
var mutating = []string{"set", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"}

// squaring functions compare all elements of a list with one another.
var squaring = []string{"uniq", "mustUniq", "without", "mustWithout"}

// bounded is a function that refuses arguments of which it could make too much.
func (r *renderer) bounded(name string, f any) any {
	fn := reflect.ValueOf(f)
	grows, mutates, squares := slices.Contains(growing, name), slices.Contains(mutating, name), slices.Contains(squaring, name)
	product := maxProduct
	if strings.Contains(strings.ToLower(name), "regex") {
		product /= 64
	}
	return reflect.MakeFunc(fn.Type(), func(args []reflect.Value) []reflect.Value {
		total, first, second := 0, 1, 1
		for _, each := range spread(fn.Type(), args) {
			n := size(each, maxArgument)
			if grows {
				n = max(n, number(each))
			}
			total += n
			if n > first {
				first, second = n, first
			} else if n > second {
				second = n
			}
		}
		if squares {
			second = first
		}
		if total > maxArgument || first*second > product {
			panic(errTooMuch)
		}
		if err := r.spend(1 + total + first*second/callOverAll); err != nil {
			panic(err)
		}
		if mutates {
			for i := range args[1:] {
				args[i+1] = copied(args[i+1])
			}
		}
		if fn.Type().IsVariadic() {
			return fn.CallSlice(args)
		}
		return fn.Call(args)
	}).Interface()
}

// spread are the arguments of a call, those of a variadic one too.
func spread(t reflect.Type, args []reflect.Value) []reflect.Value {
	if !t.IsVariadic() {
		return args
	}
	out := slices.Clone(args[:len(args)-1])
	rest := args[len(args)-1]
	for i := range rest.Len() {
		out = append(out, rest.Index(i))
	}
	return out
}

// number is an argument as a length, more than is permitted if it is more.
func number(v reflect.Value) int {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || !v.CanInt() {
		return 0
	}
	if n := v.Int(); n > -maxArgument && n < maxArgument {
		return int(max(n, -n))
	}
	return maxArgument + 1
}

// copied is a value of a template with maps and lists of its own.
func copied(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			out := reflect.New(v.Type()).Elem()
			out.Set(copied(v.Elem()))
			return out
		}
	case reflect.Map:
		if !v.IsNil() {
			out := reflect.MakeMap(v.Type())
			for it := v.MapRange(); it.Next(); {
				out.SetMapIndex(it.Key(), copied(it.Value()))
			}
			return out
		}
	case reflect.Slice:
		if !v.IsNil() {
			out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(copied(v.Index(i)))
			}
			return out
		}
	}
	return v
}

var (
	notInName  = regexp.MustCompile(`[^-a-z0-9.]`)
	notInSlug  = regexp.MustCompile(`[^a-z0-9_-]+`)
	dashes     = regexp.MustCompile(`-+`)
	wideFormat = regexp.MustCompile(`[0-9]{4,}|\*`)
)

// normalize makes a name of a text, as Argo CD's SanitizeName does.
func normalize(name string) string {
	name = notInName.ReplaceAllString(strings.ToLower(name), "-")
	return strings.Trim(name[:min(len(name), 253)], "-.")
}

// slugify makes a shorter one: [longest] [whether to cut at a dash] text (argo-cd:
// SlugifyName, by gosimple/slug).
func slugify(args ...any) (string, error) {
	longest, smart, name := 50, true, ""
	for i, arg := range args {
		ok := true
		switch i {
		case len(args) - 1:
			name, ok = arg.(string)
		case 0:
			longest, ok = arg.(int)
		case 1:
			smart, ok = arg.(bool)
		}
		if !ok || longest < 0 {
			return "", errors.New("slugify takes a length, whether to cut at a dash, and a text")
		}
	}
	name = normalize(name)
	if !smart {
		name = name[:min(len(name), longest)]
	}
	name = strings.Trim(dashes.ReplaceAllString(notInSlug.ReplaceAllString(name, "-"), "-"), "-_")
	if longest == 0 || !smart || len(name) <= longest {
		return name, nil
	}
	if at := strings.LastIndex(name[:longest+1], "-"); at >= 0 {
		return name[:at], nil
	}
	return name[:longest], nil
}

func toYAML(v any) (string, error) {
	data, err := yaml.Marshal(v)
	return strings.TrimSuffix(string(data), "\n"), err
}

func fromYAML[T any](text string) (out T, err error) {
	err = readYAML([]byte(text), &out)
	return out, err
}

func printf(format string, args ...any) (string, error) {
	if len(format) > 4<<10 || wideFormat.MatchString(format) {
		return "", errTooMuch
	}
	return fmt.Sprintf(format, args...), nil
}

// keysOf are the keys of maps, in an order that does not change.
func keysOf(maps ...map[string]any) (out []string) {
	for _, m := range maps {
		for key := range m {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func valuesOf(m map[string]any) (out []any) {
	for _, key := range keysOf(m) {
		out = append(out, m[key])
	}
	return out
}
