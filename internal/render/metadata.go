package render

import (
	"regexp"
	"strings"

	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

// annotations are what a patch may set of the metadata of an object or of a
// pod's template: what tells a controller to leave the object, or its pods, as
// they are.
var annotations = regexp.MustCompile(`^(irgit\.dev/|autoscaling\.keda\.sh/paused|kustomize\.toolkit\.fluxcd\.io/prune$|argocd\.argoproj\.io/sync-options$|helm\.sh/resource-policy$)`)

// badMetadata says what is wrong with the metadata of a patch, at paths that
// begin with metadata. Annotations that an expression gives are judged when it
// has given them.
func badMetadata(metadata any) (wrong []validate.Problem) {
	say := func(path, message string) {
		wrong = append(wrong, validate.Problem{Path: strings.TrimSuffix(strict.Join("metadata", path), "."), Message: message})
	}
	fields, ok := metadata.(map[string]any)
	if metadata != nil && !ok {
		say("", "want annotations")
	}
	for _, key := range sorted(fields) {
		if key != "annotations" {
			say(key, "a patch may touch annotations only")
		}
	}
	keys, _ := fields["annotations"].(map[string]any)
	for _, key := range sorted(keys) {
		if !annotations.MatchString(key) {
			say("annotations", "a patch may not set "+key+": want one that pauses a scaler, keeps an object from being pruned, or begins with irgit.dev/")
		}
	}
	return wrong
}

// annotated judges the metadata that a patch sets, wherever it stands.
func annotated(fields map[string]any, kind string) (wrong []validate.Problem) {
	wrong = badMetadata(fields["metadata"])
	template := fields
	for _, key := range podTemplate(kind) {
		template, _ = template[key].(map[string]any)
	}
	if len(podTemplate(kind)) > 0 {
		wrong = append(wrong, badMetadata(template["metadata"])...)
	}
	return wrong
}
