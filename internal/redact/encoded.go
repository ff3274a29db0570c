package redact

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// encodedLeast is the length of the shortest base64 that is looked into: what
// is shorter holds no name with a secret behind it.
const encodedLeast = 20

// encoded finds base64 of text that has a secret in it, such as a Secret's data
// or what a command line hides. All of it is masked.
func encoded(text string, spans []span) []span {
	for i := encodedLeast - 1; i < len(text); {
		if !isBase64(text[i]) {
			i += encodedLeast
			continue
		}
		start, end := i, i
		for start > 0 && isBase64(text[start-1]) && i-start < encodedLeast-1 {
			start--
		}
		for end < len(text) && isBase64(text[end]) {
			end++
		}
		if end-start >= encodedLeast && hidesSecret(text[start:end]) {
			for end < len(text) && text[end] == '=' {
				end++
			}
			spans = append(spans, span{start, end, "encoded-secret"})
		}
		i = end + encodedLeast
	}
	return spans
}

// hidesSecret decodes one run, in whichever of the two alphabets it is.
func hidesSecret(run string) bool {
	alphabet := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		alphabet = base64.RawURLEncoding
	}
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	plain, err := alphabet.DecodeString(run)
	if err != nil || !utf8.Valid(plain) {
		return false
	}
	decoded := string(plain)
	if strings.ContainsFunc(decoded, func(c rune) bool { return !unicode.IsPrint(c) && !unicode.IsSpace(c) }) {
		return false
	}
	return len(outside(search(decoded, false), decoded)) > 0
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}
