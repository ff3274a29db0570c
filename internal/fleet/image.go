package fleet

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// ImageRule is the expression of a ValidatingAdmissionPolicy on new pods that
// denies images. One is given with its tag, its digest or both, as pods name
// it, or as a digest alone; a pod may add a digest to it.
func ImageRule(images []string) string {
	const image = "c.image == i || c.image.startsWith(i + '@') || c.image.endsWith('@' + i)"
	denied := "(c, !['" + strings.Join(images, "', '") + "'].exists(i, " + image + "))"
	return "object.spec.containers.all" + denied + " && (!has(object.spec.initContainers) || object.spec.initContainers.all" + denied + ")"
}

// denies is what [ImageRule] says of one image.
func denies(images []string, image string) bool {
	return slices.ContainsFunc(images, func(i string) bool {
		return image == i || strings.HasPrefix(image, i+"@") || strings.HasSuffix(image, "@"+i)
	})
}

var (
	imageForm = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9._/:@]{0,511}$`)
	quoted    = regexp.MustCompile(`'([^']*)'`)
)

// newPods is the only rule that a policy on images may have.
var newPods = map[string]any{
	"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"}, "scope": "Namespaced",
}

// DeniedImages are the images that a ValidatingAdmissionPolicy denies new pods,
// where it does that and nothing else: its spec judges the creation of pods by
// an [ImageRule] alone, and an expression that fails denies. Which namespace it
// is for is not looked at.
func DeniedImages(spec map[string]any) (images []string, ok bool) {
	for field := range spec {
		if !slices.Contains([]string{"failurePolicy", "matchConstraints", "validations"}, field) {
			return nil, false
		}
	}
	rules, _ := dig(spec, "matchConstraints", "resourceRules").([]any)
	validations, _ := spec["validations"].([]any)
	if len(rules) != 1 || len(validations) != 1 || !reflect.DeepEqual(rules[0], any(newPods)) || spec["failurePolicy"] != "Fail" {
		return nil, false
	}
	expression := text(dig(validations[0], "expression"))
	list, _, _ := strings.Cut(expression, "]")
	for _, m := range quoted.FindAllStringSubmatch(list, -1) {
		images = append(images, m[1])
	}
	odd := func(i string) bool { return !imageForm.MatchString(i) }
	return images, len(images) > 0 && !slices.ContainsFunc(images, odd) && expression == ImageRule(images)
}

// OnPods reports whether a ValidatingAdmissionPolicy has a rule about pods.
func OnPods(spec map[string]any) bool {
	rules, _ := dig(spec, "matchConstraints", "resourceRules").([]any)
	return slices.ContainsFunc(rules, func(rule any) bool {
		r, _ := rule.(map[string]any)
		return slices.Contains(words(r["resources"]), "pods")
	})
}

// imaged lists the workloads of a namespace that have a container of one of the
// images.
func (ix *Index) imaged(namespace string, images []string) (hit []Workload) {
	for _, w := range ix.inNamespace(namespace) {
		has := func(c Container) bool { return denies(images, c.Image) }
		if slices.ContainsFunc(w.Containers, has) || slices.ContainsFunc(ix.extras[w.Ref()].init, has) {
			hit = append(hit, w)
		}
	}
	return hit
}

// Images are those that Git has for a workload's containers, each once.
func (ix *Index) Images(w Workload) (images []string) {
	for _, c := range slices.Concat(ix.extras[w.Ref()].init, w.Containers) {
		if c.Image != "" && !slices.Contains(images, c.Image) {
			images = append(images, c.Image)
		}
	}
	return images
}
