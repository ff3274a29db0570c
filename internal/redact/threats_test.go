package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestThreatH1AKeyedDigestIsKeptForCorrelation(t *testing.T) {
	canary := join("EA", "zn")
	key := []byte("of this installation")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(canary))
	mark := "[redacted:url-password:" + hex.EncodeToString(mac.Sum(nil)[:4]) + "]"

	r := New(key)
	one, found := r.Text("psql postgresql://app:" + canary + "@db/x")
	require.Equal(t, "psql postgresql://app:"+mark+"@db/x", one)
	require.Equal(t, []string{"url-password"}, found)
	two, _ := r.Text("amqp://other:" + canary + "@queue")
	require.Contains(t, two, mark, "the same secret has the same mark elsewhere")
	other, _ := New([]byte("another key")).Text("psql postgresql://app:" + canary + "@db/x")
	require.NotEqual(t, one, other)
	require.NotContains(t, one+two+other, canary)
}

// canaries are secrets of real shapes and of no use.
var canaries = map[string]string{
	"aws-access-token":         join("AKIA", "Q3EGRZ5VY7TWMNBX"),
	"github-pat":               join("ghp_", "x8KzQ2mVn4Rb7Tc9Wd1Yf3Ha5Jg6Le0PsUiO"),
	"github-app-token":         join("ghs_", "x8KzQ2mVn4Rb7Tc9Wd1Yf3Ha5Jg6Le0PsUiO"),
	"gitlab-pat":               join("glpat-", "x8KzQ2mVn4Rb7Tc9Wd1Y"),
	"slack-bot-token":          join("xoxb-", "1234567890123-1234567890123-aZ4kQ9mXw2Lp7Rt5Vb8Nc3Yd"),
	"slack-webhook-url":        join("https://hooks.slack.com/serv", "ices/T01ABCDEFGH/B01ABCDEFGH/aZ4kQ9mXw2Lp7Rt5Vb8Nc3Yd"),
	"npm-access-token":         join("npm_", "x8kzq2mvn4rb7tc9wd1yf3ha5jg6le0psuio"),
	"stripe-access-token":      join("sk_li", "ve_x8KzQ2mVn4Rb7Tc9Wd1Yf3Ha"),
	"sendgrid-api-token":       join("SG.", "x8KzQ2mVn4Rb7Tc9Wd1Yf3.Ha5Jg6Le0PsUiOx8KzQ2mVn4Rb7Tc9Wd1Yf3Ha5Jg6x"),
	"vault-service-token":      join("hvs.", strings.Repeat("CAESIJx8KzQ2mVn4Rb7Tc9Wd1Yf3Ha", 3)+"5Jg6"),
	"gcp-api-key":              join("AIza", "SyA8zKq2MvN4rB7tC9wD1yF3hA5jG6lE0pS"),
	"digitalocean-pat":         join("dop_v1_", strings.Repeat("a7c9e1b3d5f80264", 4)),
	"pulumi-api-token":         join("pul-", strings.Repeat("a7c9e1b3d5", 4)),
	"shopify-access-token":     join("shpat_", strings.Repeat("a7c9e1b3d5f80264", 2)),
	"huggingface-access-token": join("hf_", "xKzQmVnRbTcWdYfHaJgLePsUiOqXkZvBnM"),
}

func TestThreatH2TokensOfManyVendors(t *testing.T) {
	r := New(nil)
	for rule, canary := range canaries {
		for _, text := range []string{canary, "tool " + canary + " --verbose", "x='" + canary + "'", "cmd=\"" + canary + "\"\n"} {
			got, found := r.Text(text)
			require.NotContains(t, got, canary, rule)
			require.Contains(t, found, rule, "in %q", text)
		}
	}
}

func TestThreatH2AnEnvironmentDump(t *testing.T) {
	var dump strings.Builder
	dump.WriteString("PATH=/usr/bin HOSTNAME=web-1 KUBERNETES_SERVICE_HOST=10.0.0.1\n")
	secrets := []string{"hunter2canary", "s3cr3tcanary", "t0kencanary"}
	dump.WriteString("DATABASE_URL=postgres://app:" + secrets[0] + "@db/x\nAPP_SECRET_KEY=" + secrets[1] + "\nexport API_TOKEN='" + secrets[2] + "'\n")
	for _, canary := range canaries {
		dump.WriteString("X=" + canary + "\n")
		secrets = append(secrets, canary)
	}
	got, _ := New([]byte("key")).Text(dump.String())
	for _, canary := range secrets {
		require.NotContains(t, got, canary)
	}
	require.Contains(t, got, "PATH=/usr/bin HOSTNAME=web-1 KUBERNETES_SERVICE_HOST=10.0.0.1\n")
}

func TestThreatH3SecretsInBase64(t *testing.T) {
	r := New([]byte("key"))
	for _, secret := range []string{"password=hunter2canary", "postgres://app:hunter2canary@db/x", canaries["github-pat"], "export API_TOKEN='hunter2canary'\n"} {
		for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			hidden := alphabet.EncodeToString([]byte(secret))
			for _, text := range []string{hidden, "echo " + hidden + " | base64 -d", `{"data":"` + hidden + `"}`, strings.Repeat("x", 19) + " " + hidden, strings.Repeat("y ", 40) + hidden + "\n"} {
				got, found := r.Text(text)
				require.NotContains(t, got, strings.TrimRight(hidden, "=")[:12], text)
				require.Contains(t, found, "encoded-secret")
			}
		}
	}
	for _, harmless := range []string{
		base64.StdEncoding.EncodeToString([]byte("nothing to see in here, move on")), strings.Repeat("a", 64), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"/usr/share/elasticsearch/lib/elasticsearch-launchers", "bm9kZS0xOjEyMzQ1Njc4OTAxMjM0OjQy",
	} {
		got, found := r.Text(harmless)
		require.Equal(t, harmless, got, "%q", found)
	}
}

func TestEntropyIsHonoured(t *testing.T) {
	for _, low := range []string{join("ghp_", strings.Repeat("a", 36)), join("AKIA", strings.Repeat("A", 16))} {
		got, found := New(nil).Text(low)
		require.Equal(t, low, got, "%q", found)
	}
}

func TestEmbeddedRulesAreWhole(t *testing.T) {
	tokens, err := unpack(packed)
	require.NoError(t, err)
	require.Greater(t, len(tokens), 200)
	require.LessOrEqual(t, len(rules()), maxRules)
	for _, r := range rules() {
		require.NotEmpty(t, r.keywords, r.name)
		require.Regexp(t, `^[a-z0-9-]{1,64}$`, r.name, "a mark could not be recognised")
		require.Empty(t, r.find(strings.Join(r.keywords, " "), strings.Join(r.keywords, " ")), r.name) // compiles its expressions
		for _, word := range r.keywords {
			require.Equal(t, strings.ToLower(word), word)
			found := map[string]bool{}
			for i := range keywords().in("x " + strings.ToUpper(word) + " y") {
				found[rules()[i].name] = true
			}
			require.True(t, found[r.name], "%s by %s", r.name, word)
		}
	}
}

func TestMaskingTwiceChangesNothing(t *testing.T) {
	pieces := []string{
		"password=", "--token ", "token", "=", ": ", " ", "\n", "\"", "'", "\\", "://", "u:", "@", "[redacted:", "x", "]", "[redacted:a]", ":0123abcd]", "key", "Bearer ",
		"authorization: basic ", "cookie: ", "-----END", join("-----BEGIN PRIVATE", " KEY-----"), "4111", "111111111111", "mysql -p", "hunter2", "{\"secret\":\"", "\xff", "é", "?sig=", "&",
	}
	for _, canary := range canaries {
		pieces = append(pieces, canary)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "pieces"), "")
		r := New(rapid.SampledFrom([][]byte{nil, []byte("key")}).Draw(t, "key"))
		once, found := r.Text(text)
		twice, more := r.Text(once)
		require.Equal(t, once, twice)
		require.Empty(t, more)
		require.Equal(t, found == nil, once == text)
	})
}

func FuzzText(f *testing.F) {
	for rule, canary := range canaries {
		f.Add("x " + canary + " y " + rule)
	}
	f.Add("--password [redacted:x]hunter2 token=[redacted:")
	f.Add("{\"password\": \"a\\\"b\"} postgres://a:b@c d4111 1111 1111 1111")
	r := New([]byte("key"))
	f.Fuzz(func(t *testing.T, text string) {
		once, found := r.Text(text)
		twice, more := r.Text(once)
		if once != twice || more != nil {
			t.Fatalf("not idempotent: %q then %q (%q)", once, twice, more)
		}
		if (found == nil) != (once == text) {
			t.Fatalf("found %q in %q", found, text)
		}
	})
}

// Time is linear: the automaton never steps back and the expressions are RE2.
// A quadratic step would make this run for hours.
func TestLongText(t *testing.T) {
	const megabyte = 1 << 20
	r := New(nil)
	for name, text := range map[string]string{
		"letters":  strings.Repeat("a", 5*megabyte),
		"digits":   strings.Repeat("4111 1111 1111 1112 ", megabyte/20),
		"nines":    strings.Repeat("9", 5*megabyte),
		"keywords": strings.Repeat("token ", megabyte/12),
		"names":    strings.Repeat("tokenfile=", megabyte/10),
		"flags":    strings.Repeat(" --token -", megabyte/10),
		"openings": strings.Repeat("[redacted:", megabyte/20),
	} {
		got, found := r.Text(text)
		require.Equal(t, len(text), len(got), name)
		require.Nil(t, found, name)
	}
	secret, found := r.Text(strings.Repeat("a", 5*megabyte) + " --password hunter2")
	require.True(t, strings.HasSuffix(secret, " --password [redacted:flag-secret]"))
	require.Equal(t, []string{"flag-secret"}, found)
}

func BenchmarkText(b *testing.B) {
	evidence := strings.Repeat("13:23:47.646127337: Warning Sensitive file opened for reading by non-trusted program | file=/etc/shadow gparent=systemd evt_type=openat user=root process=cat command=cat /etc/shadow container_image_repository=docker.io/library/nginx k8s_pod_name=hellofalco k8s_ns_name=default ", 4)
	for name, text := range map[string]string{
		"evidence": evidence, "letters": strings.Repeat("a", 1<<20), "secret": evidence + " postgres://app:hunter2@db/x --token abcdef",
	} {
		b.Run(name, func(b *testing.B) {
			r := New([]byte("key"))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		if _, err := unpack(packed); err != nil {
			b.Fatal(err)
		}
		newMatcher(rules())
	}
}
