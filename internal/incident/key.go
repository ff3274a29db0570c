package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

const (
	keyLength  = 8  // hex digits
	slugLength = 27 // with a number behind it 30, so that names made of an id stay within a label's 63 characters
)

// keyOf is the first 8 hex digits of the SHA-256 of cluster, target and
// policy, each on a line of its own. None of the three can hold a newline:
// they are names of the fleet index and of checked policies.
func keyOf(cluster string, w fleet.Workload, policy string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{cluster, w.Kind, w.Namespace, w.Name, policy}, "\n")))
	return hex.EncodeToString(sum[:])[:keyLength]
}

// idOf names an incident: the day of its first event, the target, the key.
func idOf(first time.Time, w fleet.Workload, key string) string {
	slug := strings.ReplaceAll(w.Name, ".", "-")
	if len(slug) > slugLength {
		slug = slug[:slugLength]
	}
	return fmt.Sprintf("%s-%s-%s", first.UTC().Format("20060102"), strings.Trim(slug, "-"), key)
}

// number gives the record an id that no closed incident has: the same target
// can be hit twice on one day, with a release in between.
func (s *session) number(ctx context.Context, r *Record) error {
	stem := strings.TrimSuffix(r.Metadata.Name, r.Spec.Key)
	for n := 2; ; n++ {
		_, err := s.tree.Stat(ctx, historyFile(r))
		if errors.Is(err, gitops.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look into the history of incidents: %w", err)
		}
		r.Metadata.Name = fmt.Sprintf("%s%d-%s", stem, n, r.Spec.Key)
	}
}

// keyFrom is the key of an id, "" when name is not an incident's.
func keyFrom(name string) string {
	parts := strings.Split(name, "-")
	day, key := parts[0], parts[len(parts)-1]
	if len(parts) < 3 || len(day) != 8 || strings.Trim(day, "0123456789") != "" || len(key) != keyLength || strings.Trim(key, "0123456789abcdef") != "" {
		return ""
	}
	return key
}

const (
	branchPrefix  = "irgit/"
	releasePrefix = "irgit/release/"
)

func nameWorkload(w fleet.Workload) string {
	return fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name)
}
