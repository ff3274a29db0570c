package proposal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commands is text that forges, CI and Argo CD act on wherever it stands, and
// that a squash merge may carry from a body into a commit message.
var commands = regexp.MustCompile(`(?i)argocd-gpg-seal|\[((skip|no)\W+(ci|actions)|(ci|actions)\W+skip)\]|skip-checks|signed-off-by|co-authored-by|change-id|reviewed-by|acked-by|\*\*\*no_ci\*\*\*`)

// stems are in every such text; looking for them first is what makes the
// expression affordable.
var stems = []string{"-seal", "skip", "[no", "no_", "-by", "-id"}

func mayCommand(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return true // upper and lower case are not that simple there
	}
	s = strings.ToLower(s)
	return slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(s, stem) })
}

// disarm makes the first character of every such text a visible escape.
func disarm(s string) string {
	if !mayCommand(s) {
		return s
	}
	return commands.ReplaceAllStringFunc(s, func(found string) string { return escaped(rune(found[0])) + found[1:] })
}

func escaped(r rune) string { return fmt.Sprintf(`\u{%x}`, r) }

// visible puts text into one line of printable ASCII: whatever could hide,
// reorder, imitate or command is shown as an escape. It can be read back.
func visible(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x{%02x}`, s[i])
		default:
			b.WriteString(escaped(r))
		}
	}
	return b.String()
}

// The marks that make text a mention, a reference, a link or markup even to a
// program that knows nothing of code spans.
var (
	marks   = regexp.MustCompile(`[@#]|://|(?i:\bwww\.)|<[A-Za-z/!?]|\[[ xX]\]`)
	defangs = map[string]string{"@": "[@]", "#": "[#]", "://": "[:]//"}
)

// inert is visible, and defanged as analysts do it: [@], [#], [:]//, www[.].
func inert(s string) string {
	s = marks.ReplaceAllStringFunc(visible(s), func(found string) string {
		if defanged, ok := defangs[found]; ok {
			return defanged
		}
		if found[0] == '<' || found[0] == '[' {
			return escaped(rune(found[0])) + found[1:]
		}
		return found[:3] + "[.]"
	})
	return disarm(s)
}

// unticked keeps text inside a code span of one backtick and inside one cell,
// and opens no comment for programs that look at the raw text.
var unticked = strings.NewReplacer("`", escaped('`'), "|", escaped('|'), "<!", escaped('<')+"!")

func span(s string) string {
	if strings.TrimSpace(s) == "" {
		return empty
	}
	return "`" + unticked.Replace(s) + "`"
}

// cut shortens text to so many characters and says how many are missing.
func cut(s string, most int) string {
	n := utf8.RuneCountInString(s)
	if n <= most {
		return s
	}
	end := 0
	for range most {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return fmt.Sprintf("%s... (%d characters more)", s[:end], n-most)
}

// printable puts text that people wrote into one line.
func printable(s string) string { return disarm(shown(strings.Join(strings.Fields(s), " "))) }

// shown makes what cannot be seen, or changes the direction of writing, an
// escape. Letters of all alphabets stay.
func shown(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if r == ' ' || unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			b.WriteRune(r)
		} else {
			b.WriteString(escaped(r))
		}
	}
	return b.String()
}

// said escapes text that people or the fleet wrote, for the middle of a line
// of Markdown. The zero-width space is the one that Renovate uses.
func said(s string) string {
	const apart = "&#8203;"
	s = markdown.Replace(printable(s))
	s = leading.ReplaceAllString(s, `$1\$2`)
	return marks.ReplaceAllStringFunc(s, func(found string) string {
		switch {
		case found == "://":
			return ":" + apart + "//"
		case len(found) > 1: // www.
			return found[:3] + apart + "."
		}
		return found + apart
	})
}

var (
	markdown = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "!", `\!`, "$", `\$`,
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&vert;",
	)
	// leading is what opens a list, a heading or a rule at the start of a text
	// that itself starts a list item.
	leading = regexp.MustCompile(`^([0-9]*)([-+=#.):])`)
)
