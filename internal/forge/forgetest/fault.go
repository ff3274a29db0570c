package forgetest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// Fault makes a request go wrong. The first one that fits is used.
type Fault struct {
	Method string // "" fits all
	Path   string // end of the path: "/pulls"; "" fits all
	Skip   int    // so many fitting requests go well first
	Times  int    // 0 is once, -1 for ever

	Before  func()            // what somebody else does just before the request is served; may be nil
	Status  int               // answer this instead of serving it; 0 serves it
	Header  map[string]string // of that answer
	Message string            // of that answer, as GitHub's JSON has it
	Raw     string            // that answer's body, instead of JSON

	Lost bool // serve it, and break the connection instead of answering
	Cut  bool // serve it, and answer with the first half of the body
	Dead bool // break the connection without serving it
}

// FaultHeader marks answers that a Fault made or cut.
const FaultHeader = "X-Forgetest-Fault"

// Fail adds faults.
func (g *base) Fail(faults ...Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		g.faults = append(g.faults, &f)
	}
}

// fault takes the fault that is due for a request.
func (g *base) fault(method, path string) *Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.faults {
		if f.Times == 0 || f.Method != "" && f.Method != method || !strings.HasSuffix(path, f.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// Transport serves requests without a network, whatever host they are for. It
// neither follows nor refuses anything: that is the client's.
func (g *base) Transport() http.RoundTripper { return direct{g} }

type direct struct{ handler http.Handler }

// RoundTrip serves one request in the caller's goroutine.
func (d direct) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := &recorder{header: make(http.Header), status: http.StatusOK}
	defer func() {
		switch broken := recover(); broken {
		case nil:
		case http.ErrAbortHandler:
			response, err = nil, io.ErrUnexpectedEOF
		default:
			panic(broken)
		}
	}()
	served := r.Clone(r.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	d.handler.ServeHTTP(w, served)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

type recorder struct {
	header http.Header
	body   bytes.Buffer
	status int
}

// Header is that of the answer.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader sets the status.
func (w *recorder) WriteHeader(status int) { w.status = status }

// Write keeps the body.
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }
