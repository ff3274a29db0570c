package gitops

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

var scpLike = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^-].*$`)

// endpoint checks a remote address against the list of what irgit speaks:
// http, https and ssh URLs, git@host:path, file URLs and directories that
// exist. Everything else is refused, above all what git would take for an
// option or a remote helper (--upload-pack=…, ext::…).
func endpoint(address string) (*transport.Endpoint, error) {
	bad := func(why string) (*transport.Endpoint, error) {
		return nil, fmt.Errorf("repository %q: %s; give an https, http, ssh or file URL, git@host:path, or the path of a local repository", RedactURL(address), why)
	}
	if address == "" {
		return bad("it is empty")
	}
	if strings.HasPrefix(address, "-") || strings.Contains(address, "::") || strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return bad("it is not an address")
	}
	if scheme, _, ok := strings.Cut(address, "://"); ok {
		switch scheme {
		case "http", "https", "ssh":
			u, err := url.Parse(address)
			if err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || strings.HasPrefix(u.Path, "/-") {
				return bad("it names no host")
			}
		case "file":
		default:
			return bad("the scheme " + scheme + " is not spoken")
		}
	} else if !scpLike.MatchString(address) {
		if info, err := os.Stat(address); err != nil || !info.IsDir() {
			return bad("there is no such directory")
		}
	}
	ep, err := transport.NewEndpoint(address)
	if err != nil {
		return bad("it cannot be parsed")
	}
	return ep, nil
}

// RedactURL returns the address without user and password.
func RedactURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil || u.Host == "" {
		if _, rest, ok := strings.Cut(address, "@"); ok && strings.Contains(address, "://") {
			scheme, _, _ := strings.Cut(address, "://")
			return scheme + "://" + rest
		}
		return address
	}
	u.User = nil
	return u.String()
}
