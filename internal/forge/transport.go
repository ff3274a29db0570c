package forge

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds one answer; a page of a hundred pull requests with bodies of
// the greatest size stays below it.
const maxAnswer = 32 << 20

// maxRefusal bounds what is read of an answer with an error status.
const maxRefusal = 1 << 20

var (
	errRedirect  = errors.New("it answered with a redirect that is not followed")
	errTooLarge  = errors.New("its answer is too large")
	errNoAnswer  = errors.New("no answer in time")
	errCutAnswer = errors.New("its answer was cut off or is not JSON")
)

// newTransport is the connection when none is injected: every step of it is
// bounded in time.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           4,
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      true,
	}
}

// newClient is the one HTTP client of a forge. It adds the token to requests
// for the API's own scheme, host and port only, and follows a redirect only
// there and only if the method stays: net/http would turn a POST into a GET.
// An answer with an error status becomes an [*answer].
func newClient(base http.RoundTripper, api *url.URL, token credential, g *gate) *http.Client {
	same := func(u *url.URL) bool { return u.Scheme == api.Scheme && u.Host == api.Host }
	return &http.Client{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Del("Authorization")
			r.Header.Del("Private-Token")
			if same(r.URL) {
				secret, err := token(r.Context())
				if err != nil {
					return nil, err
				}
				r.Header.Set("Authorization", "Bearer "+secret)
			}
			response, err := base.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			response.Body = &boundedBody{response.Body, maxAnswer}
			if response.StatusCode >= http.StatusBadRequest {
				return nil, refusal(response)
			}
			g.observe(response.Header)
			return response, nil
		}),
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if !same(next.URL) || next.Method != via[0].Method || len(via) > 3 {
				return errRedirect
			}
			return nil
		},
	}
}

// refusal reads an answer with an error status to its end.
func refusal(response *http.Response) error {
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		body = nil // the status says enough
	}
	return &answer{response.StatusCode, response.Header, message(body)}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read fails, unlike that of io.LimitedReader, when the bound is passed.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
