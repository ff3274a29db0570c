package gitops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
)

// Auth is how to log in; the zero value is anonymous (ssh: the agent).
type Auth struct {
	Username   string // http: default x-access-token when there is a token; ssh: default git
	Token      string // http
	SSHKey     []byte // ssh: private key in PEM
	Passphrase []byte // of SSHKey
	KnownHosts string // ssh: file; "" is the user's own. Host keys are always checked
}

// Limits bound every exchange with a server. Zero fields get the defaults.
type Limits struct {
	MaxPack  int64         // bytes of one answer; default 96 MiB
	MaxBlob  int64         // bytes of one object; default 10 MiB
	Exchange time.Duration // one request and its answer; default 60 s
}

func (l Limits) withDefaults() Limits {
	if l.MaxPack == 0 {
		l.MaxPack = 96 << 20
	}
	if l.MaxBlob == 0 {
		l.MaxBlob = 10 << 20
	}
	if l.Exchange == 0 {
		l.Exchange = time.Minute
	}
	return l
}

// Options are what Open needs.
type Options struct {
	URL      string // http(s)://, ssh://, git@host:path, file:// or a directory
	Auth     Auth
	CacheDir string // "" for no disk cache
	Limits   Limits
	Progress func(line string) // what the server says meanwhile, cleaned; may be nil
}

// Remote is a repository whose refs were read once, at Open.
type Remote struct {
	address  string // without credentials
	endpoint *transport.Endpoint
	client   transport.Transport
	auth     transport.AuthMethod
	limits   Limits
	progress func(string)
	store    *objects
	traffic  *counter

	mu      sync.Mutex
	session transport.UploadPackSession // http only: one session for all reads
	refs    map[string]plumbing.Hash    // branches
	head    string
	caps    *packp.AdvRefs
	lazy    bool                          // objects are fetched when they are read
	full    map[plumbing.Hash]bool        // commits fetched with everything
	commits map[plumbing.Hash]*madeCommit // made here, not pushed yet

	prepared chan greeting // for the next Push; may be nil
}

// Open reads the refs of the repository.
func Open(ctx context.Context, o Options) (*Remote, error) {
	ep, err := endpoint(o.URL)
	if err != nil {
		return nil, err
	}
	r := &Remote{
		address: RedactURL(o.URL), endpoint: ep, limits: o.Limits.withDefaults(), progress: o.Progress,
		full: make(map[plumbing.Hash]bool), commits: make(map[plumbing.Hash]*madeCommit), traffic: new(counter),
	}
	if err := r.connect(o.Auth); err != nil {
		return nil, fmt.Errorf("open %s: %w", r.address, err)
	}
	disk := openDiskCache(o.CacheDir)
	disk.trim(time.Now())
	r.store = newObjects(r, disk)
	if err := r.readRefs(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", r.address, err)
	}
	return r, nil
}

// serveByID has the git program that serves a repository on disk send objects
// by id, and filtered: whoever can run it there can read them anyway, and a
// clone's configuration allows neither. The transport runs git with this
// process's environment, and nothing else here runs git.
var serveByID = sync.OnceFunc(func() {
	n, err := strconv.Atoi(os.Getenv("GIT_CONFIG_COUNT"))
	if err != nil {
		n = 0
	}
	for _, key := range []string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"} {
		_ = os.Setenv(fmt.Sprintf("GIT_CONFIG_KEY_%d", n), key) // fails for names that no system takes
		_ = os.Setenv(fmt.Sprintf("GIT_CONFIG_VALUE_%d", n), "true")
		n++
	}
	_ = os.Setenv("GIT_CONFIG_COUNT", strconv.Itoa(n))
})

func (r *Remote) connect(a Auth) error {
	switch r.endpoint.Protocol {
	case "http", "https":
		if a.Token == "" && r.endpoint.Password != "" {
			a.Username, a.Token = r.endpoint.User, r.endpoint.Password
		}
		r.endpoint.User, r.endpoint.Password = "", ""
		if a.Token != "" {
			if a.Username == "" {
				a.Username = "x-access-token"
			}
			r.auth = &githttp.BasicAuth{Username: a.Username, Password: a.Token}
		}
		base := http.DefaultTransport.(*http.Transport).Clone()
		r.client = githttp.NewClient(&http.Client{Transport: &boundedTransport{base: base, max: r.limits.MaxPack, traffic: r.traffic}})
	case "ssh":
		user := r.endpoint.User
		if user == "" {
			user = "git"
		}
		r.client = gitssh.DefaultClient
		var err error
		r.auth, err = sshAuth(user, a)
		return err
	case "file":
		serveByID()
		r.client = file.DefaultClient
	default:
		return fmt.Errorf("the protocol %s is not spoken", r.endpoint.Protocol)
	}
	return nil
}

// exchange bounds one round trip in time, with a cause that says so.
func (r *Remote) exchange(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.limits.Exchange, fmt.Errorf("no answer from %s within %s: %w", r.address, r.limits.Exchange, ErrUnreachable))
}

// target is the endpoint for one session, which changes its own when it is
// redirected.
func (r *Remote) target() *transport.Endpoint {
	ep := *r.endpoint
	return &ep
}

func (r *Remote) readRefs(ctx context.Context) error {
	ctx, cancel := r.exchange(ctx)
	defer cancel()
	session, err := r.client.NewUploadPackSession(r.target(), r.auth)
	if err != nil {
		return r.classify(ctx, err)
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		_ = session.Close()
		if errors.Is(err, transport.ErrEmptyRemoteRepository) {
			return fmt.Errorf("the repository is empty: push the fleet first: %w", ErrNotFound)
		}
		return r.classify(ctx, err)
	}
	refs := branchesOf(adv)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refs, r.caps = refs, adv
	r.lazy = adv.Capabilities.Supports("filter") && adv.Capabilities.Supports("shallow")
	r.head = headBranch(adv, refs)
	if r.session != nil {
		_ = r.session.Close()
		r.session = nil
	}
	if r.stateless() {
		r.session = session
		return nil
	}
	_ = session.Close()
	return nil
}

// branchesOf are the branches that a server advertises. Only they count, and a
// name with a path trick in it is not one.
func branchesOf(adv *packp.AdvRefs) map[string]plumbing.Hash {
	refs := make(map[string]plumbing.Hash)
	for name, hash := range adv.References {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok && plumbing.ReferenceName(name).Validate() == nil {
			refs[branch] = hash
		}
	}
	return refs
}

func (r *Remote) stateless() bool {
	return r.endpoint.Protocol == "http" || r.endpoint.Protocol == "https"
}

func headBranch(adv *packp.AdvRefs, refs map[string]plumbing.Hash) string {
	for _, symref := range adv.Capabilities.Get("symref") {
		if target, ok := strings.CutPrefix(symref, "HEAD:refs/heads/"); ok {
			return target
		}
	}
	for _, name := range []string{"main", "master"} {
		if _, ok := refs[name]; ok {
			return name
		}
	}
	return ""
}

// String is the address without credentials.
func (r *Remote) String() string { return r.address }

// Branch finds the revision of a branch.
func (r *Remote) Branch(name string) (Revision, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.refs[name]
	if !ok {
		return "", false
	}
	return Revision(h.String()), true
}

// BranchError is a base branch that the repository does not have. It is
// ErrNotFound.
type BranchError struct{ Repository, Branch string }

func (e *BranchError) Error() string {
	if e.Branch == "" {
		return e.Repository + " has no default branch"
	}
	return fmt.Sprintf("%s has no branch %q", e.Repository, e.Branch)
}

// Is makes errors.Is(err, ErrNotFound) true.
func (e *BranchError) Is(target error) bool { return target == ErrNotFound }

// Base finds the base branch and its revision, "" standing for the default
// branch. An error is a *BranchError.
func (r *Remote) Base(name string) (branch string, at Revision, err error) {
	if name == "" {
		name = r.head
	}
	at, ok := r.Branch(name)
	if !ok {
		return "", "", &BranchError{r.address, name}
	}
	return name, at, nil
}

// Branches lists the branches whose names start with prefix.
func (r *Remote) Branches(prefix string) map[string]Revision {
	r.mu.Lock()
	refs := maps.Clone(r.refs)
	r.mu.Unlock()
	out := make(map[string]Revision)
	for name, h := range refs {
		if strings.HasPrefix(name, prefix) {
			out[name] = Revision(h.String())
		}
	}
	return out
}

// Traffic is how many bytes came from an http remote so far.
func (r *Remote) Traffic() int64 { return r.traffic.load() }

// classify sorts a transport's error. The text of credentials never enters it:
// go-git's errors carry the URL, which has none here.
func (r *Remote) classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if r.endpoint.Protocol == "file" {
		if words := local(r.address, err); words != nil {
			return words
		}
	}
	if words := hostKey(err); words != nil {
		return words
	}
	var network net.Error
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed), strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("%w by %s", ErrAuthentication, r.address)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return &noRepository{r.address + " is no repository, or these credentials may not see it"}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("the answer of %s: %w", r.address, ErrTooLarge)
	case errors.As(err, &network), strings.Contains(err.Error(), "unexpected requesting"), strings.Contains(err.Error(), "connection refused"):
		return fmt.Errorf("%w: %s", ErrUnreachable, clean(err.Error(), 300))
	}
	return errors.New(clean(err.Error(), 500))
}
