package gitops

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxPathLength    = 1024
	maxSegmentLength = 255
)

// CheckPath reports whether irgit may write to path: relative, clean,
// slash-separated, printable, and no segment that git or a file system gives a
// meaning of its own (.git in all its disguises, .gitmodules, .gitattributes).
// The rules are git's verify_path with its protections for NTFS and HFS+.
func CheckPath(name string) error {
	switch {
	case name == "":
		return errors.New("path is empty")
	case len(name) > maxPathLength:
		return fmt.Errorf("path is longer than %d bytes", maxPathLength)
	case !utf8.ValidString(name):
		return fmt.Errorf("path %q is not valid UTF-8", name)
	case path.IsAbs(name) || path.Clean(name) != name:
		return fmt.Errorf("path %q is not relative and clean", name)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("path %q: %w", name, err)
		}
	}
	return nil
}

func checkSegment(s string) error {
	switch {
	case s == "" || s == "." || s == "..":
		return fmt.Errorf("segment %q is not a name", s)
	case len(s) > maxSegmentLength:
		return fmt.Errorf("a segment is longer than %d bytes", maxSegmentLength)
	case strings.ContainsAny(s, "\\:"):
		return fmt.Errorf("segment %q holds a backslash or colon", s)
	case strings.HasSuffix(s, ".") || strings.HasSuffix(s, " "):
		return fmt.Errorf("segment %q ends in a dot or space", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || unicode.Is(unicode.Cf, r) {
			return fmt.Errorf("segment %q holds a character that cannot be seen", s)
		}
	}
	lower := strings.ToLower(s)
	if lower == ".git" || strings.HasPrefix(lower, "git~") || strings.HasPrefix(lower, ".git~") {
		return fmt.Errorf("segment %q is git's own", s)
	}
	for _, reserved := range []string{".gitmodules", ".gitattributes", ".gitignore", ".mailmap"} {
		if lower == reserved {
			return fmt.Errorf("segment %q changes how git treats the repository", s)
		}
	}
	return nil
}

// readable reports whether a name found in a fetched tree may be looked up: it
// keeps hostile trees from naming anything outside themselves.
func readable(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// CheckBranch reports whether name is a branch that irgit may create or move:
// the rules of git check-ref-format, and the irgit/ prefix, so that no mistake
// elsewhere can move a branch of somebody else.
func CheckBranch(name string) error {
	rest, ok := strings.CutPrefix(name, "irgit/")
	if !ok {
		return fmt.Errorf("branch %q does not start with irgit/", name)
	}
	if len(name) > 200 {
		return errors.New("branch is longer than 200 bytes")
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if err := checkRefSegment(segment); err != nil {
			return fmt.Errorf("branch %q: %w", name, err)
		}
	}
	return nil
}

func checkRefSegment(s string) error {
	if s == "" || strings.HasPrefix(s, "-") || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") ||
		strings.HasSuffix(s, ".lock") || strings.Contains(s, "..") {
		return fmt.Errorf("segment %q is not a ref name", s)
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '-' && r != '_' && r != '.' {
			return fmt.Errorf("segment %q holds %q", s, r)
		}
	}
	return nil
}
