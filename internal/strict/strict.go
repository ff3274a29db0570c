// Package strict reads YAML that people write for irgit: response policies and
// action templates. [Read] splits a file into [Document]s; [Document.Decode]
// fills a Go value from one.
//
// Nothing passes silently: an unknown field, a field that stands twice, a type
// that is not meant and a value that YAML would guess are problems, each with
// file, line, column, field path and the way out, and all of them are reported
// at once. Anchors and aliases are not allowed, and size, depth and number of
// values are bounded before the YAML library sees the file, so that nothing can
// grow when it is read (THREATS A5).
//
// A Document belongs to one goroutine.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irgit/irgit/internal/validate"
)

// MaxFile is the largest file, in bytes, that is read. Files of these kinds are
// written by people; one beyond the limits is a mistake or an attack.
const MaxFile = 256 << 10

const (
	maxDepth = 32
	maxNodes = 16_000 // all documents together
	maxDocs  = 500
	maxWrong = 100 // problems of one document: who has made more mends these first
)

// Source is one file of policies or templates.
type Source struct {
	Name   string // what the user calls it; it stands in every problem
	Data   []byte
	Origin string // "built-in", a folder: two of one name within one origin are a mistake, not an override
}

// Position is a place in a file, from 1; zero when unknown.
type Position struct{ Line, Column int }

// In writes the place as file:line:column, as far as it is known.
func (p Position) In(file string) string {
	if p.Line == 0 {
		return file
	}
	if p.Column == 0 {
		return fmt.Sprintf("%s:%d", file, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
}

// Document is one YAML document and where its fields are.
type Document struct {
	File     string
	Problems []validate.Problem // what was found so far; at most a hundred

	root      *yaml.Node
	positions map[string]*yaml.Node // by field path
}

// Start is where the document begins.
func (d *Document) Start() Position { return Position{d.root.Line, d.root.Column} }

// Problem reports something about a field, or about its nearest parent that
// is in the file.
func (d *Document) Problem(path, format string, args ...any) {
	d.ProblemAt(d.Position(path), path, format, args...)
}

// ProblemAt reports something about a field at another place than its own.
func (d *Document) ProblemAt(at Position, path, format string, args ...any) {
	if len(d.Problems) == maxWrong {
		return
	}
	d.Problems = append(d.Problems, validate.Problem{File: at.In(d.File), Path: path, Message: fmt.Sprintf(format, args...)})
}

// Position is where a field stands, or its nearest parent that is in the file.
func (d *Document) Position(path string) Position {
	for {
		if n, ok := d.positions[path]; ok {
			return Position{n.Line, n.Column}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.Start()
		}
		path = path[:cut]
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// Read splits a file into its documents. A file that is not YAML, or too much
// of it, yields problems and the documents before them.
func Read(s Source) (docs []*Document, problems []validate.Problem) {
	fail := func(at Position, format string, args ...any) {
		problems = append(problems, validate.Problem{File: at.In(s.Name), Message: fmt.Sprintf(format, args...)})
	}
	if len(s.Data) > MaxFile {
		fail(Position{}, "the file has %d bytes, more than the %d allowed: split it", len(s.Data), MaxFile)
		return nil, problems
	}
	if line := tooMuch(s.Data); line > 0 {
		fail(Position{Line: line}, "more than %d values, or nested more than %d levels deep: split the file, or write it flatter", maxNodes, maxDepth)
		return nil, problems
	}
	defer func() {
		// The YAML library has panicked on hostile input before (CVE-2022-28948).
		if r := recover(); r != nil {
			fail(Position{}, "the file cannot be read as YAML")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(s.Data))
	left := maxNodes
	for range maxDocs + 1 {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs, problems
		}
		if err != nil {
			text := err.Error()
			var at Position
			if m := yamlLine.FindStringSubmatch(text); m != nil {
				at.Line, _ = strconv.Atoi(m[1])
				text = text[len(m[0]):]
			}
			fail(at, "not valid YAML: %s", text)
			return docs, problems
		}
		if len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
			continue
		}
		if at, message := checkShape(n.Content[0], maxDepth, &left); message != "" {
			fail(at, "%s", message)
			return docs, problems
		}
		docs = append(docs, &Document{File: s.Name, root: n.Content[0], positions: map[string]*yaml.Node{}})
	}
	fail(Position{}, "more than %d documents: split the file", maxDocs)
	return docs, problems
}

// tooMuch finds what the YAML library would spend long on before checkShape
// can see it: it returns the line where more brackets are open, more block
// indicators stand on one line, more spaces indent it, or more lines and commas
// have passed than the limits can hold. Those inside strings count too; the
// bounds leave room.
func tooMuch(data []byte) int {
	line, open, row, entries, indent := 1, 0, 0, 0, 0
	for _, c := range data {
		switch c {
		case '\n':
			line, row, entries, indent = line+1, 0, entries+1, 0
			continue
		case ' ':
			if indent >= 0 {
				indent++
			}
		case ',':
			entries++
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		case '-', '?', ':':
			row++
		}
		if c != ' ' {
			indent = -1
		}
		if open > 10*maxDepth || indent > 8*maxDepth || row > 40*maxDepth || entries > maxNodes/2 {
			return line
		}
	}
	return 0
}

func checkShape(n *yaml.Node, depth int, left *int) (Position, string) {
	at := Position{n.Line, n.Column}
	if *left--; *left < 0 {
		return at, fmt.Sprintf("more than %d values: split the file", maxNodes)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return at, "anchors and aliases are not allowed: write the value out"
	}
	if depth == 0 {
		return at, fmt.Sprintf("nested more than %d levels deep: write it flatter", maxDepth)
	}
	for _, c := range n.Content {
		if at, message := checkShape(c, depth-1, left); message != "" {
			return at, message
		}
	}
	return Position{}, ""
}
