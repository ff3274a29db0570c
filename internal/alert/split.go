package alert

import (
	"encoding/json"
	"strconv"
	"strings"
)

// part is one JSON value of an input.
type part struct {
	where string
	raw   []byte
}

// split finds the values of an input. As soon as one line is an object of its
// own, every line is taken for one, so that a broken line is a problem of that
// line.
func split(data []byte) (parts []part) {
	whole := strings.Trim(strings.TrimPrefix(string(data), "\uFEFF"), " \t\r\n\x00")
	switch {
	case whole == "":
		return nil
	case json.Valid([]byte(whole)):
		return []part{{raw: []byte(whole)}}
	}
	objects := 0
	for i, line := range strings.Split(whole, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		parts = append(parts, part{"line " + strconv.Itoa(i+1), []byte(line)})
		if line[0] == '{' && json.Valid([]byte(line)) {
			objects++
		}
	}
	if objects > 0 && whole[0] != '[' {
		return parts
	}
	return documents(whole)
}

// documents splits objects that go over several lines. What cannot be read any
// more is the last part.
func documents(whole string) (parts []part) {
	dec := json.NewDecoder(strings.NewReader(whole))
	for {
		var raw json.RawMessage
		at := dec.InputOffset()
		if dec.Decode(&raw) != nil {
			if left := strings.TrimSpace(whole[at:]); left != "" {
				parts = append(parts, part{"", []byte(left)})
			}
			break
		}
		parts = append(parts, part{"", raw})
	}
	for i := range parts {
		if len(parts) > 1 {
			parts[i].where = "value " + strconv.Itoa(i+1)
		}
	}
	return parts
}
