package policy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

// besides are images that webhooks add to pods of others: to deny one denies
// every such pod.
var besides = []string{"istio/proxyv2", "proxyv2", "pause"}

// checkDeniedImages: the policy denies the creation of pods by their images, as
// [fleet.ImageRule] writes it, and judges nothing else. No image is one that
// protected workloads or every pod of a mesh may have.
func checkDeniedImages(spec map[string]any) (refusals []Refusal) {
	images, ok := fleet.DeniedImages(spec)
	if !ok {
		return []Refusal{{"G3", "judges pods by something else than a list of images, or more than their creation"}}
	}
	for _, image := range images {
		if slices.ContainsFunc(besides, func(repository string) bool { return imageIs(image, repository) }) {
			refusals = append(refusals, Refusal{"G2", fmt.Sprintf("denies %s, which pods of many workloads have", image)})
		}
		for _, p := range protectedImages {
			if imageIs(image, p.repository) {
				refusals = append(refusals, Refusal{guardrailOf(p.what), fmt.Sprintf("denies %s, which is %s", image, p.what)})
				break
			}
		}
	}
	return refusals
}

// mayMiss reports whether an object need not hit the target: a policy on images
// may name those that an attacker brings.
func mayMiss(obj *unstructured.Unstructured) bool {
	spec, _ := obj.Object["spec"].(map[string]any)
	return obj.GetKind() == admissionPolicy && fleet.OnPods(spec)
}
