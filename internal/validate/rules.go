package validate

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/expr"
)

// rule is one x-kubernetes-validations entry.
type rule struct {
	source  string
	program *expr.Program
	native  func(self any) bool // instead of program
	message string
	worded  *expr.Program // messageExpression
	field   string        // fieldPath, ".a.b"
	escaped bool          // the source speaks of escaped field names
}

// transition matches rules over a change, which need the object as it was.
var transition = regexp.MustCompile(`\boldSelf\b`)

// rule compiles an entry into n; a rule that does not compile is an error, so
// that no schema is used with a part of its rules.
func (c *compiler) rule(n *node, entry any) error {
	m, ok := entry.(map[string]any)
	if !ok {
		return fmt.Errorf("a validation rule is %T, not a map", entry)
	}
	text := func(key string) string { s, _ := m[key].(string); return s }
	r := rule{source: text("rule"), message: strings.TrimSpace(text("message")), field: text("fieldPath")}
	if transition.MatchString(r.source) {
		return nil
	}
	r.escaped = strings.Contains(r.source, "__")
	var err error
	if r.native = natives[oneLine(r.source)]; r.native != nil {
		n.rules = append(n.rules, r)
		return nil
	}
	if r.program, err = c.v.program(r.source); err != nil {
		return fmt.Errorf("%w; irgit cannot ask this rule: take it out of the copy that irgit reads", err)
	}
	if worded := text("messageExpression"); worded != "" && !transition.MatchString(worded) {
		if r.worded, err = c.v.program(worded); err != nil {
			return err
		}
	}
	n.rules = append(n.rules, r)
	return nil
}

// natives are rules over functions that only the API server's CEL has, written
// in Go. A rule that is neither here nor compiles stops its kind.
var natives = map[string]func(self any) bool{
	`url(self).getScheme() in ["http", "https"]`: func(self any) bool {
		scheme, ok := scheme(self)
		return ok && (scheme == "http" || scheme == "https")
	},
	`isURL(self) ? (url(self).getScheme() in ["", "http", "https", "oci", "file"]) : (isURL("http://" + self) && url("http://" + self).getScheme() in ["", "http", "https", "oci", "file"])`: pullable,
	`isURL(self) ? (url(self).getScheme() in ["", "http", "https", "file", "oci"]) : (isURL("http://" + self) && url("http://" + self).getScheme() in ["", "http", "https", "file", "oci"])`: pullable,
}

// scheme is url(self).getScheme(), and isURL(self), of the API server's CEL.
func scheme(self any) (string, bool) {
	text, _ := self.(string)
	u, err := url.ParseRequestURI(text)
	if err != nil {
		return "", false
	}
	return u.Scheme, true
}

func pullable(self any) bool {
	is, ok := scheme(self)
	if !ok {
		text, _ := self.(string)
		_, ok = scheme("http://" + text)
	}
	return ok && slices.Contains([]string{"", "http", "https", "oci", "file"}, is)
}

// program compiles a rule once; v.mu is held.
func (v *Validator) program(source string) (*expr.Program, error) {
	if p, ok := v.programs[source]; ok {
		return p, nil
	}
	p, err := v.env.Value(source)
	if err != nil {
		return nil, err
	}
	v.programs[source] = p
	return p, nil
}

// runRules judges a value whose shape is already right.
func (w *walk) runRules(n *node, value any) {
	for _, r := range n.rules {
		self := value
		if r.escaped {
			self = escapeFields(n, value)
		}
		vars := expr.Vars{"self": self}
		holds, err := r.holds(vars)
		if err == nil && holds {
			continue
		}
		var where []any
		for name := range strings.SplitSeq(strings.Trim(r.field, "."), ".") {
			if name != "" {
				where = append(where, name)
			}
		}
		message := r.message
		if r.worded != nil {
			if said, err := r.worded.Eval(context.Background(), vars); err == nil {
				if text, ok := said.(string); ok && text != "" {
					message = text
				}
			}
		}
		switch {
		case err != nil:
			w.problem(fmt.Sprintf("the schema's rule cannot be evaluated: %v", err), where...)
		case message != "":
			w.problem(fmt.Sprintf("%s (rule of the CRD: %s)", message, oneLine(r.source)), where...)
		default:
			w.problem("breaks a rule of the CRD: "+oneLine(r.source), where...)
		}
	}
}

func (r *rule) holds(vars expr.Vars) (bool, error) {
	if r.native != nil {
		return r.native(vars["self"]), nil
	}
	return r.program.True(context.Background(), vars)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// keywords are the names that CEL reserves; Kubernetes writes them __name__.
var keywords = map[string]bool{
	"true": true, "false": true, "null": true, "in": true, "as": true, "break": true, "const": true, "continue": true,
	"else": true, "for": true, "function": true, "if": true, "import": true, "let": true, "loop": true, "package": true,
	"namespace": true, "return": true, "var": true, "void": true, "while": true,
}

var escapes = strings.NewReplacer("__", "__underscores__", ".", "__dot__", "-", "__dash__", "/", "__slash__")

// escapeFields renames fields as the API server does for rules; keys of free
// maps stay.
func escapeFields(n *node, value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, sub := range value {
			f, isField := n.fields[key]
			switch {
			case isField && keywords[key]:
				out["__"+key+"__"] = escapeFields(f, sub)
			case isField:
				out[escapes.Replace(key)] = escapeFields(f, sub)
			case n.additional != nil:
				out[key] = escapeFields(n.additional, sub)
			default:
				out[key] = sub
			}
		}
		return out
	case []any:
		if n.items == nil {
			return value
		}
		out := make([]any, len(value))
		for i := range value {
			out[i] = escapeFields(n.items, value[i])
		}
		return out
	}
	return value
}
