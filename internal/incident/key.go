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
	"github.com/irgit/irgit/internal/render"
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
	if strings.Contains(slug, "argocd-gpg-seal") { // means something to Argo CD wherever it stands
		slug = "workload"
	}
	return fmt.Sprintf("%s-%s-%s", first.UTC().Format("20060102"), strings.Trim(slug, "-"), key)
}

// number gives the record an id that was not used before: the same target can
// be hit twice on one day, with a release or a revert in between.
func (s *session) number(ctx context.Context, r *Record) error {
	stem := strings.TrimSuffix(r.Metadata.Name, r.Spec.Key)
	for n := 2; ; n++ {
		used, err := s.closed(ctx, r.Metadata.Name)
		if err != nil {
			return err
		}
		if _, branch := s.remote.Branch(branchPrefix + r.Metadata.Name); !used && !branch {
			return nil
		}
		r.Metadata.Name = fmt.Sprintf("%s%d-%s", stem, n, r.Spec.Key)
	}
}

// closed reports whether the history has the incident.
func (s *session) closed(ctx context.Context, id string) (bool, error) {
	_, err := s.tree.Stat(ctx, historyFile(id))
	if errors.Is(err, gitops.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look into the history of incidents: %w", err)
	}
	return true, nil
}

// keyFrom is the key of an id, "" when name is not an incident's.
func keyFrom(name string) string {
	if !render.IsIncident(name) {
		return ""
	}
	return name[len(name)-keyLength:]
}

const (
	branchPrefix  = "irgit/"
	releasePrefix = "irgit/release/"
)
