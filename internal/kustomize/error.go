package kustomize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/irgit/irgit/internal/gitops"
)

// Error is a root that does not build because of what is in the repository.
type Error struct {
	Root   string
	File   string // the file to look at; the root's directory when the library does not say
	Reason string // one line, with the way out where there is one
	// Outside reports that what is missing lies outside of the repository (a
	// remote base, a Helm chart, a plugin): the root may well build elsewhere.
	Outside bool
	// Looked holds every path that the build asked for until it failed, those
	// that are not there included: as long as they are the same, it fails.
	Looked []string
}

func (e *Error) Error() string {
	return fmt.Sprintf("build %s: %s: %s", display(e.Root), e.File, e.Reason)
}

func display(root string) string {
	if root == "" {
		return "."
	}
	return root
}

// explain turns what went wrong into an *Error, unless it is not the
// repository's fault.
func (s *session) explain(err error) error {
	var ours *Error
	switch {
	case errors.Is(err, errTooLarge):
		return &Error{Root: s.root, File: display(s.root), Reason: errTooLarge.Error(), Looked: []string{""}}
	case s.ctx.Err() != nil:
		return fmt.Errorf("build %s: %w", display(s.root), context.Cause(s.ctx))
	case errors.As(err, &ours):
		ours.Looked = slices.Sorted(maps.Keys(s.looked))
		return ours
	case s.outside != nil:
		return fmt.Errorf("build %s: %w", display(s.root), s.outside)
	}
	reason := strings.ReplaceAll(err.Error(), mountPoint+"/", "")
	reason = strings.Join(strings.Fields(reason), " ")
	if len(reason) > maxReason {
		reason = reason[:maxReason] + "…"
	}
	file := s.where(s.root)
	if s.kustomization != "" {
		file = s.kustomization
	}
	if s.last != "" && !isKustomization(s.last) && strings.Contains(reason, path.Base(s.last)) {
		file = s.last // where the library stopped
		if s.pointer {
			reason = isLFS
		}
	}
	// What was left out of a Partial build may be what a patch is for.
	beyond := types.IsErrOnlyBuiltinPluginsAllowed(err) || len(s.missing) > 0
	return &Error{Root: s.root, File: display(file), Reason: reason, Outside: beyond, Looked: slices.Sorted(maps.Keys(s.looked))}
}

const maxReason = 600 // bytes of the library's words that are worth showing

// isLFS is what is wrong with a file that only points to its content.
const isLFS = "is a Git LFS pointer where YAML is expected: keep manifests in the repository itself"

func isPointer(data []byte) bool {
	return bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/"))
}

// clean is the root's path as the tree knows it, "" for the whole tree.
func clean(root string) string { return strings.Trim(path.Clean("/"+root), "/") }

// unreadable is err if it says that the repository could not be asked, nil if
// it is about what is in it.
func unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, gitops.ErrUnreachable) || errors.Is(err, gitops.ErrAuthentication) {
		return err
	}
	return nil
}
