package gitops

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"unicode"
)

type counter struct{ n atomic.Int64 }

func (c *counter) load() int64 { return c.n.Load() }

// boundedTransport caps the body of every answer: go-git buffers bodies whole,
// and a server may answer without end.
type boundedTransport struct {
	base    http.RoundTripper
	max     int64
	traffic *counter
}

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = &boundedBody{ReadCloser: res.Body, left: t.max, traffic: t.traffic}
	return res, nil
}

type boundedBody struct {
	io.ReadCloser
	left    int64
	traffic *counter
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.traffic.n.Add(int64(n))
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// clean makes text that came from a server fit for a message: printable, on
// one line, bounded.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
