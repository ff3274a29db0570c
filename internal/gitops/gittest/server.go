// Package gittest serves real git repositories over real smart HTTP on
// loopback, by the git program's own upload-pack and receive-pack. Tests, the
// demo and the benchmarks use it; nothing in it depends on package testing.
package gittest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options change how a Server answers.
type Options struct {
	Token string // basic auth password that every request must carry; "" for none

	// TipsOnly makes the server refuse objects that no ref points at, as some
	// forges do although they advertise filters.
	TipsOnly bool
}

// Server serves the bare repositories below a directory.
type Server struct {
	URL     string // http://127.0.0.1:port
	http    *http.Server
	dir     string
	options Options
}

// Serve starts a server on a free loopback port. dir holds bare repositories;
// one called fleet.git is at URL/fleet.git, to be read and written.
func Serve(ctx context.Context, dir string, o Options) (*Server, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("serve git: the git program is needed: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve git: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), dir: dir, options: o}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close stops the server.
func (s *Server) Close() error { return s.http.Close() }

// serve answers one request of the smart protocol
// (https://git-scm.com/docs/http-protocol) as git http-backend does, without
// its process: the two services do the work there too.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if _, password, _ := r.BasicAuth(); s.options.Token != "" && password != s.options.Token {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	name, last := path.Split(path.Clean(r.URL.Path))
	service, kind, args := last, "result", []string{"--stateless-rpc"}
	if last == "refs" && path.Base(name) == "info" && r.Method == http.MethodGet {
		name, service, kind, args = path.Dir(path.Clean(name)), r.URL.Query().Get("service"), "advertisement", append(args, "--advertise-refs")
	}
	repository := filepath.Join(s.dir, filepath.FromSlash(name))
	_, err := os.Stat(filepath.Join(repository, "HEAD"))
	if err != nil || !slices.Contains([]string{"git-upload-pack", "git-receive-pack"}, service) {
		http.NotFound(w, r)
		return
	}
	body, err := asked(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-"+kind)
	w.Header().Set("Cache-Control", "no-cache")
	if kind == "advertisement" {
		announcement := "# service=" + service + "\n"
		_, _ = fmt.Fprintf(w, "%04x%s0000", len(announcement)+4, announcement)
	} else if s.options.TipsOnly && service == "git-upload-pack" && !bytes.Contains(body, []byte("deepen 1")) {
		_, _ = io.WriteString(w, "0024ERR upload-pack: not our ref abc")
		return
	}
	cmd := exec.CommandContext(r.Context(), "git", slices.Concat([]string{strings.TrimPrefix(service, "git-")}, args, []string{repository})...)
	cmd.Env = append(environ(), "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
	cmd.Stdin, cmd.Stdout = bytes.NewReader(body), w
	_ = cmd.Run() // what went wrong is in the answer, where the client looks for it
}

// asked is the whole body of a request.
func asked(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(r.Body); err != nil {
			return nil, fmt.Errorf("read the request: %w", err)
		}
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return data, nil
}
