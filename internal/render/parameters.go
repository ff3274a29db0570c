package render

import (
	"context"
	"fmt"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/strict"
)

// CheckParameters says what is wrong with the parameters of an action, one
// sentence each.
func (c *Catalogue) CheckParameters(name string, parameters map[string]any) []string {
	t := c.templates[name]
	if t == nil {
		return []string{fmt.Sprintf("unknown action %q%s", name, strict.Suggest(name, c.Names()))}
	}
	filled, wrong := t.fill(parameters)
	if len(wrong) > 0 {
		return wrong
	}
	for _, rule := range t.rules {
		holds, err := rule.program.True(context.Background(), expr.Vars{"params": filled})
		if err != nil {
			wrong = append(wrong, err.Error())
		} else if !holds {
			wrong = append(wrong, rule.say(context.Background(), expr.Vars{"params": filled}))
		}
	}
	return wrong
}

// fill reads the parameters and fills in what is absent.
func (t *template) fill(parameters map[string]any) (filled map[string]any, wrong []string) {
	filled = make(map[string]any, len(t.parameters))
	for _, name := range sorted(parameters) {
		if t.parameters[name] == nil {
			if len(t.parameters) == 0 {
				wrong = append(wrong, fmt.Sprintf("unknown parameter %q: %s takes none", name, t.action.Name))
				continue
			}
			wrong = append(wrong, fmt.Sprintf("unknown parameter %q%s", name, strict.Suggest(name, sorted(t.parameters))))
		}
	}
	for _, name := range sorted(t.parameters) {
		p := t.parameters[name]
		given, ok := parameters[name]
		if !ok && p.Required {
			wrong = append(wrong, fmt.Sprintf("parameter %s is missing: %s", name, p.Description))
			continue
		}
		if !ok {
			given = p.Default
		}
		if !ok && given == nil {
			filled[name] = map[string]any{"string": "", "int": int64(0), "bool": false, "list": []any{}}[p.Type]
			continue
		}
		value, problem := p.read(given)
		if problem != "" {
			wrong = append(wrong, fmt.Sprintf("parameter %s: %s", name, problem))
		}
		filled[name] = value
	}
	return filled, wrong
}
