package redact

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:generate sh -c "cd ../../tools/secrets && go run . ../../internal/redact/rules.json.gz"

//go:embed rules.json.gz
var packed []byte

// rule finds one kind of secret. It is looked at only in texts that hold one
// of its keywords.
type rule struct {
	name     string
	keywords []string                        // lower case
	needs    []string                        // lower case: a text must have one of them as well; empty: none
	find     func(text, lower string) []span // lower: text with small letters, byte for byte
}

// rules are all rules, own ones first: where two find the same secret, the
// earlier names it.
var rules = sync.OnceValue(func() []rule {
	all := slices.Clone(own)
	tokens, err := unpack(packed)
	if err != nil {
		panic(err) // the file is embedded, and a test unpacks it
	}
	for _, t := range tokens {
		all = append(all, rule{t.ID, t.Keywords, needs[t.ID], t.finder()})
	}
	return all
})

// token is one rule of the embedded file, as tools/secrets writes it.
type token struct {
	ID       string   `json:"id"`
	Regex    string   `json:"regex"`
	Group    int      `json:"group"`
	Keywords []string `json:"keywords"`
	Entropy  float64  `json:"entropy"`
	Allow    []string `json:"allow"`
}

func unpack(packed []byte) ([]token, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read embedded token rules: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read embedded token rules: %w", err)
	}
	var file struct{ Rules []token }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read embedded token rules: %w", err)
	}
	return file.Rules, nil
}

// needs are words, in small letters, of which a text must have one for a token
// rule whose expression reads on for long before it comes to the first of them.
var needs = map[string][]string{
	"curl-auth-header": {"-h", "--header"},
	"curl-auth-user":   {"-u", "--user"},
}

// finder gives the rule's search, which compiles when it is first needed.
func (t token) finder() func(text, lower string) []span {
	compiled := sync.OnceValues(func() (find matches, allow []*regexp.Regexp) {
		for _, a := range t.Allow {
			allow = append(allow, regexp.MustCompile(a))
		}
		return newMatches(t.Regex), allow
	})
	return func(text, lower string) (spans []span) {
		find, allow := compiled()
		for _, m := range find(text, lower) {
			start, end := secretGroup(m, t.Group)
			secret := text[start:end]
			if t.Entropy > 0 && entropy(secret) <= t.Entropy {
				continue
			}
			if slices.ContainsFunc(allow, func(a *regexp.Regexp) bool { return a.MatchString(secret) }) {
				continue
			}
			spans = append(spans, span{start, end, t.ID})
		}
		return spans
	}
}

// secretGroup finds the secret in a match: the group of that number, else the
// first that is not empty, else all of it.
func secretGroup(match []int, group int) (start, end int) {
	if i := 2 * group; group > 0 && i < len(match) && match[i] >= 0 {
		return match[i], match[i+1]
	}
	for i := 2; i < len(match); i += 2 {
		if match[i] >= 0 && match[i] < match[i+1] {
			return match[i], match[i+1]
		}
	}
	return match[0], match[1]
}

// entropy is Shannon's, in bits a byte: random tokens have more than words.
func entropy(s string) (bits float64) {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// search finds the spans of all rules, in no order; with deep also in what is
// encoded.
func search(text string, deep bool) (spans []span) {
	spans = cards(text, spans)
	if deep {
		spans = encoded(text, spans)
	}
	lower := ""
	for i := range keywords().in(text) {
		if lower == "" {
			lower = lowered(text)
		}
		r := &rules()[i]
		if len(r.needs) == 0 || slices.ContainsFunc(r.needs, func(w string) bool { return strings.Contains(lower, w) }) {
			spans = append(spans, r.find(text, lower)...)
		}
	}
	return spans
}

// lowered makes ASCII letters small and keeps every byte's place.
func lowered(text string) string {
	first := 0
	for first < len(text) && (text[first] < 'A' || text[first] > 'Z') {
		first++
	}
	if first == len(text) {
		return text
	}
	b := []byte(text)
	for i, c := range b[first:] {
		if c >= 'A' && c <= 'Z' {
			b[first+i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
