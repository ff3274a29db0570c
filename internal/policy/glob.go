package policy

import "strings"

// isPattern reports whether s means more than itself.
func isPattern(s string) bool { return strings.ContainsAny(s, "*?") }

// matchPattern matches s against a pattern in which * is any run of bytes and
// ? one byte. It takes at most len(pattern)*len(s) steps.
func matchPattern(pattern, s string) bool {
	return glob(pattern, s, func(s byte) bool { return true })
}

// coversPattern reports whether every string that b matches is matched by a.
// It may miss some such pairs, never the other way round.
func coversPattern(a, b string) bool {
	return glob(a, b, func(s byte) bool { return s != '*' })
}

func glob(pattern, s string, one func(byte) bool) bool {
	p, i := 0, 0
	star, resume := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (pattern[p] == s[i] || pattern[p] == '?' && one(s[i])):
			p, i = p+1, i+1
		case star >= 0:
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// firstMatch returns the first pattern that matches s.
func firstMatch(patterns []string, s string) (string, bool) {
	for _, p := range patterns {
		if p == s || isPattern(p) && matchPattern(p, s) {
			return p, true
		}
	}
	return "", false
}
