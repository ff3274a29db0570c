// Package gittest serves real git repositories over real smart HTTP on
// loopback, by the git program's own http-backend. Tests, the demo and the
// benchmarks use it; nothing in it depends on package testing.
package gittest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
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
	URL  string // http://127.0.0.1:port
	http *http.Server
}

// Serve starts a server on a free loopback port. dir holds bare repositories;
// one called fleet.git is at URL/fleet.git.
func Serve(ctx context.Context, dir string, o Options) (*Server, error) {
	execPath, err := exec.CommandContext(ctx, "git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("serve git: the git program is needed: %w", err)
	}
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=irgit", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null"},
		Stderr: &bytes.Buffer{},
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); o.Token != "" && password != o.Token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		if o.TipsOnly && strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Contains(body, []byte("deepen 1")) {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
				_, _ = io.WriteString(w, "0024ERR upload-pack: not our ref abc")
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		backend.ServeHTTP(w, r)
	})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve git: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), http: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close stops the server.
func (s *Server) Close() error { return s.http.Close() }

// Git runs the git program in dir, apart from the user's configuration, and
// returns what it printed.
func Git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Platform Team", "GIT_AUTHOR_EMAIL=platform@example.com", "GIT_AUTHOR_DATE=2026-01-05T09:00:00Z",
		"GIT_COMMITTER_NAME=Platform Team", "GIT_COMMITTER_EMAIL=platform@example.com", "GIT_COMMITTER_DATE=2026-01-05T09:00:00Z")
	var out, errText bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errText
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errText.String()))
	}
	return out.String(), nil
}

// NewRepository makes the bare repository dir/name with the files as its first
// commit on main, always the same one for the same files.
func NewRepository(ctx context.Context, dir, name string, files map[string][]byte) (string, error) {
	bare := filepath.Join(dir, name)
	if _, err := Git(ctx, dir, "init", "-q", "--bare", "-b", "main", bare); err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	config, err := os.OpenFile(filepath.Join(bare, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	_, err = io.WriteString(config, "[uploadpack]\n\tallowFilter = true\n[http]\n\treceivepack = true\n")
	if err = errors.Join(err, config.Close()); err != nil {
		return "", fmt.Errorf("make repository: %w", err)
	}
	var in bytes.Buffer
	in.WriteString("commit refs/heads/main\ncommitter Platform Team <platform@example.com> 1767603600 +0000\ndata 10\nThe fleet\n\n")
	for _, file := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n", file, len(files[file]))
		in.Write(files[file])
		in.WriteByte('\n')
	}
	cmd := exec.CommandContext(ctx, "git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = bare, &in
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make repository: git fast-import: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return bare, nil
}
