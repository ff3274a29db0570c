package proposal

import (
	"fmt"
	"strings"
)

const maxSubject = 72 // what git log shows in one line

// Subject is the commit's subject and the pull request's title: names of the
// fleet in at most 72 printable ASCII characters, and nothing of an alert.
func Subject(d Document) string { return subject("contain", d.Target, d.Cluster, d.Key) }

func subject(verb string, target Object, cluster, key string) string {
	parts := []string{asciiName(target.Namespace), asciiName(target.Name), asciiName(cluster)}
	write := func() string {
		object := parts[1]
		if parts[0] != "" {
			object = parts[0] + "/" + object
		}
		return fmt.Sprintf("irgit: %s %s in %s (%s)", verb, object, parts[2], cutName(asciiName(key), 8))
	}
	for len(write()) > maxSubject {
		longest := 0
		for i := range parts {
			if len(parts[i]) > len(parts[longest]) {
				longest = i
			}
		}
		parts[longest] = cutName(parts[longest], len(parts[longest])-1)
	}
	return harmless(write())
}

// cutName takes characters out of the middle: names that differ do so at the
// beginning or at the end.
func cutName(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = strings.Replace(s, "..", "", 1)
	if most < 5 {
		return s[:min(len(s), most)]
	}
	keep := most - 2
	return s[:keep-keep/2] + ".." + s[len(s)-keep/2:]
}

// asciiName shows every other character as an escape.
func asciiName(s string) string { return strings.ReplaceAll(visible(s), " ", `\u{20}`) }

// harmless takes the sting out of words that other tools take for commands
// when they stand in a commit message. A namespace may be called skip-checks.
func harmless(s string) string {
	for {
		found := commands.FindStringIndex(s)
		if found == nil {
			return s
		}
		word := strings.NewReplacer("-", ".", "[", "(", "*", "+").Replace(s[found[0]:found[1]])
		s = s[:found[0]] + word + s[found[1]:]
	}
}
