package forge_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

// appKey is made once: it takes a while.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pkcs1(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func appOptions() forge.AppOptions {
	return forge.AppOptions{
		ID: "1234", Installation: 77, Key: pkcs1(appKey()), Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"},
	}
}

// appBench is a GitHub that lets nobody in but an app.
func appBench(t *testing.T, change func(*forge.AppOptions)) (bench, *forge.App) {
	t.Helper()
	fake := forgetest.New(forgetest.Options{App: forgetest.App{ID: "1234", Installation: 77, Key: &appKey().PublicKey}})
	o := appOptions()
	o.Transport = checked{t, fake.Transport().RoundTrip}
	if change != nil {
		change(&o)
	}
	app, err := forge.NewApp(o)
	require.NoError(t, err)
	f, err := forge.NewGitHub(forge.Options{Repository: o.Repository, App: app, Transport: o.Transport})
	require.NoError(t, err)
	return bench{fake, f}, app
}

func TestAppLogsInForEveryJob(t *testing.T) {
	appKey()
	synctest.Test(t, func(t *testing.T) {
		b, app := appBench(t, nil)
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, "POST /app/installations/77/access_tokens", b.lines()[0])
		require.JSONEq(t, `{"repositories":["fleet"],"permissions":{"contents":"write","pull_requests":"write","metadata":"read"}}`, b.Requests()[0].Body)
		logins := func() (n int) {
			for _, line := range b.lines() {
				if strings.HasSuffix(line, "/access_tokens") {
					n++
				}
			}
			return n
		}
		require.Equal(t, 1, logins())
		first, err := app.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, logins(), "git and the API share the token")

		time.Sleep(51 * time.Minute)
		second, err := app.Token(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, first, second, "what has less than ten minutes left is not handed out")

		time.Sleep(2 * time.Hour)
		_, err = b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, 3, logins())
		require.Len(t, b.PullRequests(), 1)
	})
}

func TestAppLoginFailuresSayWhatIsWrong(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*forge.AppOptions)
		want   string
	}{
		"another key":          {func(o *forge.AppOptions) { o.Key = pkcs1(other) }, "do not belong together"},
		"another id":           {func(o *forge.AppOptions) { o.ID = "9" }, "do not belong together"},
		"another installation": {func(o *forge.AppOptions) { o.Installation = 78 }, "not one of this app's"},
		"another repository":   {func(o *forge.AppOptions) { o.Repository.Name = "x" }, "install the app on the repository"},
	} {
		bubble(name, t, func(t *testing.T) {
			b, _ := appBench(t, c.change)
			_, err := b.forge.Find(t.Context(), branch)
			require.ErrorIs(t, err, forge.ErrAuthentication)
			require.ErrorContains(t, err, c.want)
			require.Len(t, b.lines(), 1)
		})
	}
}

// H5: neither the JWT nor a token that GitHub handed out is in an error.
func TestThreatH5AppSecretsAreInNoError(t *testing.T) {
	appKey()
	synctest.Test(t, func(t *testing.T) {
		b, _ := appBench(t, nil)
		b.Fail(forgetest.Fault{Method: "GET", Status: 404, Message: "no such repository for Bearer ghs_canary1"})
		_, err := b.forge.Find(t.Context(), branch)
		require.ErrorContains(t, err, "Bearer [token]")

		b, _ = appBench(t, nil)
		b.Fail(forgetest.Fault{Path: "/access_tokens", Times: -1, Before: func() {
			jwt := b.Requests()[len(b.Requests())-1].Authorization
			b.Fail(forgetest.Fault{Path: "/access_tokens", Status: 400, Message: "saw " + jwt})
		}, Status: 500})
		_, err = b.forge.Find(t.Context(), branch)
		for e := err; e != nil; e = errors.Unwrap(e) {
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), "eyJ")
		}
	})
}

func TestAppOptionsAreChecked(t *testing.T) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(appKey())
	require.NoError(t, err)
	o := appOptions()
	o.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	_, err = forge.NewApp(o)
	require.NoError(t, err)
	for want, change := range map[string]func(*forge.AppOptions){
		"number of its installation": func(o *forge.AppOptions) { o.Installation = 0 },
		"it needs the app's id":      func(o *forge.AppOptions) { o.ID = "" },
		"is not PEM":                 func(o *forge.AppOptions) { o.Key = []byte("canary") },
		"not an RSA private key":     func(o *forge.AppOptions) { o.Key = pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: []byte("canary")}) },
		"is not owner/name":          func(o *forge.AppOptions) { o.Repository.Owner = "a/b" },
		"is not https":               func(o *forge.AppOptions) { o.API = "http://github.example.com/api/v3" },
	} {
		o := appOptions()
		change(&o)
		_, err := forge.NewApp(o)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary")
	}
}
