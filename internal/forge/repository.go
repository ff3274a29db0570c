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
	Owner string // on GitLab with the groups below: "acme/platform"
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
// What is before the last slash is the owner.
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
	owner, name := "", path
	if slash := strings.LastIndex(path, "/"); slash >= 0 {
		owner, name = path[:slash], path[slash+1:]
	}
	if host = strings.ToLower(host); host == "ssh.github.com" || host == "www.github.com" {
		host = "github.com"
	}
	r := Repository{Host: host, Owner: owner, Name: name}
	if !hostName.MatchString(host) || r.check(true) != nil {
		return Repository{}, notARepository()
	}
	return r, nil
}

// The address is not repeated: it may carry credentials.
func notARepository() error {
	return &Error{Op: "read the repository's address", Kind: ErrRejected, Message: "it is not https://host/owner/name, ssh://git@host/owner/name or git@host:owner/name", Hint: "name the forge's repository as owner/name"}
}

// check refuses what no forge calls a repository; only GitLab has groups in
// groups.
func (r Repository) check(nested bool) error {
	owners := strings.Split(r.Owner, "/")
	valid := nested || len(owners) == 1
	for _, owner := range owners {
		valid = valid && ownerName.MatchString(owner)
	}
	if !valid || !repoName.MatchString(r.Name) || strings.Trim(r.Name, ".") == "" {
		return fmt.Errorf("%q is not owner/name of a repository", clean(r.Owner+"/"+r.Name))
	}
	return nil
}

// githubAPI is the address of a host's REST API, if GitHub runs there.
func (r Repository) githubAPI() string {
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
