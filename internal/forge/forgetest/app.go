package forgetest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tokenLife is how long an installation's token is good for
// (docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app).
const tokenLife = time.Hour

// admits says whether a request with a token is let in.
func (g *GitHub) admits(token string) bool {
	end, ofApp := g.tokens[token]
	switch {
	case ofApp:
		return time.Now().Before(end)
	case g.o.App.Key != nil && g.o.Token == "":
		return false
	}
	return token != "" && (g.o.Token == "" || token == g.o.Token)
}

// app answers when an app logs in; ok is false when it is about something else.
func (g *GitHub) app(method, path, jwt string, body []byte) (a answer, ok bool) {
	installation, ok := strings.CutPrefix(path, "/app/installations/")
	installation, ends := strings.CutSuffix(installation, "/access_tokens")
	if !ok || !ends || method != http.MethodPost {
		return answer{}, false
	}
	if why := g.verify(jwt); why != "" {
		return refuse(http.StatusUnauthorized, why), true
	}
	if installation != fmt.Sprint(g.o.App.Installation) {
		return refuse(http.StatusNotFound, "Not Found"), true
	}
	var in struct {
		Repositories []string
		Permissions  map[string]string
	}
	if json.Unmarshal(body, &in) != nil || !slices.Equal(in.Repositories, []string{g.o.Name}) {
		return refuse(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation."), true
	}
	token := fmt.Sprintf("ghs_canary%d", len(g.tokens)+1)
	g.tokens[token] = time.Now().Add(tokenLife)
	return answer{status: http.StatusCreated, body: map[string]any{
		"token": token, "expires_at": moment(g.tokens[token]), "permissions": in.Permissions, "repository_selection": "selected",
	}}, true
}

// verify says what is wrong with a JWT, in GitHub's words.
func (g *GitHub) verify(jwt string) string {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 || g.o.App.Key == nil {
		return undecodable
	}
	decode := base64.RawURLEncoding.DecodeString
	claims, err := decode(parts[1])
	signature, badSignature := decode(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || badSignature != nil || rsa.VerifyPKCS1v15(g.o.App.Key, crypto.SHA256, sum[:], signature) != nil {
		return undecodable
	}
	var said struct {
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
		Issuer  string `json:"iss"`
	}
	now := time.Now()
	switch {
	case json.Unmarshal(claims, &said) != nil || said.Issuer != g.o.App.ID:
		return "Integration not found"
	case time.Unix(said.Expires, 0).After(now.Add(10 * time.Minute)):
		return "'Expiration time' claim ('exp') is too far in the future"
	case time.Unix(said.Expires, 0).Before(now), time.Unix(said.Issued, 0).After(now):
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	}
	return ""
}
