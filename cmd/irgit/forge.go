package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/irgit/irgit/internal/forge"
)

// forgeKinds are what forge.kind may be: a forge, git (the branch is the
// proposal), or auto: by the repository's address.
var forgeKinds = []string{"auto", "github", "gitlab", "gitea", "git"}

// forgeHosts are the public hosts whose kind is known; codeberg.org runs Forgejo.
var forgeHosts = map[string]string{"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "gitea", "gitea.com": "gitea"}

// forgeKind is the kind that auto stands for.
func (c *Config) forgeKind() string {
	if c.Forge.Kind != "auto" {
		return c.Forge.Kind
	}
	at, err := forge.ParseRepository(c.Repo)
	switch kind := forgeHosts[at.Host]; {
	case err == nil && kind != "":
		return kind
	case c.Forge.URL != "", c.Auth.App != AppConfig{}, strings.HasSuffix(at.Host, ".ghe.com"):
		return "github"
	}
	return "git"
}

// forge is where the pull requests go.
func (c *Config) forge() (forge.Forge, error) {
	kind := c.forgeKind()
	if kind == "git" {
		return forge.Git{}, nil
	}
	o := forge.Options{API: c.Forge.URL}
	var err error
	if o.Repository, err = c.forgeRepository(); err != nil {
		return nil, err
	}
	if o.App, err = c.app(); err != nil {
		return nil, err
	}
	if o.App == nil {
		o.Token = c.forgeToken()
		if o.Token == "" {
			return nil, usageError{fmt.Errorf("configuration: forge.token is not set, and the forge (%s) takes pull requests from known users only", kind), "set IRGIT_FORGE_TOKEN or IRGIT_AUTH_TOKEN to a token that may write pull requests, or forge.kind to git to only push the branch"}
		}
	}
	f, err := openForge(kind, o)
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration: forge: %w", err), "see forge.* in the README"}
	}
	return f, nil
}

func openForge(kind string, o forge.Options) (forge.Forge, error) {
	switch kind {
	case "gitlab":
		return forge.NewGitLab(o)
	case "gitea":
		return forge.NewGitea(o)
	}
	return forge.NewGitHub(o)
}

// forgeToken is the first that is set of forge.token, auth.token and the one in
// the repository's address.
func (c *Config) forgeToken() string {
	token := cmp.Or(c.Forge.Token, c.Auth.Token)
	if u, err := url.Parse(c.Repo); token == "" && err == nil && u.User != nil {
		token, _ = u.User.Password()
	}
	return token
}

// forgeRepository is the repository that the address, or forge.repository,
// names.
func (c *Config) forgeRepository() (forge.Repository, error) {
	at, err := forge.ParseRepository(c.Repo)
	if given := c.Forge.Repository; given != "" {
		slash := strings.LastIndex(given, "/")
		if slash < 0 {
			return at, usageError{fmt.Errorf("configuration: forge.repository: %q is not owner/name", given), "set forge.repository to owner/name"}
		}
		at.Owner, at.Name = given[:slash], given[slash+1:]
		if u, err := url.Parse(c.Forge.URL); at.Host == "" && err == nil {
			at.Host = u.Host
		}
		at.Host = cmp.Or(at.Host, "github.com")
		return at, nil
	}
	if err != nil {
		return at, usageError{fmt.Errorf("configuration: forge: %w", err), "set forge.repository to owner/name"}
	}
	return at, nil
}

// app is the GitHub App that irgit is, nil when none is configured. There is
// one for git and for the API.
func (c *Config) app() (*forge.App, error) {
	given := c.Auth.App
	if c.signedIn != nil || given == (AppConfig{}) {
		return c.signedIn, nil
	}
	refuse := func(hint, format string, args ...any) (*forge.App, error) {
		return nil, usageError{fmt.Errorf("configuration: "+format, args...), hint}
	}
	for _, field := range [][2]string{{"id", given.ID}, {"installation", given.Installation}, {"key", given.Key}} {
		if field[1] == "" {
			return refuse("a GitHub App needs auth.app.id, auth.app.installation and auth.app.key", "auth.app.%s is not set", field[0])
		}
	}
	installation, err := strconv.ParseInt(given.Installation, 10, 64)
	switch {
	case err != nil || installation <= 0:
		return refuse("it is the number at the end of the address of the installation's settings", "auth.app.installation: %q is not a number", given.Installation)
	case c.Auth.Token != "" || c.Forge.Token != "":
		return refuse("leave out auth.token and forge.token: the app gets its own", "auth.app and a token are both set")
	case c.forgeKind() != "github":
		return refuse("only GitHub has apps: set forge.kind to github, or use a token", "auth.app is set, and the forge is %s", c.forgeKind())
	}
	key, err := os.ReadFile(given.Key)
	if err != nil {
		return refuse("give the file of the private key that GitHub generated for the app", "auth.app.key: %w", err)
	}
	at, err := c.forgeRepository()
	if err != nil {
		return nil, err
	}
	c.signedIn, err = forge.NewApp(forge.AppOptions{ID: given.ID, Installation: installation, Key: key, Repository: at, API: c.Forge.URL})
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration: auth.app: %w", err), "see auth.app in the README"}
	}
	return c.signedIn, nil
}
