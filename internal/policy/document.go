package policy

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

// Limits of one file. Policies are written by people; a file beyond these is a
// mistake or an attack (THREATS A5). Anchors and aliases are not allowed at
// all, so nothing can grow when it is expanded.
const (
	maxFile  = 256 << 10
	maxDepth = 32
	maxNodes = 16_000 // all documents together
	maxDocs  = 500
	maxWrong = 100 // problems of one document: who has made more mends these first
)

// position is a place in a file, from 1; zero when unknown.
type position struct{ line, column int }

func (p position) in(file string) string {
	if p.line == 0 {
		return file
	}
	if p.column == 0 {
		return fmt.Sprintf("%s:%d", file, p.line)
	}
	return fmt.Sprintf("%s:%d:%d", file, p.line, p.column)
}

// document is one YAML document and where its fields are.
type document struct {
	file      string
	root      *yaml.Node
	positions map[string]*yaml.Node // by field path
	problems  []validate.Problem
}

// problem reports something about a field, or about its nearest parent that
// is in the file.
func (d *document) problem(path, format string, args ...any) {
	d.problemAt(d.position(path), path, format, args...)
}

func (d *document) problemAt(at position, path, format string, args ...any) {
	if len(d.problems) == maxWrong {
		return
	}
	d.problems = append(d.problems, validate.Problem{File: at.in(d.file), Path: path, Message: fmt.Sprintf(format, args...)})
}

func (d *document) position(path string) position {
	for {
		if n, ok := d.positions[path]; ok {
			return position{n.Line, n.Column}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return position{d.root.Line, d.root.Column}
		}
		path = path[:cut]
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// readDocuments splits a file into its documents. A file that is not YAML, or
// too much of it, yields problems and the documents before them.
func readDocuments(s Source) (docs []*document, problems []validate.Problem) {
	fail := func(at position, format string, args ...any) {
		problems = append(problems, validate.Problem{File: at.in(s.Name), Message: fmt.Sprintf(format, args...)})
	}
	if len(s.Data) > maxFile {
		fail(position{}, "the file has %d bytes, more than the %d allowed: split it", len(s.Data), maxFile)
		return nil, problems
	}
	if line := tooMuch(s.Data); line > 0 {
		fail(position{line: line}, "more than %d values, or nested more than %d levels deep: split the file, or write it flatter", maxNodes, maxDepth)
		return nil, problems
	}
	defer func() {
		// The YAML library has panicked on hostile input before (CVE-2022-28948).
		if r := recover(); r != nil {
			fail(position{}, "the file cannot be read as YAML")
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
			var at position
			if m := yamlLine.FindStringSubmatch(text); m != nil {
				at.line, _ = strconv.Atoi(m[1])
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
		docs = append(docs, &document{file: s.Name, root: n.Content[0], positions: map[string]*yaml.Node{}})
	}
	fail(position{}, "more than %d documents: split the file", maxDocs)
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

func checkShape(n *yaml.Node, depth int, left *int) (position, string) {
	at := position{n.Line, n.Column}
	if *left--; *left < 0 {
		return at, fmt.Sprintf("more than %d values: split the file", maxNodes)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return at, "anchors and aliases are not allowed: write the value out"
	}
	if depth == 0 {
		return at, fmt.Sprintf("nested more than %d levels deep: policies need fewer", maxDepth)
	}
	for _, c := range n.Content {
		if at, message := checkShape(c, depth-1, left); message != "" {
			return at, message
		}
	}
	return position{}, ""
}
