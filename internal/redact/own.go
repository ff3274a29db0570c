package redact

import (
	"regexp"
	"strings"
	"sync"
)

// Parts of names: word, and what may follow it.
const (
	word = `(?:password|passwd|passphrase|passcode|secret|token|(?:api|access|private|secret)[-_.]?key|credentials?)`
	rest = `[a-z0-9_]{0,32}`
)

// words begin whatever word matches.
var words = []string{"passw", "passphrase", "passcode", "secret", "token", "api", "access", "private", "credential"}

// own are the rules for command lines, URLs, headers and files.
var own = []rule{
	userinfo("url-password", `^://[^\s:@/?#"'<>]{0,200}:([^\s/"'<>]+)@`),
	userinfo("url-token", `(?i)^://([a-z0-9_.-]{20,200})@`),
	named("query-secret", with(words, "sig", "pwd"), inQuery, queryValue, `(`+word+`|pwd|sig|signature)=`),
	named("flag-secret", with(words, "pass", "pwd"), asFlag, argument, `(`+word+`|pass|passin|passout|pwd)(?:=|\s{1,8}|["'],\s{0,8})`),
	named("command-password", []string{"mysql", "mariadb"}, anywhere, untilSpace, `([a-z_-]+)\s[^\n|;&]{0,500}?-p`),
	named("command-password", []string{"sshpass"}, anywhere, shellValue, `(sshpass)\s+-p\s*`),
	named("command-password", []string{"redis-cli"}, anywhere, shellValue, `(redis-cli)\s[^\n|;&]{0,500}?-a\s+`),
	named("command-password", []string{"mongo"}, anywhere, shellValue, `([a-z]+)\s[^\n|;&]{0,500}?-p\s+`),
	named("command-password", []string{"login"}, anywhere, shellValue, `(login)\s[^\n|;&]{0,500}?-p\s+`),
	named("command-password", []string{"ldap"}, anywhere, shellValue, `([a-z]+)\s[^\n|;&]{0,500}?-w\s+`),
	named("assigned-secret", with(words, "_pwd", "_pass", "storepass", "keypass"), outsideQuery, shellValue, `((?:`+word+`|_?[a-z]*pass|_pwd)`+rest+`)=`),
	named("json-secret", with(words, "pwd"), quoted, jsonString, `((?:`+word+`|pwd)`+rest+`)\\*"\s{0,8}:\s{0,8}\\*"`),
	named("yaml-password", []string{"passw", "passphrase"}, anywhere, shellValue, `(password|passwd|passphrase):[ \t]{1,8}`),
	named("header-secret", []string{"authorization", "api-key", "apikey", "auth-token", "vault-token", "security-token", "access-token", "private-token", "job-token", "deploy-token"},
		anywhere, headerValue, `(authorization|api-?key|[a-z]+-token)\\*["']?\s{0,8}[:=]\s{0,8}\\*["']?(?:(?:basic|bearer|token|digest|negotiate|apikey|splunk)\s{1,8})?`),
	pattern("cookie", []string{"cookie"}, `(?i)^cookie\\*["']?\s{0,8}:\s{0,8}\\*["']?([^"'\\\r\n]+)`),
	pattern("bearer-token", []string{"bearer"}, `(?i)^bearer[ \t]+([a-z0-9._~+/=-]{16,})`),
	pattern("json-web-token", []string{"eyj"}, `^(eyJ[A-Za-z0-9_-]{8,}\.(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+){3}))`),
	{name: "private-key", keywords: []string{"private key"}, find: privateKeys},
}

func with(more []string, keywords ...string) []string { return append(keywords, more...) }

// pattern makes a rule of an expression that begins with one of the keywords
// and whose first group is the secret.
func pattern(name string, keywords []string, expression string) rule {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
	return rule{name: name, keywords: keywords, find: func(text, lower string) (spans []span) {
		each(lower, keywords, func(at int) (next int) {
			m := compiled().FindStringSubmatchIndex(text[at:])
			if m == nil {
				return at + 1
			}
			if !placeholders.MatchString(text[at+m[2] : at+m[3]]) {
				spans = append(spans, span{at + m[2], at + m[3], name})
			}
			return at + m[1]
		})
		return spans
	}}
}

// userinfo makes a rule for what stands in front of the at sign of a URL.
func userinfo(name, expression string) rule {
	r := pattern(name, []string{"://"}, expression)
	r.needs = []string{"@"}
	return r
}

// named makes a rule for secrets that have a name in front of them. The
// expression begins with one of the keywords, ends where the value begins, and
// its first group ends the name.
func named(name string, keywords []string, fits place, value value, expression string) rule {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^` + expression) })
	return rule{name: name, keywords: keywords, find: func(text, lower string) (spans []span) {
		each(lower, keywords, func(at int) (next int) {
			m := compiled().FindStringSubmatchIndex(text[at:])
			if m == nil {
				return at + 1
			}
			before, full := nameAt(text, at+m[2], at+m[3])
			if !fits(before, full) || namesNothing(full) {
				return at + m[3]
			}
			start, end := value(text, at+m[1])
			if start >= end {
				return at + m[1]
			}
			if !harmless(full, text[start:end]) {
				spans = append(spans, span{start, end, name})
			}
			return end
		})
		return spans
	}}
}

// each visits the places where a keyword begins, and goes on where visit says,
// so that no part of a text is read again and again.
func each(lower string, keywords []string, visit func(at int) (next int)) {
	for _, k := range keywords {
		for at := 0; at < len(lower); {
			n := strings.Index(lower[at:], k)
			if n < 0 {
				break
			}
			at = max(visit(at+n), at+n+1)
		}
	}
}

// place tells from the byte in front of a name, zero at the start of the text,
// and the whole name whether a rule is meant for it.
type place func(before byte, name string) bool

func anywhere(byte, string) bool              { return true }
func inQuery(before byte, _ string) bool      { return before == '?' || before == '&' }
func outsideQuery(before byte, _ string) bool { return before != '?' && before != '&' }
func quoted(before byte, _ string) bool       { return before == '"' }

func asFlag(before byte, name string) bool {
	return name[0] == '-' && strings.IndexByte("\x00 \t\n\"'[,", before) >= 0
}

// nameAt completes a name to its beginning. Longer ones than anybody would
// write are not followed.
func nameAt(text string, start, end int) (before byte, name string) {
	const most = 100
	for n := 0; start > 0 && n < most && inName(text[start-1]); n++ {
		start--
	}
	if start > 0 {
		before = text[start-1]
	}
	return before, text[start:end]
}

func inName(c byte) bool {
	return c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
