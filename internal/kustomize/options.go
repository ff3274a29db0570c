package kustomize

// Options of a build: what the object that syncs a directory adds to it. The
// zero value is `kustomize build`. They encode as JSON, and equal JSON means
// an equal build.
type Options struct {
	// Generate builds a directory without a kustomization file as Flux does:
	// as if one listed every manifest below it.
	Generate bool `json:"generate,omitempty"`
	// Directory builds a directory without a kustomization file as Argo CD's
	// directory source does.
	Directory *Directory `json:"directory,omitempty"`
	// Fields are set on the root's kustomization before it is built, as Flux's
	// generator and Argo CD's repo server do: images are merged by name, maps
	// by key, other lists are appended, and scalars take the place of the
	// root's own.
	Fields map[string]any `json:"fields,omitempty"`
	// OptionalComponents passes over components in Fields that are not there
	// (Flux: spec.ignoreMissingComponents).
	OptionalComponents bool `json:"optionalComponents,omitempty"`
	// Labels and Annotations are put on every object after the build (Flux:
	// spec.commonMetadata).
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Substitute is applied to the rendered objects as Flux's postBuild is;
	// nil substitutes nothing, an empty map replaces by defaults.
	Substitute map[string]string `json:"substitute,omitzero"`
	// Source is how the controller sees the repository.
	Source Source `json:"source,omitzero"`
	// Origins asks for Result.Origins.
	Origins bool `json:"origins,omitempty"`
	// Partial leaves out what lies outside of the repository (remote bases,
	// Helm charts, plugins) instead of failing. Result.Missing names it.
	Partial bool `json:"partial,omitempty"`
}

// Directory is Argo CD's directory source (argo-cd: docs/user-guide/directory.md).
type Directory struct {
	Recurse bool   `json:"recurse,omitempty"`
	Include string `json:"include,omitempty"` // globs, as Argo CD takes them
	Exclude string `json:"exclude,omitempty"`
}

// Source is what a source controller ships of the repository. The zero value
// is all of it.
type Source struct {
	// Ignores leaves out what Flux's source-controller leaves out: its
	// defaults, the .sourceignore files of the repository and Ignore.
	Ignores bool `json:"ignores,omitempty"`
	// Ignore is spec.ignore of the GitRepository. As there, it takes the place
	// of the defaults.
	Ignore string `json:"ignore,omitempty"`
	// Sparse are the directories of spec.sparseCheckout; none means all.
	Sparse []string `json:"sparse,omitempty"`
	// Copies, when there are any, make an artifact of their own: paths of a
	// build are paths in it (Flux: ArtifactGenerator).
	Copies []Copy `json:"copies,omitempty"`
}

// Copy puts a file, a directory or what a pattern matches (dir/**, dir/*) of
// the repository at a path of the artifact.
type Copy struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Exclude are patterns, relative to From, of what is left out.
	Exclude []string `json:"exclude,omitempty"`
}
