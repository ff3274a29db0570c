package forge

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-github/v66/github"
)

// AppOptions are what NewApp needs; all but API and Transport are required.
type AppOptions struct {
	ID           string // the app's id or client id
	Installation int64
	Key          []byte     // PEM of the app's private key, as GitHub gives it
	Repository   Repository // that the tokens are for, and for no other
	API          string     // as in Options
	Transport    http.RoundTripper
}

// App is a GitHub App's installation. It hands out tokens for one repository
// that may write contents and pull requests, and nothing else.
//
// An App is safe for concurrent use.
type App struct {
	*caller
	o      AppOptions
	key    *rsa.PrivateKey
	client *github.Client

	mu      sync.Mutex
	token   string
	expires time.Time
}

// GitHub's tokens live an hour; one with less than spareLife left is not handed
// out, so that a job that begins with it can end with it. Its clock may differ
// from ours by drift, and it takes a JWT of ten minutes at most
// (docs.github.com/apps: generating-a-json-web-token-jwt-for-a-github-app).
const (
	spareLife = 10 * time.Minute
	drift     = time.Minute
	jwtLife   = 8 * time.Minute
)

// NewApp checks the options; it asks GitHub nothing.
func NewApp(o AppOptions) (*App, error) {
	refuse := func(e *Error) (*App, error) {
		e.Op = "use a GitHub App"
		return nil, e
	}
	if o.ID == "" || o.Installation <= 0 {
		return refuse(&Error{Kind: ErrAuthentication, Message: "it needs the app's id and the number of its installation", Hint: "both are in the app's settings on GitHub"})
	}
	key, err := parseRSA(o.Key)
	if err != nil {
		return refuse(&Error{Kind: ErrAuthentication, Message: err.Error(), Hint: "generate a private key in the app's settings and give its file as it is"})
	}
	if err := o.Repository.check(false); err != nil {
		return refuse(&Error{Kind: ErrRejected, Message: err.Error(), Hint: "name the forge's repository as owner/name"})
	}
	if o.API == "" {
		o.API = o.Repository.githubAPI()
	}
	api, e := parseAPI(o.API)
	if e != nil {
		return refuse(e)
	}
	connection := Options{Repository: o.Repository, Transport: o.Transport}
	a := &App{caller: newCaller(connection), o: o, key: key}
	a.client = github.NewClient(newClient(connection.transport(), api, a.jwt, a.gate))
	a.client.BaseURL, a.client.UserAgent = api, "irgit"
	return a, nil
}

// parseRSA reads a key of PKCS #1, which GitHub gives, or PKCS #8.
func parseRSA(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the app's key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("the app's key is not an RSA private key")
	}
	return key, nil
}

// jwt is a fresh proof of being the app, signed by RS256 (RFC 7519, RFC 7518 §3.3).
func (a *App) jwt(context.Context) (string, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{"iat": now.Add(-drift).Unix(), "exp": now.Add(jwtLife).Unix(), "iss": a.o.ID})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	jwt := signed + "." + encode(signature)
	a.secrets.add(jwt)
	return jwt, nil
}

// Token is a token of the installation that is good for ten minutes at least.
// Take one at the beginning of a job, rather than keep it.
func (a *App) Token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && time.Until(a.expires) > spareLife {
		return a.token, nil
	}
	var made *github.InstallationToken
	write, read := github.String("write"), github.String("read")
	o := operation{name: "log in as the GitHub App", needs: "app installed with contents: write and pull requests: write"}
	err := a.call(ctx, o, func(ctx context.Context) (err error) {
		made, _, err = a.client.Apps.CreateInstallationToken(ctx, a.o.Installation, &github.InstallationTokenOptions{
			Repositories: []string{a.o.Repository.Name},
			Permissions:  &github.InstallationPermissions{Contents: write, PullRequests: write, Metadata: read},
		})
		if err == nil && made.GetToken() == "" {
			err = errCutAnswer
		}
		return err
	})
	if err != nil {
		return "", explainLogin(err)
	}
	a.token, a.expires = made.GetToken(), made.GetExpiresAt().Time
	a.secrets.add(a.token)
	return a.token, nil
}

// explainLogin says what is wrong where GitHub's own words are about JWTs.
func explainLogin(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Status {
	case http.StatusUnauthorized:
		e.Hint = "the app's id and its key do not belong together, the key was deleted, or this machine's clock is wrong"
	case http.StatusNotFound:
		e.Kind, e.Hint = ErrAuthentication, "the installation is not one of this app's"
	case http.StatusForbidden, http.StatusUnprocessableEntity:
		e.Kind, e.Hint = ErrAuthentication, "install the app on the repository, and grant it contents: write and pull requests: write"
	}
	return e
}
