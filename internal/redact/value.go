package redact

import "strings"

// value finds where the value that begins at a place ends. Start may lie behind
// an opening quote; an empty range means that there is none.
type value func(text string, at int) (start, end int)

// shellValue is a quoted string, or what goes on to the next space or quote. A
// quote that is never closed holds the rest of its line.
func shellValue(text string, at int) (start, end int) {
	if at < len(text) && (text[at] == '"' || text[at] == '\'') {
		return at + 1, until(text, at+1, text[at:at+1]+"\n")
	}
	return at, until(text, at, " \t\r\n\"'`")
}

// argument is a shellValue, but never the next flag.
func argument(text string, at int) (start, end int) {
	if at < len(text) && text[at] == '-' {
		return at, at
	}
	return shellValue(text, at)
}

func untilSpace(text string, at int) (start, end int) { return at, until(text, at, " \t\r\n\"'`") }
func queryValue(text string, at int) (start, end int) { return at, until(text, at, " \t\r\n\"'&#<>") }

func headerValue(text string, at int) (start, end int) { return at, until(text, at, " \t\r\n\"'\\,;") }

func until(text string, at int, any string) int {
	if n := strings.IndexAny(text[at:], any); n >= 0 {
		return at + n
	}
	return len(text)
}

// jsonString ends at the quote that closes the one in front of it. JSON within
// JSON has backslashes before both, and more of them before a quote inside.
func jsonString(text string, at int) (start, end int) {
	level := backslashes(text, at-1)
	for end = at; end < len(text); end++ {
		if text[end] != '"' {
			continue
		}
		if n := backslashes(text[at:], end-at); n == level || level == 0 && n%2 == 0 || n < level {
			return at, end - n
		}
	}
	return at, end
}

// backslashes counts those right before a place.
func backslashes(text string, at int) (n int) {
	for at > n && text[at-n-1] == '\\' {
		n++
	}
	return n
}
