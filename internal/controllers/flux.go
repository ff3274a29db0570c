package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Flux reads a Flux Kustomization. Exactly one of the two answers is not nil,
// unless the repository could not be read.
func Flux(ctx context.Context, env Env, obj *unstructured.Unstructured) (*Sync, *Unknown, error) {
	return nil, &Unknown{Object: refOf(obj), Reason: "is not read yet"}, nil
}
