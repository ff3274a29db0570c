package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Application reads an Argo CD Application: one Sync for each of its sources
// that is a directory of this repository, one Unknown for each that is not.
func Application(ctx context.Context, env Env, obj *unstructured.Unstructured) ([]Sync, []Unknown, error) {
	return nil, []Unknown{{Object: refOf(obj), Reason: "is not read yet"}}, nil
}

// Generate makes the Applications of an ApplicationSet.
func Generate(ctx context.Context, env Env, obj *unstructured.Unstructured) ([]*unstructured.Unstructured, []Unknown, error) {
	return nil, []Unknown{{Object: refOf(obj), Reason: "is not read yet"}}, nil
}
