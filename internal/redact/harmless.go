package redact

import (
	"regexp"
	"slices"
	"strings"
)

// placeholders are values that name a secret or stand for none.
var placeholders = regexp.MustCompile(`^(?i:true|false|yes|no|null|none|nil|undefined|\*+|x{3,}|\.{3}|<[^>]*>|\d{1,5}[?#].*|\$\w+|\$\([^)]*\)|\$?\{[^}]*\}+|%\w+%|@\w+@)$`)

// nothings are the last words of names whose value is about a secret and not one.
var nothings = []string{
	"file", "files", "path", "dir", "directory", "name", "names", "namespace", "url", "uri", "endpoint", "host", "type", "kind",
	"format", "ttl", "seconds", "duration", "expiry", "expiration", "length", "size", "count", "tokens", "limit",
	"enabled", "disabled", "required", "issuer", "audience", "version", "ref", "selector", "algorithm", "policy", "provider",
}

// plainName is what Kubernetes calls things.
var plainName = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`)

// namesNothing reports that what has this name is no secret, but where one is
// or how long it lives.
func namesNothing(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(nothings, func(word string) bool { return strings.HasSuffix(name, word) })
}

// harmless reports that a value is no secret: it refers to one, stands for
// none, or names an object: --secret=payments-db is one, client-secret=… is not.
func harmless(name, value string) bool {
	return placeholders.MatchString(value) || strings.EqualFold(strings.TrimLeft(name, "-"), "secret") && plainName.MatchString(value)
}

var keyBegins = regexp.MustCompile(`(?i)-----BEGIN[ A-Z0-9_-]{0,40}PRIVATE KEY(?: BLOCK)?-----`)

// privateKeys finds what stands between the first and the last line of a PEM or
// OpenPGP block, also where all of it is one line; up to the end of the text
// when the last line was cut off.
func privateKeys(text, _ string) (spans []span) {
	for at := 0; ; {
		begin := keyBegins.FindStringIndex(text[at:])
		if begin == nil {
			return spans
		}
		start, end := at+begin[1], len(text)
		if n := strings.Index(text[start:], "-----END"); n >= 0 {
			end = start + n
		}
		if strings.TrimSpace(strings.ReplaceAll(text[start:end], `\n`, "")) != "" {
			spans = append(spans, span{start, end, "private-key"})
		}
		at = end
	}
}
