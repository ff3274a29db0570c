// Package redact masks secrets in text that is about to leave the process:
// evidence of an alert, files, commit messages, proposals, errors.
//
// Start from [New]. What is masked is the secret alone, so that the text around
// it stays evidence. Two sets of rules find secrets: the token formats of some
// two hundred vendors, taken as data from gitleaks (see README.md), and own
// rules for what command lines, URLs and headers hold. A rule is compiled when
// its first keyword is met and not before.
//
// Masking masked text changes nothing. Time is linear in the length of the
// text. A Redactor is immutable and safe for concurrent use.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// Redactor masks secrets.
type Redactor struct{ key []byte }

// New makes a Redactor. With a key a mark ends with eight hex digits of
// HMAC-SHA256(key, secret), so that a secret can be recognised in two records
// by whoever has both, and be guessed by nobody without the key. Without one
// there is only the mark.
func New(key []byte) *Redactor { return &Redactor{slices.Clone(key)} }

// maxPasses bounds how often masked text is looked at again. What a mask cuts
// in two can make a rule match that did not before; two passes are usual.
const maxPasses = 8

// Text replaces every secret in s by [redacted:<rule>] or, with a key,
// [redacted:<rule>:<digest>]. Found names the rules, sorted; nil when s was
// returned as it is.
func (r *Redactor) Text(s string) (masked string, found []string) {
	masked = s
	for range maxPasses {
		spans := outside(search(masked, true), masked)
		if len(spans) == 0 {
			slices.Sort(found)
			return masked, slices.Compact(found)
		}
		masked, found = r.mask(masked, spans, found)
	}
	// Only text that was made to do this comes here; none of it is worth keeping.
	return "[redacted:everything]", []string{"everything"}
}

// Value is [Redactor.Text] for a value that stands under a name: under one that
// says that it is a secret, such as dbPassword or Authorization, all of it is
// masked, whatever it looks like.
func (r *Redactor) Value(name, value string) (masked string, found []string) {
	jar := strings.HasSuffix(strings.ToLower(name), "cookie")
	// The kernel's sockets have cookies too, which are numbers.
	if !NamesSecret(name) || value == "" || jar && !strings.Contains(value, "=") || harmless(name, value) || whole.MatchString(value) {
		return r.Text(value)
	}
	return r.mask(value, []span{{0, len(value), "named-secret"}}, nil)
}

// NamesSecret reports that what stands under a name is a secret by the last
// word of it.
func NamesSecret(name string) bool {
	return len(name) <= maxName && secretName.MatchString(name)
}

const maxName = 256

var (
	secretName = regexp.MustCompile(`(?i)(?:` + word + `|(?:^|[^a-z])pwd|authorization|cookie)$`)
	whole      = regexp.MustCompile(`^` + marks.String() + `$`)
)

// Bytes is [Redactor.Text] for bytes; b itself is never changed, and returned
// when it holds no secret.
func (r *Redactor) Bytes(b []byte) (masked []byte, found []string) {
	text, found := r.Text(string(b))
	if found == nil {
		return b, nil
	}
	return []byte(text), found
}

// mask replaces spans, which are sorted and apart.
func (r *Redactor) mask(s string, spans []span, found []string) (string, []string) {
	var b strings.Builder
	b.Grow(len(s))
	at := 0
	for _, x := range spans {
		b.WriteString(s[at:x.start])
		b.WriteString("[redacted:" + x.rule)
		if len(r.key) > 0 {
			mac := hmac.New(sha256.New, r.key)
			mac.Write([]byte(s[x.start:x.end]))
			b.WriteString(":" + hex.EncodeToString(mac.Sum(nil)[:4]))
		}
		b.WriteByte(']')
		at = x.end
		found = append(found, x.rule)
	}
	b.WriteString(s[at:])
	return b.String(), found
}

// span is a secret's place in a text and the rule that found it.
type span struct {
	start, end int
	rule       string
}

// marks are what mask writes. Text that only looks like one is no secret, and
// what stands beside it still is.
var marks = regexp.MustCompile(`\[redacted:[a-z0-9-]{1,64}(?::[0-9a-f]{8})?\]`)

// outside sorts spans, joins those that touch each other under the first
// one's rule, and takes away what is masked already.
func outside(spans []span, s string) []span {
	if len(spans) == 0 {
		return nil
	}
	slices.SortStableFunc(spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	joined := spans[:1]
	for _, x := range spans[1:] {
		if last := &joined[len(joined)-1]; x.start < last.end {
			last.end = max(last.end, x.end)
		} else {
			joined = append(joined, x)
		}
	}
	var masked [][]int
	if strings.Contains(s, "[redacted:") {
		masked = marks.FindAllStringIndex(s, -1)
	}
	out := make([]span, 0, len(joined))
	for _, x := range joined {
		for len(masked) > 0 && masked[0][1] <= x.start {
			masked = masked[1:]
		}
		for _, m := range masked {
			if m[0] >= x.end {
				break
			}
			if x.start < m[0] {
				out = append(out, span{x.start, m[0], x.rule})
			}
			x.start = m[1]
		}
		if x.start < x.end {
			out = append(out, x)
		}
	}
	return out
}
