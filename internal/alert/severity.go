package alert

import (
	"fmt"
	"slices"
	"strings"
)

// Severity is OCSF's scale (https://schema.ocsf.io, severity_id): an ordered
// enum, so severities compare with <. As text it is OCSF's word in lower case;
// policy files use the same words.
type Severity int

// OCSF severities.
const (
	SeverityUnknown Severity = iota
	Informational
	Low
	Medium
	High
	Critical
	Fatal
)

var severityWords = []string{"unknown", "informational", "low", "medium", "high", "critical", "fatal"}

// String is the word; that of SeverityUnknown for a value outside the scale.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severityWords) {
		s = SeverityUnknown
	}
	return severityWords[s]
}

// MarshalText gives the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts the words in lower case and nothing else.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severityWords, string(text))
	if i < 0 {
		return fmt.Errorf("a severity is one of %s", strings.Join(severityWords, ", "))
	}
	*s = Severity(i)
	return nil
}

// falcoSeverities are Falco's priorities; rules also write INFO.
var falcoSeverities = map[string]Severity{
	"emergency": Fatal, "alert": Critical, "critical": Critical, "error": High, "warning": Medium,
	"notice": Low, "informational": Informational, "info": Informational, "debug": Informational,
}

// labelSeverities are the words that people put into the severity label of an
// alert; Prometheus knows no scale.
var labelSeverities = map[string]Severity{
	"emergency": Fatal, "fatal": Fatal, "disaster": Fatal, "sev0": Fatal, "p0": Fatal,
	"critical": Critical, "crit": Critical, "page": Critical, "alert": Critical, "sev1": Critical, "p1": Critical,
	"high": High, "major": High, "error": High, "err": High, "sev2": High, "p2": High,
	"medium": Medium, "moderate": Medium, "average": Medium, "warning": Medium, "warn": Medium, "sev3": Medium, "p3": Medium,
	"low": Low, "minor": Low, "notice": Low, "sev4": Low, "p4": Low,
	"informational": Informational, "information": Informational, "info": Informational, "debug": Informational,
	"none": Informational, "sev5": Informational, "p5": Informational,
}

func severityOf(scale map[string]Severity, word string) Severity {
	return scale[strings.ToLower(strings.TrimSpace(word))]
}
