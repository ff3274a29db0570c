package controllers

import (
	"regexp"
	"strings"

	"github.com/gobwas/glob"
)

// matches is a pattern of Argo CD (util/glob/glob.go): * goes over slashes, and
// what is no pattern matches nothing.
func matches(pattern, text string) bool {
	if len(pattern) > maxPattern || len(text) > maxPattern {
		return false
	}
	g, err := glob.Compile(pattern)
	return err == nil && g.Match(text)
}

// matchesOrNot is a pattern that a leading ! turns around.
func matchesOrNot(pattern, text string) bool {
	if turned, ok := strings.CutPrefix(pattern, "!"); ok {
		return !matches(turned, text)
	}
	return matches(pattern, text)
}

func matchesAny(patterns []string, text string) bool {
	for _, p := range patterns {
		if matches(p, text) {
			return true
		}
	}
	return false
}

// matchesWhole is a regular expression for the whole text, as Flux's selectors
// take it. What is none is taken to match, since nothing is to be overlooked.
func matchesWhole(pattern, text string) bool {
	if pattern == "" || len(pattern) > maxPattern {
		return true
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err != nil || re.MatchString(text)
}

const maxPattern = 1024 // bytes of a glob, and of what it is held against
