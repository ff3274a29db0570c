package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Duration is a time span written as Go does ("90m", "24h"), or in days
// ("7d").
type Duration time.Duration

// MarshalText writes the span in Go's notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

var days = regexp.MustCompile(`^(\d{1,4})d$`)

func parseDuration(s string) (Duration, error) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		return Duration(time.Duration(n) * 24 * time.Hour), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: write 30m, 24h or 7d", s)
	}
	return Duration(d), nil
}

// UnmarshalText reads the span.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = parseDuration(string(text))
	return err
}

// String writes the span as parseDuration reads it.
func (d Duration) String() string {
	text, _ := d.MarshalText()
	return string(text)
}
