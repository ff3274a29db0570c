package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs is the folder that tools/gitea/build prints.
const programs = "IRGIT_CONFORMANCE_PROGRAMS"

// server is a running Gitea with the users root (an administrator), alice (a
// person) and irgit-bot.
type server struct {
	t       *testing.T
	dir     string
	URL     string
	tokens  map[string]string // by user
	program string
	config  string
}

// startGitea skips by name where no server is built.
func startGitea(t *testing.T) *server {
	t.Helper()
	static := os.Getenv(programs)
	if static == "" {
		t.Skip("no Gitea server: make conformance builds one and runs this, or set " + programs + " to what tools/gitea/build prints")
	}
	s := &server{t: t, dir: t.TempDir(), tokens: make(map[string]string), program: filepath.Join(static, "gitea")}
	s.config = filepath.Join(s.dir, "app.ini")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().(*net.TCPAddr)
	require.NoError(t, listener.Close())
	s.URL = "http://" + address.String()
	me, err := exec.CommandContext(t.Context(), "id", "-un").Output()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.config, fmt.Appendf(nil, settings, strings.TrimSpace(string(me)), s.dir, static, address.Port), 0o600))
	s.run("migrate")
	for user, scopes := range map[string]string{"root": "all", "alice": "all", "irgit-bot": "write:repository,write:issue,read:organization"} {
		s.run("admin", "user", "create", "--username", user, "--email", user+"@example.com", "--random-password", "--must-change-password=false", fmt.Sprintf("--admin=%t", user == "root"))
		said := strings.Fields(s.run("admin", "user", "generate-access-token", "--username", user, "--token-name", "t", "--scopes", scopes, "--raw"))
		s.tokens[user] = said[len(said)-1] // the log may come before it
	}
	s.serve()
	return s
}

// settings are of app.ini: the user, the folder, the static files, the port.
const settings = `RUN_USER = %[1]s
RUN_MODE = prod
WORK_PATH = %[2]s
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[4]d
ROOT_URL = http://127.0.0.1:%[4]d/
STATIC_ROOT_PATH = %[3]s
APP_DATA_PATH = %[2]s/data
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = %[2]s/gitea.db
[repository]
ROOT = %[2]s/repositories
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
SECRET_KEY = of-a-test
[oauth2]
ENABLED = false
[service]
DISABLE_REGISTRATION = true
[actions]
ENABLED = false
[packages]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = console
LEVEL = error
[cron.update_checker]
ENABLED = false
`

func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"--config", s.config, "--work-path", s.dir}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = []string{"HOME=" + s.dir, "TMPDIR=" + s.dir, "PATH=" + os.Getenv("PATH"), "USER=" + os.Getenv("USER"), "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT=true"}
	return cmd
}

func (s *server) run(args ...string) string {
	s.t.Helper()
	cmd := s.command(s.t.Context(), args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(s.t, cmd.Run(), "gitea %s: %s%s", strings.Join(args, " "), out.String(), said.String())
	return out.String()
}

// serve runs the server until the test is over, and ends it by its own process.
func (s *server) serve() {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "web.log"))
	require.NoError(s.t, err)
	cmd := s.command(context.WithoutCancel(s.t.Context()), "web")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(s.t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		if s.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			s.t.Logf("the server's log ends:\n%s", text[max(0, len(text)-6000):])
		}
		_ = log.Close()
	})
	require.Eventually(s.t, func() bool {
		answer, err := http.Get(s.URL + "/api/v1/version")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 2*time.Minute, 200*time.Millisecond)
}

// as sends a request as a user, and fails the test unless it is answered with a
// 2xx. The answer's JSON is returned.
func (s *server) as(user, method, path string, body any) map[string]any {
	s.t.Helper()
	status, text := s.try(user, method, path, body)
	require.Equal(s.t, 2, status/100, "%s %s: %d %s", method, path, status, text)
	var object map[string]any
	if strings.HasPrefix(text, "{") {
		require.NoError(s.t, json.Unmarshal([]byte(text), &object))
	}
	return object
}

func (s *server) try(user, method, path string, body any) (int, string) {
	s.t.Helper()
	data, err := json.Marshal(body)
	require.NoError(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+"/api/v1"+path, bytes.NewReader(data))
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "token "+s.tokens[user])
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Body.Close())
	return answer.StatusCode, string(text)
}

// log is what the server has said so far.
func (s *server) log() []byte {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "web.log"))
	require.NoError(s.t, err)
	return text
}
