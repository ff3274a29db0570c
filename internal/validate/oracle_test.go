package validate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1beta1"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// oracle is the API server's own schema validator over the same schema, with
// the references written out.
func oracle(t *testing.T, v *Validator, obj map[string]any) *validate.SchemaValidator {
	t.Helper()
	apiVersion, name := obj["apiVersion"].(string), obj["kind"].(string)
	b := v.bundles[bundleOf(apiVersion)]
	require.NoError(t, b.load())
	var expand func(raw any) any
	expand = func(raw any) any {
		switch raw := raw.(type) {
		case map[string]any:
			if ref, ok := raw["$ref"].(string); ok {
				var def any
				require.NoError(t, json.Unmarshal(b.Definitions[ref], &def))
				if strings.HasSuffix(ref, ".Quantity") || strings.HasSuffix(ref, ".IntOrString") {
					delete(def.(map[string]any), "type") // published as text, numbers are accepted
					delete(def.(map[string]any), "format")
				}
				return expand(def)
			}
			for key := range raw {
				raw[key] = expand(raw[key])
			}
		case []any:
			for i := range raw {
				raw[i] = expand(raw[i])
			}
		}
		return raw
	}
	var raw any
	require.NoError(t, json.Unmarshal(b.Kinds[apiVersion+"/"+name].Schema, &raw))
	var schema spec.Schema
	require.NoError(t, json.Unmarshal(mustJSON(t, expand(raw)), &schema))
	return validate.NewSchemaValidator(&schema, nil, "", strfmt.Default)
}

// What kube-openapi's validator refuses, irgit refuses; what irgit takes,
// kube-openapi takes.
func TestNothingPassesThatKubeOpenAPIRefuses(t *testing.T) {
	v := newValidator(t)
	refused := 0
	for _, e := range edits {
		if e.path == "kind" || e.path == "apiVersion" || e.value == nil {
			continue
		}
		obj := object(t, good[e.base])
		change(t, obj, strings.Split(e.path, "."), e.value)
		if !oracle(t, v, obj).Validate(obj).IsValid() {
			require.NotEmpty(t, v.Object("", obj), "%s %s", e.base, e.path)
			refused++
		}
	}
	require.Greater(t, refused, 10)
	for name, text := range good {
		// to the API server's decoder null is absence and "" is no bytes
		obj := object(t, strings.NewReplacer(", creationTimestamp: null", "", `a: "", b: YQ==`, "b: YQ==").Replace(text))
		result := oracle(t, v, obj).Validate(obj)
		require.True(t, result.IsValid(), "%s: %v", name, result.Errors)
	}
}

// What Istio's own Go types refuse, irgit refuses.
func TestNothingPassesThatIstioCannotRead(t *testing.T) {
	v := newValidator(t)
	reads := func(obj map[string]any) bool {
		var into proto.Message = &security.AuthorizationPolicy{}
		if obj["kind"] == "PeerAuthentication" {
			into = &security.PeerAuthentication{}
		}
		return protojson.Unmarshal(mustJSON(t, obj["spec"]), into) == nil
	}
	refused := 0
	for _, e := range edits {
		if e.base != "authorizationpolicy" && e.base != "peerauthentication" {
			continue
		}
		obj := object(t, good[e.base])
		change(t, obj, strings.Split(e.path, "."), e.value)
		if !reads(obj) {
			require.NotEmpty(t, v.Object("", obj), e.path)
			refused++
		}
	}
	require.Greater(t, refused, 4)
	for _, name := range []string{"authorizationpolicy", "authorizationpolicyhttp", "denyall", "peerauthentication"} {
		require.True(t, reads(object(t, good[name])), name)
	}
}

// The second opinion is really asked, and says where.
func TestSecondOpinionIsAsked(t *testing.T) {
	w := &walk{kind: &kind{apiVersion: "security.istio.io/v1", name: "AuthorizationPolicy"}}
	secondOpinion(w, map[string]any{"spec": map[string]any{"rulez": nil}})
	require.Len(t, w.problems, 1)
	require.Equal(t, "spec", w.problems[0].Path)
	require.Contains(t, w.problems[0].Message, "rulez")
}
