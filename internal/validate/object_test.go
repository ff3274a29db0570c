package validate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// edit changes one field of a good object: path is dotted, [n] goes into lists;
// a nil value deletes.
type edit struct {
	base, path string
	value      any
	at, says   string // the only problem wanted
}

const absent = "\x00absent"

var edits = []edit{
	// unknown fields, with the way out
	{"authorizationpolicy", "spec.rules.0.from.0.source.notPrincipal", []any{"a"}, "spec.rules[0].from[0].source.notPrincipal", "unknown field; did you mean notPrincipals?"},
	{"authorizationpolicy", "spec.rules.0.from.0.notPrincipals", []any{"a"}, "spec.rules[0].from[0].notPrincipals", "it belongs under source"},
	{"networkpolicy", "spec.podSelectors", map[string]any{}, "spec.podSelectors", "did you mean podSelector?"},
	{"deployment", "spec.template.spec.containers.0.imagePullPolcy", "Always", "spec.template.spec.containers[0].imagePullPolcy", "did you mean imagePullPolicy?"},
	{"deployment", "spce", map[string]any{}, "spce", "did you mean spec?"},
	{"hpa", "spec.behavior.scaleUp.selectpolicy", "Disabled", "spec.behavior.scaleUp.selectpolicy", "did you mean selectPolicy?"},
	{"deployment", "metadata.label", map[string]any{}, "metadata.label", "did you mean labels?"},
	// wrong types
	{"deployment", "spec.replicas", "3", "spec.replicas", "leave out the quotes"},
	{"deployment", "spec.replicas", 1.5, "spec.replicas", "must be a whole number, not 1.5"},
	{"deployment", "metadata.labels.app", true, "metadata.labels.app", "put it in quotes"},
	{"deployment", "spec.template.spec.containers", map[string]any{}, "spec.template.spec.containers", "must be a list"},
	{"networkpolicy", "spec.egress.0.ports.0.port", true, "spec.egress[0].ports[0].port", "must be a whole number or text"},
	{"networkpolicy", "spec.egress.0.ports.0.port", 5.5, "spec.egress[0].ports[0].port", "must be a whole number or text"},
	{"authorizationpolicy", "spec.rules.0.from.0.source.principals", "x", "spec.rules[0].from[0].source.principals", "must be a list"},
	{"deployment", "spec.replicas", 3000000000, "spec.replicas", "does not fit into 32 bits"},
	{"deployment", "spec.template.spec.containers.0.resources.limits.cpu", "lots", "spec.template.spec.containers[0].resources.limits.cpu", "is not a quantity"},
	{"authorizationpolicy", "spec", nil, "spec", "is null"},
	// missing
	{"deployment", "spec.selector", absent, "spec.selector", "is required"},
	{"deployment", "spec.selector", nil, "spec.selector", "is required"},
	{"hpa", "spec.maxReplicas", absent, "spec.maxReplicas", "is required"},
	{"deployment", "metadata.name", absent, "metadata.name", "is required"},
	{"deployment", "metadata", absent, "metadata.name", "is required"},
	{"deployment", "kind", absent, "kind", "is missing"},
	{"flux", "spec.interval", absent, "spec.interval", "is required"},
	// enums of CRDs and of the API server's code
	{"authorizationpolicy", "spec.action", "DENIED", "spec.action", "not one of ALLOW, DENY"},
	{"networkpolicy", "spec.policyTypes.1", "egress", "spec.policyTypes[1]", "did you mean Egress?"},
	{"networkpolicy", "spec.egress.0.ports.0.protocol", "FOO", "spec.egress[0].ports[0].protocol", "not one of TCP, UDP, SCTP"},
	{"hpa", "spec.behavior.scaleUp.selectPolicy", "Disable", "spec.behavior.scaleUp.selectPolicy", "did you mean Disabled?"},
	{"service", "spec.ports.0.protocol", "tcp", "spec.ports[0].protocol", "did you mean TCP?"},
	{"cronjob", "spec.concurrencyPolicy", "Never", "spec.concurrencyPolicy", "not one of Allow"},
	{"statefulset", "spec.updateStrategy.type", "OnDelet", "spec.updateStrategy.type", "did you mean OnDelete?"},
	{"peerauthentication", "spec.mtls.mode", "STRIKT", "spec.mtls.mode", "did you mean STRICT?"},
	{"rolebinding", "roleRef.kind", "Rolle", "roleRef.kind", "did you mean Role?"},
	// rules of the CRDs
	{"authorizationpolicy", "spec.targetRefs", []any{map[string]any{"kind": "Service", "name": "x"}}, "spec", "only one of targetRefs or selector can be set"},
	{"authorizationpolicy", "spec.rules.0.from.0.source.serviceAccounts", []any{"a/b"}, "spec.rules[0].from[0].source", "Cannot set serviceAccounts with namespaces or principals"},
	{"authorizationpolicy", "spec.selector.matchLabels.app", "a*", "spec.selector.matchLabels.app", "wildcard not allowed"},
	{"requestauthentication", "spec.jwtRules.0.jwksUri", "ftp://x", "spec.jwtRules[0].jwksUri", "url"},
	{"flux", "spec.kubeConfig", map[string]any{}, "spec.kubeConfig", "must be specified"},
	// limits that the OpenAPI lacks
	{"hpa", "spec.minReplicas", 12, "spec.maxReplicas", "10 is less than minReplicas 12"},
	{"hpa", "spec.minReplicas", 0, "spec.minReplicas", "at least 1"},
	{"hpa", "spec.behavior.scaleUp.policies", []any{}, "spec.behavior.scaleUp.policies", "must not be an empty list"},
	{"networkpolicy", "spec.egress.0.ports.0.endPort", 5, "spec.egress[0].ports[0].endPort", "must not be less than port 53"},
	{"networkpolicy", "spec.egress.0.ports.0.port", 70000, "spec.egress[0].ports[0].port", "no port"},
	{"networkpolicy", "spec.egress.0.to.0.ipBlock", map[string]any{"cidr": "10.0.0.0/8"}, "spec.egress[0].to[0].ipBlock", "cannot be combined"},
	{"networkpolicy", "spec.egress.0.to.0", map[string]any{}, "spec.egress[0].to[0]", "is empty"},
	{"networkpolicy", "spec.egress.0.to.0", map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.1/8"}}, "spec.egress[0].to[0].ipBlock.cidr", "write 10.0.0.0/8"},
	{"networkpolicy", "spec.egress.0.to.0", map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.0/8", "except": []any{"11.0.0.0/9"}}}, "spec.egress[0].to[0].ipBlock.except[0]", "does not lie within"},
	{"pdb", "spec.maxUnavailable", 1, "spec.minAvailable", "cannot be set together"},
	{"deployment", "spec.selector.matchLabels.app", "other", "spec.template.metadata.labels", "must carry app: other"},
	{"deployment", "spec.template.spec.containers.0.volumeMounts", []any{map[string]any{"name": "data", "mountPath": "/d"}}, "spec.template.spec.containers[0].volumeMounts[0].name", "there is no volume"},
	{"deployment", "spec.template.spec.restartPolicy", "Never", "spec.template.spec.restartPolicy", "must be Always"},
	{"deployment", "spec.template.spec.containers.0.resources.requests.cpu", "2", "spec.template.spec.containers[0].resources.requests.cpu", "more than the limit"},
	{"deployment", "spec.strategy.rollingUpdate.maxUnavailable", "200%", "spec.strategy.rollingUpdate.maxUnavailable", "percentage up to 100%"},
	{"cronjob", "spec.schedule", "tomorrow", "spec.schedule", "not a schedule"},
	{"cronjob", "spec.jobTemplate.spec.template.spec.restartPolicy", absent, "spec.jobTemplate.spec.template.spec.restartPolicy", "must be OnFailure or Never"},
	{"service", "spec.ports.0.port", 0, "spec.ports[0].port", "no port"},
	{"service", "spec.ports.1", map[string]any{"name": "http", "port": 81}, "spec.ports[1].name", "earlier port"},
	// names, labels, selectors
	{"deployment", "metadata.name", "Web_1", "metadata.name", "is not a valid name"},
	{"deployment", "metadata.namespace", "../../flux-system", "metadata.namespace", "is not a valid namespace"},
	{"service", "metadata.name", "1web", "metadata.name", "is not a valid name"},
	{"namespace", "metadata.namespace", "x", "metadata.namespace", "belongs to no namespace"},
	{"cronjob", "metadata.name", strings.Repeat("a", 53), "metadata.name", "at most 52"},
	{"networkpolicy", "spec.podSelector.matchLabels.app", "a b", "spec.podSelector.matchLabels.app", "is not a valid label value"},
	{"networkpolicy", "spec.podSelector.matchExpressions", []any{map[string]any{"key": "app", "operator": "In"}}, "spec.podSelector.matchExpressions[0].values", "needs at least one value"},
	{"networkpolicy", "spec.podSelector.matchExpressions", []any{map[string]any{"key": "app", "operator": "Exists", "values": []any{"x"}}}, "spec.podSelector.matchExpressions[0].values", "takes no values"},
	{"networkpolicy", "spec.podSelector.matchExpressions", []any{map[string]any{"key": "app", "operator": "Equals"}}, "spec.podSelector.matchExpressions[0].operator", "not one of In"},
	{"networkpolicy", "metadata.annotations", map[string]any{"a b": "x"}, `metadata.annotations["a b"]`, "is not a valid annotation key"},
	// Istio's own admission
	{"authorizationpolicy", "spec.rules", absent, "spec.rules", "never applies"},
	{"authorizationpolicy", "spec.rules", []any{}, "spec.rules", "never applies"},
	{"authorizationpolicy", "spec.rules.0.from.0.source.notPrincipals", []any{}, "spec.rules[0].from[0].source.notPrincipals", "matches everything"},
	{"authorizationpolicy", "spec.rules.0.from", []any{}, "spec.rules[0].from", "must not be an empty list"},
	{"authorizationpolicy", "spec.rules.0.from.0.source", map[string]any{}, "spec.rules[0].from[0].source", "at least one condition"},
	{"authorizationpolicy", "spec.rules.0.to", []any{map[string]any{"operation": map[string]any{"ports": []any{"99999"}}}}, "spec.rules[0].to[0].operation.ports[0]", "no port"},
	{"authorizationpolicy", "spec.action", "CUSTOM", "spec.provider", "CUSTOM"},
	{"peerauthentication", "spec.portLevelMtls", map[string]any{"8080": map[string]any{"mode": "STRICT"}}, "spec", "portLevelMtls requires selector"},
	// Kubernetes' own admission of admission policies
	{"admissionpolicy", "metadata.namespace", "payments", "metadata.namespace", "belongs to no namespace"},
	{"admissionpolicy", "spec.failurePolicy", "Deny", "spec.failurePolicy", "not one of Fail, Ignore"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules", []any{}, "spec.matchConstraints.resourceRules", "matches nothing"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules.0.operations", absent, "spec.matchConstraints.resourceRules[0].operations", "is required"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules.0.operations.0", "PATCH", "spec.matchConstraints.resourceRules[0].operations[0]", "not one of CREATE"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules.0.apiGroups", []any{"*", "apps"}, "spec.matchConstraints.resourceRules[0].apiGroups", "beside *"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules.0.resources.0", "", "spec.matchConstraints.resourceRules[0].resources", "empty text"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules.0.resourceNames", []any{"a/b"}, "spec.matchConstraints.resourceRules[0].resourceNames[0]", "is not a name"},
	{"admissionpolicy", "spec.matchConstraints.resourceRules.0.resourceNames", []any{"a", "a"}, "spec.matchConstraints.resourceRules[0].resourceNames[1]", "stands twice"},
	{"admissionpolicy", "spec.matchConstraints.matchPolicy", "Fuzzy", "spec.matchConstraints.matchPolicy", "not one of Exact, Equivalent"},
	{"admissionpolicy", "spec.matchConditions.0.name", "not from Git", "spec.matchConditions[0].name", "is not a valid name"},
	{"admissionpolicy", "spec.matchConditions.0.expression", "request.userInfo.name == 'a'", "spec.matchConditions[0].expression", "undefined field 'name'"},
	{"admissionpolicy", "spec.paramKind", map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}, "spec.paramKind", "cannot check"},
	{"admissionpolicy", "spec.variables.0.expression", "object.", "spec.variables[0].expression", "does not compile"},
	{"admissionpolicy", "spec.validations", absent, "spec.validations", "ask nothing"},
	{"admissionpolicy", "spec.validations.0.expression", "", "spec.validations[0].expression", "must not be empty"},
	{"admissionpolicy", "spec.validations.0.expression", "object.spec.paused", "spec.validations[0].expression", "must be a bool"},
	{"admissionpolicy", "spec.validations.0.messageExpression", "1 + 1", "spec.validations[0].messageExpression", "must be a string"},
	{"admissionpolicy", "spec.validations.0.message", "a\nb", "spec.validations[0].message", "line breaks"},
	{"admissionpolicy", "spec.validations.0.reason", "NotFound", "spec.validations[0].reason", "not one of"},
	{"admissionbinding", "spec.policyName", "A_b", "spec.policyName", "is not a valid name"},
	{"admissionbinding", "spec.validationActions", []any{}, "spec.validationActions", "is required"},
	{"admissionbinding", "spec.validationActions.1", "Warn", "spec.validationActions", "both Deny and Warn"},
	// build files
	{"kustomization", "transformer", []any{"x"}, "transformer", "did you mean transformers?"},
	{"kustomization", "resources", "x", "resources", "must be a list"},
	{"patchtransformer", "patch", "- op: ad\n  path: /x\n  value: 1\n", "patch[0].op", "not one of add"},
	{"patchtransformer", "patch", "a: [", "patch", "is not YAML"},
	{"patchtransformer", "target.name", "^(web$", "target.name", "is not a regular expression"},
	{"patchtransformer", "path", "x.yaml", "patch", "not both"},
	{"patchtransformer", "patch", "{}", "patch", "must not be empty"},
	// versions and kinds
	{"hpa", "apiVersion", "autoscaling/v2beta2", "kind", "use apiVersion autoscaling/v1 or autoscaling/v2"},
	{"deployment", "kind", "Deploymnet", "kind", "did you mean Deployment?"},
}

func TestEachMistakeIsFoundAlone(t *testing.T) {
	v := newValidator(t)
	for _, e := range edits {
		t.Run(e.base+" "+e.path, func(t *testing.T) {
			obj := object(t, good[e.base])
			change(t, obj, strings.Split(e.path, "."), e.value)
			problems := v.Object("f.yaml", obj)
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, "f.yaml", problems[0].File)
			require.Equal(t, e.at, problems[0].Path)
			require.Contains(t, problems[0].Message, e.says)
		})
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	obj := object(t, good["deployment"])
	for path, value := range map[string]any{
		"spec.replicas": "x", "spec.paused": "no", "spec.bogus": 1, "metadata.labels.app": "a/b", "spec.template.spec.containers.0.image": 5,
	} {
		change(t, obj, strings.Split(path, "."), value)
	}
	var paths []string
	for _, p := range newValidator(t).Object("", obj) {
		paths = append(paths, p.Path)
	}
	require.Equal(t, []string{"metadata.labels.app", "spec.bogus", "spec.paused", "spec.replicas", "spec.template.spec.containers[0].image"}, paths)
}

func TestGoodObjectsPass(t *testing.T) {
	v := newValidator(t)
	for name, text := range good {
		obj := object(t, text)
		before := string(mustJSON(t, obj))
		require.Empty(t, v.Object(name, obj), name)
		require.Equal(t, before, string(mustJSON(t, obj)), "the object must not be changed")
		require.True(t, v.Known(obj["apiVersion"].(string), obj["kind"].(string)))
	}
}

// The fleet that ships with irgit is valid, but for kinds of other controllers.
func TestExampleFleetPasses(t *testing.T) {
	v := newValidator(t)
	checked := 0
	root := filepath.Join("..", "..", "examples", "fleet")
	patches := map[string]bool{"apps/staging/small.yaml": true} // a patch is a part of an object
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || patches[filepath.ToSlash(rel)] {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for doc := range strings.SplitSeq("\n"+string(text), "\n---") {
			var obj map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(doc), &obj), rel)
			apiVersion, _ := obj["apiVersion"].(string)
			if len(obj) == 0 || strings.HasPrefix(apiVersion, "argoproj.io/") || strings.HasPrefix(apiVersion, "source.toolkit.fluxcd.io/") || strings.HasPrefix(apiVersion, "irgit.dev/") {
				continue
			}
			require.Empty(t, v.Object(rel, obj), rel)
			checked++
		}
		return nil
	}))
	require.Greater(t, checked, 30)
}

// change sets, adds or deletes what a dotted path leads to.
func change(t *testing.T, in any, path []string, value any) any {
	t.Helper()
	if len(path) == 0 {
		return value
	}
	switch in := in.(type) {
	case []any:
		i := int(path[0][0] - '0')
		if i == len(in) {
			in = append(in, nil)
		}
		in[i] = change(t, in[i], path[1:], value)
		return in
	case map[string]any:
		if value == absent && len(path) == 1 {
			require.Contains(t, in, path[0])
			delete(in, path[0])
			return in
		}
		next := in[path[0]]
		if next == nil && len(path) > 1 {
			next = map[string]any{}
		}
		in[path[0]] = change(t, next, path[1:], value)
		return in
	}
	t.Fatalf("nothing at %v", path)
	return nil
}
