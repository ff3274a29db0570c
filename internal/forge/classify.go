package forge

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"
)

// classify sorts what go-github returned into one of the kinds.
func (g *GitHub) classify(o operation, response *github.Response, err error) *Error {
	e := &Error{Op: o.name + " in " + g.repo.String()}
	defer func() { e.Message = g.quote(e.Message) }()
	var answer *github.ErrorResponse
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	var twoFactor *github.TwoFactorAuthError
	switch {
	case errors.As(err, &primary):
		e.Status, e.Message = primary.Response.StatusCode, primary.Message
		e.limited(primary.Rate.Reset.Time)
	case errors.As(err, &secondary):
		e.Status, e.Message = secondary.Response.StatusCode, secondary.Message
		e.limited(after(secondary.RetryAfter))
	case errors.As(err, &twoFactor):
		e.Status, e.Kind = http.StatusUnauthorized, ErrAuthentication
		e.Hint = "use a token instead of a password"
	case errors.As(err, &answer):
		g.judge(e, o, answer)
	case errors.Is(err, errRedirect):
		e.Kind, e.Message = ErrRejected, errRedirect.Error()
		e.Hint = "the repository may have moved: use its present address"
	default:
		e.Kind, e.Retryable, e.Message = ErrUnreachable, true, connection(err)
		if response != nil {
			e.Status = response.StatusCode
		}
		var certificate *tls.CertificateVerificationError
		if errors.As(err, &certificate) {
			e.Retryable, e.Hint = false, "trust the forge's certificate authority with SSL_CERT_FILE"
		}
	}
	return e
}

// judge reads an answer with an error status.
func (g *GitHub) judge(e *Error, o operation, answer *github.ErrorResponse) {
	header := answer.Response.Header
	e.Status, e.Message = answer.Response.StatusCode, answer.Message
	permission := "the token needs the permission " + o.permission + " on " + g.repo.String()
	if accepted := header.Get("X-Accepted-GitHub-Permissions"); accepted != "" {
		permission += " (GitHub asks for " + g.quote(accepted) + ")"
	}
	switch status := e.Status; {
	case status == http.StatusUnauthorized:
		e.Kind, e.Hint = ErrAuthentication, "the token is wrong, revoked or expired: give one with the permission "+o.permission
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && isLimit(header, answer.Message):
		e.limited(retryAt(header))
	case status == http.StatusForbidden && strings.Contains(strings.ToLower(answer.Message), "archived"):
		e.Kind, e.Hint = ErrRejected, "the repository is read-only until it is unarchived"
	case status == http.StatusForbidden && header.Get("X-GitHub-SSO") != "":
		e.Kind, e.Hint = ErrNotFound, "the organisation wants single sign-on: authorise the token for it"
	case status == http.StatusForbidden, status == http.StatusNotFound:
		e.Kind, e.Hint = ErrNotFound, permission
	case status >= 500:
		e.Kind, e.Retryable = ErrUnreachable, true
		if e.Message == "" {
			e.Message = "it answered " + strconv.Itoa(status)
		}
	default:
		e.Kind, e.Message = ErrRejected, validation(answer)
	}
}

func (e *Error) limited(at time.Time) { e.Kind, e.Retryable, e.RetryAt = ErrRateLimited, true, at }

func after(d *time.Duration) time.Time {
	if d == nil || *d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(*d)
}

func isLimit(h http.Header, message string) bool {
	message = strings.ToLower(message)
	return h.Get("Retry-After") != "" || strings.Contains(message, "rate limit") || strings.Contains(message, "abuse detection")
}

// retryAt reads the headers in the order of GitHub's advice.
func retryAt(h http.Header) time.Time {
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		return time.Now().Add(time.Duration(seconds) * time.Second)
	}
	if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil && h.Get("X-RateLimit-Remaining") == "0" {
		return time.Unix(reset, 0)
	}
	return time.Time{}
}

// validation joins what a 422 says about each field.
func validation(answer *github.ErrorResponse) string {
	parts := []string{answer.Message}
	for _, e := range answer.Errors {
		switch {
		case e.Message != "":
			parts = append(parts, e.Message)
		case e.Field != "":
			parts = append(parts, e.Field+" is "+e.Code)
		}
	}
	return strings.Join(parts, ": ")
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

// quote cleans text that came from outside, and takes the token out of it: a
// proxy's error page may repeat the request.
func (g *GitHub) quote(s string) string { return clean(strings.ReplaceAll(s, g.token, "[token]")) }
