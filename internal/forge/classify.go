package forge

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is an answer with an error status. The transport makes an error of it,
// so that it means the same whichever SDK asked.
type answer struct {
	status  int
	header  http.Header
	message string // "" when it was not the JSON of a forge
}

// Error is the status; the message has not been cleaned.
func (a *answer) Error() string { return "it answered " + strconv.Itoa(a.status) }

// classify sorts what went wrong with a request into one of the kinds.
func (c *caller) classify(o operation, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e // of the credential
	}
	e = &Error{Op: o.name + " in " + c.repo.String()}
	defer func() { e.Message, e.Hint = c.secrets.quote(e.Message), c.secrets.quote(e.Hint) }()
	var said *answer
	switch {
	case errors.As(err, &said):
		c.judge(e, o, said)
	case errors.Is(err, errRedirect):
		e.Kind, e.Message = ErrRejected, errRedirect.Error()
		e.Hint = "the repository may have moved: use its present address"
	default:
		e.Kind, e.Retryable, e.Message = ErrUnreachable, true, connection(err)
		var certificate *tls.CertificateVerificationError
		if errors.As(err, &certificate) {
			e.Retryable, e.Hint = false, "trust the forge's certificate authority with SSL_CERT_FILE"
		}
	}
	return e
}

// judge reads an answer with an error status.
func (c *caller) judge(e *Error, o operation, said *answer) {
	e.Status, e.Message = said.status, said.message
	denied := "the token needs the " + o.needs + " on " + c.repo.String()
	if accepted := said.header.Get("X-Accepted-GitHub-Permissions"); accepted != "" {
		denied += " (GitHub asks for " + accepted + ")"
	}
	archived := strings.Contains(strings.ToLower(said.message), "archived")
	switch status := e.Status; {
	case status == http.StatusUnauthorized:
		e.Kind, e.Hint = ErrAuthentication, "the token is wrong, revoked or expired: give one with the "+o.needs
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && isLimit(said):
		e.limited(retryAt(said.header))
	case status == http.StatusLocked, status == http.StatusForbidden && archived:
		e.Kind, e.Hint = ErrRejected, "the repository is read-only until it is unarchived"
	case status == http.StatusForbidden && said.header.Get("X-GitHub-SSO") != "":
		e.Kind, e.Hint = ErrNotFound, "the organisation wants single sign-on: authorise the token for it"
	case status == http.StatusForbidden, status == http.StatusNotFound:
		e.Kind, e.Hint = ErrNotFound, denied
	case status >= 500:
		e.Kind, e.Retryable = ErrUnreachable, true
		if e.Message == "" {
			e.Message = said.Error()
		}
	default:
		e.Kind = ErrRejected
	}
}

func (e *Error) limited(at time.Time) { e.Kind, e.Retryable, e.RetryAt = ErrRateLimited, true, at }

func isLimit(said *answer) bool {
	message := strings.ToLower(said.message)
	return said.header.Get("Retry-After") != "" || strings.Contains(message, "rate limit") || strings.Contains(message, "abuse detection")
}

// retryAt reads the headers in the order of GitHub's advice; GitLab has the
// second without the X.
func retryAt(h http.Header) time.Time {
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		return time.Now().Add(time.Duration(seconds) * time.Second)
	}
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		if reset, err := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64); err == nil && h.Get(prefix+"Remaining") == "0" {
			return time.Unix(reset, 0)
		}
	}
	return time.Time{}
}

// message is what the JSON of an error says, on one line: GitHub's message and
// its list of errors, GitLab's message (a text, a list, or lists by field) or
// error, Gitea's message.
func message(body []byte) string {
	var said struct {
		Message any   `json:"message"`
		Error   any   `json:"error"`
		Errors  []any `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	parts := append(sentences(said.Message), sentences(said.Error)...)
	for _, e := range said.Errors {
		parts = append(parts, fieldError(e)...)
	}
	return strings.Join(parts, ": ")
}

// sentences flattens texts, lists and maps of them.
func sentences(v any) (out []string) {
	switch v := v.(type) {
	case string:
		if v != "" {
			out = append(out, v)
		}
	case []any:
		for _, item := range v {
			out = append(out, sentences(item)...)
		}
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(v)) {
			out = append(out, field+" "+strings.Join(sentences(v[field]), ", "))
		}
	}
	return out
}

// fieldError is one of GitHub's errors of a validation.
func fieldError(v any) []string {
	e, ok := v.(map[string]any)
	if !ok {
		return sentences(v)
	}
	if text, _ := e["message"].(string); text != "" {
		return []string{text}
	}
	field, _ := e["field"].(string)
	code, _ := e["code"].(string)
	if field == "" {
		return nil
	}
	return []string{field + " is " + code}
}

// connection says what broke, without the URL that net/http puts before it.
func connection(err error) string {
	var located *url.Error
	if errors.As(err, &located) {
		err = located.Err
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &kind) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutAnswer.Error()
	}
	return err.Error()
}
