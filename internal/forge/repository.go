package forge

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Repository is a repository of a forge.
type Repository struct {
	Host  string // with the port, if the web is served on an unusual one
	Owner string
	Name  string
}

// String is host/owner/name.
func (r Repository) String() string { return r.Host + "/" + r.Owner + "/" + r.Name }

var (
	scpLike   = regexp.MustCompile(`^[A-Za-z0-9._-]+@([A-Za-z0-9.-]+):(.+)$`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?$`)
	ownerName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$`)
	repoName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// ParseRepository reads host, owner and name from the address of a git remote:
// https://host/owner/name(.git), ssh://git@host/owner/name, git@host:owner/name.
func ParseRepository(remote string) (Repository, error) {
	host, path := "", ""
	if scheme, _, ok := strings.Cut(remote, "://"); ok {
		u, err := url.Parse(remote)
		switch {
		case err != nil:
			return Repository{}, notARepository()
		case scheme == "https", scheme == "http":
			host = u.Host
		case scheme == "ssh":
			host = u.Hostname() // the port is that of ssh
		}
		path = strings.TrimPrefix(u.Path, "/")
	} else if m := scpLike.FindStringSubmatch(remote); m != nil {
		host, path = m[1], strings.TrimPrefix(m[2], "/")
	}
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git")
	owner, name, _ := strings.Cut(path, "/")
	if host = strings.ToLower(host); host == "ssh.github.com" || host == "www.github.com" {
		host = "github.com"
	}
	r := Repository{Host: host, Owner: owner, Name: name}
	if !hostName.MatchString(host) || r.check() != nil {
		return Repository{}, notARepository()
	}
	return r, nil
}

// The address is not repeated: it may carry credentials.
func notARepository() error {
	return &Error{Op: "read the repository's address", Kind: ErrRejected, Message: "it is not https://host/owner/name, ssh://git@host/owner/name or git@host:owner/name", Hint: "name the forge's repository as owner/name"}
}

func (r Repository) check() error {
	if !ownerName.MatchString(r.Owner) || !repoName.MatchString(r.Name) || strings.Trim(r.Name, ".") == "" {
		return fmt.Errorf("%q is not owner/name of a repository", clean(r.Owner+"/"+r.Name))
	}
	return nil
}

// api is the address of the host's REST API.
func (r Repository) api() string {
	switch {
	case r.Host == "github.com":
		return "https://api.github.com/"
	case strings.HasSuffix(r.Host, ".ghe.com"): // GitHub Enterprise Cloud with data residency
		return "https://api." + r.Host + "/"
	}
	return "https://" + r.Host + "/api/v3/"
}

// loopback says whether a host can only be this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
