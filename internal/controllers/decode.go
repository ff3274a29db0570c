package controllers

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/irgit/irgit/internal/gitops"
)

// decode reads a part of an object, nil for nothing, as its API server would:
// names of fields in their case, no value of another type than the field's.
func decode(part, into any) error {
	if part == nil {
		return nil
	}
	data, err := json.Marshal(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// RefOf names a sync object.
func RefOf(obj *unstructured.Unstructured) ObjectRef {
	return ObjectRef{APIVersion: obj.GetAPIVersion(), Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// unknownf makes an Unknown of what is wrong with an object.
func unknownf(obj *unstructured.Unstructured, format string, args ...any) *Unknown {
	return &Unknown{Object: RefOf(obj), Reason: fmt.Sprintf(format, args...)}
}

func (u *Unknown) with(step string) *Unknown {
	u.Step = step
	return u
}

func (u *Unknown) waiting() *Unknown {
	u.Waiting = true
	return u
}

// cleanPath is a directory as controllers take it: below the root of the
// repository, whatever it says.
func cleanPath(dir string) string {
	if dir = strings.TrimPrefix(path.Join("/", dir), "/"); dir == "" {
		return "."
	}
	return dir
}

// entryAt finds what is at a path. ok is false when nothing that irgit follows
// is there; the error is the repository's, not the path's.
func entryAt(ctx context.Context, tree *gitops.Tree, name string) (e gitops.Entry, ok bool, err error) {
	e, err = tree.Stat(ctx, name)
	if err == nil {
		return e, true, nil
	}
	if ctx.Err() != nil || errors.Is(err, gitops.ErrUnreachable) || errors.Is(err, gitops.ErrAuthentication) {
		return e, false, err
	}
	return e, false, nil
}

// missingDir says what is wrong with a directory that is to be applied, nil
// when it is there.
func missingDir(ctx context.Context, env Env, obj *unstructured.Unstructured, dir string) (*Unknown, error) {
	e, ok, err := entryAt(ctx, env.Tree, dir)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return unknownf(obj, "applies %s, which is not in this repository", dir).with("correct the path"), nil
	case e.Mode != gitops.Dir:
		return unknownf(obj, "applies %s, which is no directory", dir).with("correct the path"), nil
	}
	return nil, nil
}

// list is a slice in the form that Build.Fields hold.
func list[T any](in []T) (out []any) {
	for _, v := range in {
		out = append(out, v)
	}
	return out
}
