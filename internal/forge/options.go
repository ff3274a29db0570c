package forge

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options are what a forge needs. Repository and one of Token and App are
// required.
type Options struct {
	Repository Repository
	API        string            // address of the REST API; "" is that of the repository's host
	Token      string            // of a person or a robot
	App        *App              // of GitHub, instead of a token
	Transport  http.RoundTripper // nil: one of its own, with timeouts
	Pace       time.Duration     // between two writes; 0 is 1 s, GitHub's advice
	Exchange   time.Duration     // one request and its answer; 0 is 30 s
	Budget     Budget            // of new pull requests
}

// connect checks the options. The address ends with a slash.
func (o Options) connect(forge, needs string) (*caller, *http.Client, *url.URL, error) {
	refuse := func(e *Error) (*caller, *http.Client, *url.URL, error) {
		e.Op = "use " + forge
		return nil, nil, nil, e
	}
	if err := o.Repository.check(forge == "GitLab"); err != nil {
		return refuse(&Error{Kind: ErrRejected, Message: err.Error(), Hint: "name the forge's repository as owner/name"})
	}
	api, e := parseAPI(o.API)
	if e != nil {
		return refuse(e)
	}
	c := newCaller(o)
	token := func(context.Context) (string, error) { return o.Token, nil }
	if o.App != nil {
		token, c.secrets = o.App.Token, o.App.secrets
	} else if e := checkToken(o.Token); e != nil {
		if e.Hint == "" {
			e.Hint = "give a token with the " + needs
		}
		return refuse(e)
	}
	c.secrets.add(o.Token)
	return c, newClient(o.transport(), api, token, c.gate), api, nil
}

func (o Options) transport() http.RoundTripper {
	if o.Transport == nil {
		return newTransport()
	}
	return o.Transport
}

func newCaller(o Options) *caller {
	c := &caller{
		repo: o.Repository, secrets: new(secrets), gate: new(gate), pace: o.Pace, exchange: o.Exchange, writing: make(chan struct{}, 1),
	}
	if c.pace == 0 {
		c.pace = time.Second
	}
	if c.exchange == 0 {
		c.exchange = 30 * time.Second
	}
	return c
}

// parseAPI reads the address of an API: a token is sent in the clear to this
// machine only.
func parseAPI(address string) (*url.URL, *Error) {
	api, err := url.Parse(strings.TrimSuffix(address, "/") + "/")
	if err != nil || api.Host == "" || api.User != nil || api.RawQuery != "" || api.Fragment != "" {
		return nil, &Error{Kind: ErrRejected, Message: "the address of the API is not a plain URL", Hint: "give it as https://host/path"}
	}
	if api.Scheme != "https" && (api.Scheme != "http" || !loopback(api.Hostname())) {
		return nil, &Error{Kind: ErrRejected, Message: "the address of the API is not https", Hint: "a token is sent in the clear to this machine only"}
	}
	return api, nil
}
