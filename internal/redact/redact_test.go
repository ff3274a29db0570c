package redact

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// join puts a canary together, so that no scanner trips over this file.
func join(parts ...string) string { return strings.Join(parts, "") }

func TestOwnRules(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"userinfo", "psql postgresql://app:EAzn@db/x", "psql postgresql://app:[redacted:url-password]@db/x"},
		{"userinfo with an at sign", "redis://:p@ss@cache:6379/0", "redis://:[redacted:url-password]@cache:6379/0"},
		{"token as user", "git clone https://" + join("abcdef0123456789", "abcdef@git.example/x"), "git clone https://[redacted:url-token]@git.example/x"},
		{"query", "curl http://h/x?id=7&access_token=abc123&v=1", "curl http://h/x?id=7&access_token=[redacted:query-secret]&v=1"},
		{"flag and space", "tool --db-password hunter2 --host db", "tool --db-password [redacted:flag-secret] --host db"},
		{"flag and equals sign", "tool --password=hunter2 --host=db", "tool --password=[redacted:flag-secret] --host=db"},
		{"quoted flag", `tool --token "two words" x`, `tool --token "[redacted:flag-secret]" x`},
		{"list of arguments", `["tool", "--password", "hunter2"]`, `["tool", "--password", "[redacted:flag-secret]"]`},
		{"one dash", "java -storepass changeit -jar x", "java -storepass [redacted:flag-secret] -jar x"},
		{"mysql", "mysqldump -u root -phunter2 shop", "mysqldump -u root -p[redacted:command-password] shop"},
		{"sshpass", "sshpass -p hunter2 ssh root@db", "sshpass -p [redacted:command-password] ssh root@db"},
		{"redis", "redis-cli -h cache -a hunter2 ping", "redis-cli -h cache -a [redacted:command-password] ping"},
		{"docker login", "docker login -u ci -p hunter2 registry", "docker login -u ci -p [redacted:command-password] registry"},
		{"environment", "env PGPASSWORD=hunter2 AWS_SESSION_TOKEN=abc X_SECRET=s psql", "env PGPASSWORD=[redacted:assigned-secret] AWS_SESSION_TOKEN=[redacted:assigned-secret] X_SECRET=[redacted:assigned-secret] psql"},
		{"JSON", `{"user":"app","dbPassword":"hunter\"2"}`, `{"user":"app","dbPassword":"[redacted:json-secret]"}`},
		{"JSON in JSON", `"{\"apiKey\":\"hunter2\",\"n\":1}"`, `"{\"apiKey\":\"[redacted:json-secret]\",\"n\":1}"`},
		{"JSON in JSON with a quote", `"{\"secret\":\"a\\\"b\",\"n\":1}"`, `"{\"secret\":\"[redacted:json-secret]\",\"n\":1}"`},
		{"YAML", "user: app\npassword: hunter2\n", "user: app\npassword: [redacted:yaml-password]\n"},
		{"basic", "curl -H Authorization: Basic YXBwOmh1bnRlcjI= http://h", "curl -H Authorization: Basic [redacted:header-secret] http://h"},
		{"bearer", "GET / authorization: Bearer abcdefghijklmnopqrstuvwxyz", "GET / authorization: Bearer [redacted:header-secret]"},
		{"bearer alone", "sent Bearer abcdefghijklmnop0123 to h", "sent Bearer [redacted:bearer-token] to h"},
		{"header", `-H "X-Vault-Token: hvs.short"`, `-H "X-Vault-Token: [redacted:header-secret]"`},
		{"cookie", "Cookie: a=b; session=c", "Cookie: [redacted:cookie]"},
		{"JWT", join("x eyJ", "hbGciOiJIUzI1NiJ9.eyJ", "zdWIiOiIxMjM0In0.c2lnbmF0dXJl, y"), "x [redacted:json-web-token], y"},
		{"PEM", join("-----BEGIN RSA PRIVATE", " KEY-----\nMIIE\nabc\n-----END RSA PRIVATE", " KEY-----\nrest"), join("-----BEGIN RSA PRIVATE", " KEY-----[redacted:private-key]-----END RSA PRIVATE", " KEY-----\nrest")},
		{"PEM on one line", join("k=-----BEGIN PRIVATE", ` KEY-----\nMIIE\n-----END PRIVATE`, ` KEY-----\n`), join("k=-----BEGIN PRIVATE", " KEY-----[redacted:private-key]-----END PRIVATE", ` KEY-----\n`)},
		{"PEM without an end", join("-----BEGIN EC PRIVATE", " KEY-----\nMIIE"), join("-----BEGIN EC PRIVATE", " KEY-----[redacted:private-key]")},
		{"card", join("paid with 4111", "111111111111 today"), "paid with [redacted:payment-card] today"},
		{"card in groups", join("card=3782 ", "822463 10005"), "card=[redacted:payment-card]"},
		{"beside a false mark", "--password [redacted:x]hunter2", "--password [redacted:x][redacted:flag-secret]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, found := New(nil).Text(c.in)
			require.Equal(t, c.want, got)
			require.NotEmpty(t, found)
		})
	}
}

func TestValuesUnderNames(t *testing.T) {
	r := New(nil)
	for name, value := range map[string]string{
		"password": "hunter2", "properties.dbPassword": "two words", "request.headers.authorization": "Basic aHVudGVyMg==", "X-Api-Key": "k", "set-cookie": "a=b; c=d",
		"env.PGPASSWORD": "x", "client_secret": "payments-db", "args[0].token": "t", "db.pwd": "x",
	} {
		got, found := r.Value(name, value)
		require.Equal(t, "[redacted:named-secret]", got, name)
		require.Equal(t, []string{"named-secret"}, found)
		again, found := r.Value(name, got)
		require.Equal(t, got, again, "masking twice changes nothing")
		require.Empty(t, found)
	}
	for name, value := range map[string]string{
		"proc.cwd": "/root", "secretName": "payments-tls", "tokenPath": "/run/token", "oldpwd": "/tmp", "ka.target.resource": "secrets", "password": "", "token": "true",
		"secret": "payments-db", "sock.cookie": "8237", "resource.accessKeyId": "x", "process.name": "sh",
	} {
		got, found := r.Value(name, value)
		require.Equal(t, value, got, name)
		require.Empty(t, found, name)
	}
	got, _ := r.Value("proc.cmdline", "psql postgresql://app:EAzn@db/x")
	require.Equal(t, "psql postgresql://app:[redacted:url-password]@db/x", got)
	keyed, _ := New([]byte("key")).Value("password", "hunter2")
	text, _ := New([]byte("key")).Text("--password=hunter2")
	require.Contains(t, text, strings.TrimPrefix(keyed, "[redacted:named-secret"), "equal secrets have equal digests")
}

func TestWhatIsNoSecret(t *testing.T) {
	for _, in := range []string{
		"", "sh", "fetcher -secret-dir /secrets -cfgmap-dir /configs", "--token-file=/var/run/token", "--password-stdin", "--password --host db",
		"PASSWORD_FILE=/run/secret", "DB_PASSWORD=$(DB_PASSWORD)", "TOKEN=${TOKEN}", "--secret=payments-db", "MAX_TOKENS=4096", "OLDPWD=/root PWD=/tmp",
		"secretName: payments-tls", "secretKeyRef:\n  name: db\n  key: password\n", "automountServiceAccountToken: false", `"expirationSeconds":3607,"path":"token"`,
		"image: docker.io/library/nginx@sha256:2bdc49f2f8ae8d8dc50ed00f2ee56d00385c6f8bc8a8b320d0a294d9e3b49026",
		"revision main@sha1:6955fbf1c0a4e5b0f0e0b7d7c0b2a3a4d5e6f708", "1748557398341035770", "1610408779823027700", "2025-11-24T13:23:47.646127337Z",
		"3e41dc6b-08a8-44db-bc2a-3724b18ab19a", "41111111-1111-4111-8111-111111111111", "poolmgr-go-default-516098-5bdbf8c8f5-g8gvc", "4111.111111111111", "x4111111111111111",
		"192.168.43.223:39526->10.100.0.1:443", "https://prometheus.example:9090/graph?g0.expr=up&g0.tab=1", "ssh://git@github.com/org/fleet", "http://prometheus:9090?q=a@b", "4111 1111 1111 1112",
		"0000000000000000", "[redacted:json-web-token]", "--password [redacted:flag-secret:0123abcd]", "the token is refreshed",
	} {
		got, found := New([]byte("k")).Text(in)
		require.Equal(t, in, got, "found %q", found)
		require.Nil(t, found)
	}
}

func TestNoFalseAlarmInManifestsAndNames(t *testing.T) {
	dirs := []string{
		"../../examples/fleet", "../../policies", "../validate/schemas/kustomize.yaml", "../../../shared/samples/falco-rules", "../../../shared/samples/flux",
		"../../../shared/samples/falco", "../../../shared/samples/falcosidekick", "../../../shared/samples/alertmanager", "../../../shared/samples/cloudevents",
	}
	n := 0
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			t.Logf("%s is not here: skipped", dir)
			continue
		}
		require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			got, found := New(nil).Bytes(text)
			require.Equal(t, string(text), string(got), "%s: %q", path, found)
			n++
			return nil
		}))
	}
	require.Greater(t, n, 30)
}
