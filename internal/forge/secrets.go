package forge

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// secrets are the credentials that were sent to a forge. They are taken out of
// whatever it says: a proxy's error page may repeat the request.
type secrets struct {
	mu    sync.Mutex
	known []string
}

const maxSecrets = 16 // renewed tokens of a long life; older ones are void

func (s *secrets) add(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret == "" || slices.Contains(s.known, secret) {
		return
	}
	if s.known = append(s.known, secret); len(s.known) > maxSecrets {
		s.known = s.known[1:]
	}
}

// quote cleans text that came from outside, and takes the secrets out of it.
func (s *secrets) quote(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.known {
		text = strings.ReplaceAll(text, secret, "[token]")
	}
	return clean(text)
}

// credential gives the token for a request.
type credential func(ctx context.Context) (string, error)

// checkToken refuses what cannot be a token.
func checkToken(token string) *Error {
	if token == "" {
		return &Error{Kind: ErrAuthentication, Message: "there is no token"}
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return &Error{Kind: ErrAuthentication, Message: "the token holds a space, a line break or an odd character", Hint: "it may have been copied with what is around it"}
	}
	return nil
}
