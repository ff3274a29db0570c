package main

import (
	"regexp"
	"strings"
)

// particular are the words of a reason that name a thing of one repository.
var particular = regexp.MustCompile(`"[^"]*"|'[^']*'|\[[^\]]*\]|\S*[/.:@$=\d_]\S*[^\s.:;,]|\S*\w-\w\S*`)

// group makes one sentence of reasons that differ only in what they name.
func group(reason string) string {
	const most = 140
	out := particular.ReplaceAllString(oneText(reason), "…")
	for {
		less := strings.ReplaceAll(strings.ReplaceAll(out, "… …", "…"), "…, …", "…")
		if less == out {
			break
		}
		out = less
	}
	if r := []rune(out); len(r) > most {
		out = string(r[:most]) + "…"
	}
	return out
}

func oneLine(err error) string { return oneText(err.Error()) }

func oneText(s string) string { return strings.Join(strings.Fields(s), " ") }
