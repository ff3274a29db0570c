package reach

import (
	"strconv"
	"strings"
)

// wild compares with an exact value, a prefix*, a *suffix, or * for any value
// that is not empty.
func wild(pattern, value string) bool {
	switch {
	case pattern == "*":
		return value != ""
	case strings.HasPrefix(pattern, "*"):
		return strings.HasSuffix(value, pattern[1:])
	case strings.HasSuffix(pattern, "*"):
		return strings.HasPrefix(value, pattern[:len(pattern)-1])
	}
	return pattern == value
}

func (q query) principal(v string) truth {
	// "cluster.local" stands for the mesh's own trust domain (pilot/pkg/security/trustdomain/bundle.go).
	if rest, ok := strings.CutPrefix(v, clusterLocal+"/"); ok && q.localDomain != "" {
		v = q.localDomain + "/" + rest
	}
	return q.who.known(func() bool { return wild(v, q.who.principal()) })
}

func (q query) callerNamespace(v string) truth {
	return q.who.known(func() bool { return wild(v, q.who.namespace) })
}

func (q query) trustDomain(v string) truth {
	if q.h.to.pod.proxy == ztunnel {
		return maybe("whether ztunnel knows trust domains is not known")
	}
	return q.who.known(func() bool { return wild(v, q.who.trustDomain) })
}

// account takes namespace/name, or a name in the policy's namespace.
func (q query) account(v string) truth {
	if !strings.Contains(v, "/") {
		v = q.namespace + "/" + v
	}
	return q.who.known(func() bool { return v == q.who.namespace+"/"+q.who.account })
}

func (q query) sourceIP(v string) truth {
	return q.h.from.within(v, nil)
}

func (q query) destinationIP(v string) truth {
	return q.h.to.within(v, nil)
}

// remoteIP is the original client's address, which only whoever sets the proxies
// up can tell from the caller's.
func (q query) remoteIP(v string) truth {
	if q.h.flow.HTTP == nil || !q.h.flow.HTTP.Client.IsValid() {
		return maybe("the original client's address is not known")
	}
	return end{address: q.h.flow.HTTP.Client.Unmap()}.within(v, nil)
}

func (q query) port(v string) truth {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil {
		return maybe("%q is no port", v)
	}
	return is(int64(n) == int64(q.h.inner))
}

func (q query) token(string) truth {
	return maybe("tokens of requests are not followed")
}

// ofRequest asks about something of the request that may not be known.
func (q query) ofRequest(what string, get func(*HTTP) string, test func(string) bool) truth {
	if q.h.flow.HTTP == nil || get(q.h.flow.HTTP) == "" {
		return maybe("it depends on the %s of the request", what)
	}
	return is(test(get(q.h.flow.HTTP)))
}

func (q query) method(v string) truth {
	return q.ofRequest("method", func(r *HTTP) string { return r.Method }, func(have string) bool { return wild(v, have) })
}

// host is compared without regard to case.
func (q query) host(v string) truth {
	return q.ofRequest("host", func(r *HTTP) string { return r.Host }, func(have string) bool {
		return wild(strings.ToLower(v), strings.ToLower(have))
	})
}

// path is compared as the proxy normalizes it, which depends on the mesh's set-up
// (istio.io/latest/docs/reference/config/security/normalization).
func (q query) path(v string) truth {
	if strings.Contains(v, "{") {
		return maybe("path templates are not followed")
	}
	if q.h.flow.HTTP != nil && odd(q.h.flow.HTTP.Path) {
		return maybe("how the path %q is normalized depends on the mesh's set-up", q.h.flow.HTTP.Path)
	}
	return q.ofRequest("path", func(r *HTTP) string { return r.Path }, func(have string) bool { return wild(v, have) })
}

func odd(path string) bool {
	for _, s := range []string{"//", "/.", "%", `\`, "?", "#", ";"} {
		if strings.Contains(path, s) {
			return true
		}
	}
	return false
}

func (q query) header(key, v string) truth {
	if q.h.flow.HTTP == nil || q.h.flow.HTTP.Header == nil {
		return maybe("it depends on the header %s of the request", key)
	}
	have, ok := q.h.flow.HTTP.Header[strings.ToLower(key)]
	return is(ok && (v == "*" || wild(v, have)))
}
