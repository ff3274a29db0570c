package gitops

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Trailer is one line of a message's last paragraph.
type Trailer struct{ Key, Value string }

// The closed set of trailers that irgit writes.
const (
	TrailerIncident = "Irgit-Incident"
	TrailerPolicy   = "Irgit-Policy"
	TrailerDigest   = "Irgit-Alert-Digest"
	TrailerAction   = "Irgit-Action"
	TrailerExpires  = "Irgit-Expires"
	TrailerRecord   = "Irgit-Record"
)

var trailerKeys = []string{TrailerIncident, TrailerPolicy, TrailerDigest, TrailerAction, TrailerExpires, TrailerRecord}

// Message is a commit message. No alert text ever goes into one: a line of it
// can be a command to Git hosts, to CI and to Argo CD.
type Message struct {
	Subject  string // at most 72 printable ASCII characters
	Body     string // paragraphs of printable ASCII; may be empty
	Trailers []Trailer
}

const maxSubject = 72

// forbidden is text that a CI, a forge or Argo CD acts on: some of it wherever
// it stands, trailers of other tools at the beginning of a line. A workload may
// be called change-id, and is contained all the same.
var forbidden = regexp.MustCompile(`(?im)argocd-gpg-seal|\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|\*\*\*no_ci\*\*\*|^(skip-checks|signed-off-by|co-authored-by|change-id|reviewed-by|acked-by|tested-by)\s*:`)

// Format writes the message, or says why it must not be written.
func (m Message) Format() (string, error) {
	if m.Subject == "" || len(m.Subject) > maxSubject || strings.Contains(m.Subject, "\n") {
		return "", fmt.Errorf("commit subject must be one line of 1 to %d characters, it has %d", maxSubject, len(m.Subject))
	}
	var b strings.Builder
	b.WriteString(m.Subject + "\n\n")
	if body := strings.TrimSpace(m.Body); body != "" {
		for line := range strings.SplitSeq(body, "\n") {
			if strings.HasPrefix(line, "---") {
				return "", errors.New("a line of the commit message starts with ---, which hides trailers")
			}
		}
		b.WriteString(body + "\n\n")
	}
	for _, t := range m.Trailers {
		if !slices.Contains(trailerKeys, t.Key) {
			return "", fmt.Errorf("trailer %q is not one of irgit's", t.Key)
		}
		if t.Value == "" || strings.ContainsAny(t.Value, "\n\r") {
			return "", fmt.Errorf("trailer %s must have a value of one line", t.Key)
		}
		b.WriteString(t.Key + ": " + t.Value + "\n")
	}
	text := strings.TrimRight(b.String(), "\n") + "\n"
	for _, c := range []byte(text) {
		if c != '\n' && (c < ' ' || c > '~') {
			return "", fmt.Errorf("commit message holds the byte %#02x; only printable ASCII is allowed", c)
		}
	}
	if found := forbidden.FindString(text); found != "" {
		return "", fmt.Errorf("commit message holds %q, which other tools take for a command", found)
	}
	return text, nil
}

var trailerLine = regexp.MustCompile(`^([A-Za-z0-9-]+): (.*)$`)

// ParseTrailers reads the trailers of a message as git interpret-trailers
// does, for messages that Format wrote: the last paragraph, if every line of
// it is a trailer.
func ParseTrailers(message string) []Trailer {
	paragraphs := strings.Split(strings.TrimRight(message, "\n"), "\n\n")
	if len(paragraphs) < 2 {
		return nil
	}
	var out []Trailer
	for line := range strings.SplitSeq(paragraphs[len(paragraphs)-1], "\n") {
		m := trailerLine.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		out = append(out, Trailer{m[1], m[2]})
	}
	return out
}
