package alert

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const maxIndicators = 64

// Types of indicators.
const (
	typeIP     = "ip"
	typeCIDR   = "cidr"
	typeDomain = "domain"
	typeURL    = "url"
	typeSHA256 = "sha256"
	typeImage  = "image"

	typePrincipal = "principal"
)

var indicatorTypes = []string{typeIP, typeCIDR, typeDomain, typeURL, typeSHA256, typeImage, typePrincipal}

// indicatorFields are the fields that hold one value of a type. Text is never
// searched for indicators: whoever writes a command line would choose what is
// blocked.
var indicatorFields = map[string]string{
	"fd.sip": typeIP, "fd.rip": typeIP, "fd.sip.name": typeDomain, "fd.rip.name": typeDomain,
	"fd_sip": typeIP, "fd_rip": typeIP, "fd_sip_name": typeDomain, "fd_rip_name": typeDomain,
	"gcp.callerIP": typeIP, "ct.srcip": typeIP,
	"src_ip": typeIP, "source_ip": typeIP, "dst_ip": typeIP, "dest_ip": typeIP, "destination_ip": typeIP, "remote_ip": typeIP,
	"cidr": typeCIDR, "domain": typeDomain, "dst_domain": typeDomain, "destination_domain": typeDomain, "url": typeURL,
	"sha256": typeSHA256, "file.sha256": typeSHA256, "file_sha256": typeSHA256, "proc.sha256": typeSHA256, "proc_sha256": typeSHA256,
}

// indicate notes a value that the sender says is of a type.
func (e *evidence) indicate(kind, value string) {
	if !absent(value) {
		e.found = append(e.found, Indicator{kind, value})
	}
}

// indicateAll notes the members that are indicators by their names.
func (e *evidence) indicateAll(fields *node) {
	if fields == nil {
		return
	}
	for i := range fields.members {
		m := &fields.members[i]
		if m.value.kind != text {
			continue
		}
		if kind, ok := indicatorFields[m.name]; ok {
			e.indicate(kind, m.value.text)
		}
	}
}

// indicators gives those noted that are what they are said to be.
func (e *evidence) indicators() []Indicator {
	out := make([]Indicator, 0, len(e.found))
	for _, i := range e.found {
		if i.Value = e.indicator(i.Type, i.Value); i.Value != "" {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Indicator) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value)) })
	out = slices.Compact(out)
	if len(out) > maxIndicators {
		out, e.cut = out[:maxIndicators], true
	}
	return out
}

var (
	domainForm = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,59})$`)
	sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)
	principal  = regexp.MustCompile(`^[!-~]{1,256}$`)
)

// refanged undoes what people write so that a value cannot be clicked on.
var refanged = strings.NewReplacer(
	"[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "[:]", ":", "[://]", "://", "[/]", "/",
)

// indicator gives the canonical form of a value, and "" when it is none of its
// type.
func (e *evidence) indicator(kind, value string) string {
	if len(value) > maxImage*2 {
		return ""
	}
	if value = strings.TrimSpace(value); strings.ContainsAny(value, "[({") {
		value = refanged.Replace(value)
	}
	switch kind {
	case typeIP:
		a, err := netip.ParseAddr(strings.Trim(value, "[]"))
		if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() {
			return ""
		}
		return a.Unmap().String()
	case typeCIDR:
		p, err := netip.ParsePrefix(value)
		if err != nil || p.Bits() == 0 {
			return ""
		}
		return p.Masked().String()
	case typeDomain:
		value = strings.TrimSuffix(strings.ToLower(value), ".")
		if len(value) > maxName || !domainForm.MatchString(value) || strings.HasSuffix(value, ".cluster.local") {
			return ""
		}
		return value
	case typeSHA256:
		value = strings.TrimPrefix(strings.ToLower(value), "sha256:")
		if !sha256Form.MatchString(value) {
			return ""
		}
		return value
	case typeImage:
		if len(value) > maxImage || !isImage(value) {
			return ""
		}
		return e.free(value)
	case typePrincipal:
		if !principal.MatchString(value) {
			return ""
		}
		return e.free(value)
	case typeURL:
		return e.url(value)
	}
	return ""
}

// url keeps scheme, host and path, and the query when there is no secret in
// it. It is for a list to look for, and never fetched.
func (e *evidence) url(value string) string {
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		switch strings.ToLower(scheme) {
		case "hxxp":
			value = "http://" + rest
		case "hxxps":
			value = "https://" + rest
		case "fxp":
			value = "ftp://" + rest
		}
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ftp" {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err != nil && !domainForm.MatchString(host) {
		return ""
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if out := e.free(u.String()); out != "" {
		return out
	}
	u.RawQuery = ""
	return e.free(u.String())
}

// free gives a value that holds no secret, and "" for one that does.
func (e *evidence) free(value string) string {
	if e.redact(value) != value {
		return ""
	}
	return value
}

// isImage reports a reference of registry, path, tag and digest in the letters
// that these may have.
func isImage(value string) bool {
	name, digest, pinned := strings.Cut(value, "@")
	if pinned && (!strings.HasPrefix(digest, "sha256:") || !sha256Form.MatchString(digest[len("sha256:"):])) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !isLetter(c) && (i == 0 || strings.IndexByte("._:/-", c) < 0) {
			return false
		}
	}
	return name != ""
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// isPublic reports an address that is nobody's own.
func isPublic(address string) bool {
	a, err := netip.ParseAddr(refanged.Replace(strings.Trim(strings.TrimSpace(address), "[]")))
	return err == nil && !a.Unmap().IsPrivate() && !carrierGrade.Contains(a.Unmap()) && a.IsGlobalUnicast()
}

// carrierGrade is what RFC 6598 shares out, and some clusters give to pods.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")
