package strict

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irgit/irgit/internal/expr"
)

// Expression reports an error of internal/expr about the field that holds the
// expression, alone or within text. The place within the expression becomes
// one in the file where YAML's notation lets it.
func (d *Document) Expression(path string, err error) {
	where, message := d.Position(path), err.Error()
	var bad *expr.Error
	if errors.As(err, &bad) {
		message = bad.Message
	}
	if n := d.positions[path]; bad != nil && bad.Line > 0 && n != nil {
		before := n.Value[:max(0, strings.Index(n.Value, bad.Expr))]
		line, column := strings.Count(before, "\n")+bad.Line, bad.Column
		if bad.Line == 1 {
			column += len(before) - strings.LastIndexByte(before, '\n') - 1
		}
		switch n.Style {
		case yaml.LiteralStyle:
			where = Position{Line: n.Line + line}
		case 0:
			where.Column += column - 1
		case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
			where.Column += column
		}
		message = fmt.Sprintf("%s (line %d, column %d of the expression)", message, bad.Line, bad.Column)
	}
	d.ProblemAt(where, path, "%s", message)
}
