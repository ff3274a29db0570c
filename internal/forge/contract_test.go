package forge_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge/forgetest"
)

// description is GitHub's OpenAPI description, beside the checkout; tests go on
// without it, and TestContractIsChecked skips by name.
const description = "../../../shared/github/openapi.json"

var contract = sync.OnceValues(func() (routers.Router, error) {
	data, err := os.ReadFile(description)
	if err != nil {
		return nil, nil // absent
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

func TestMain(m *testing.M) {
	_, _ = contract() // outside of every synctest bubble
	os.Exit(m.Run())
}

func TestContractIsChecked(t *testing.T) {
	router, err := contract()
	require.NoError(t, err)
	if router == nil {
		t.Skip("no GitHub OpenAPI description at " + description)
	}
	broken := checked{t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewBufferString(`[{"id":"x"}]`))}, nil
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.github.com/repos/acme/fleet/pulls?state=all", nil)
	require.NoError(t, err)
	_, err = broken.verdict(router, request) //nolint:bodyclose // made of bytes
	require.ErrorContains(t, err, "response body doesn't match schema")
	request.URL.RawQuery = "state=sideways"
	_, err = broken.verdict(router, request) //nolint:bodyclose // made of bytes
	require.ErrorContains(t, err, `parameter "state"`)
}

// checked holds every request and every answer against the description, which
// is of the REST API alone.
type checked struct {
	t    *testing.T
	next func(*http.Request) (*http.Response, error)
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	router, err := contract()
	require.NoError(c.t, err)
	if router == nil || r.URL.Path == "/graphql" {
		return c.next(r)
	}
	response, err := c.verdict(router, r)
	if broken := new(mismatch); asMismatch(err, &broken) {
		c.t.Errorf("%s %s is not as GitHub describes it: %v", r.Method, r.URL, broken.error)
		return response, nil
	}
	return response, err
}

type mismatch struct{ error }

func asMismatch(err error, into **mismatch) bool {
	m, ok := err.(*mismatch) //nolint:errorlint // made here, never wrapped
	if ok {
		*into = m
	}
	return ok
}

// verdict sends the request; a *mismatch says that one of both is wrong.
func (c checked) verdict(router routers.Router, r *http.Request) (*http.Response, error) {
	route, params, err := router.FindRoute(r)
	if err != nil {
		return nil, &mismatch{err}
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{SkipSettingDefaults: true}}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return nil, &mismatch{err}
	}
	response, err := c.next(r)
	if err != nil || response.StatusCode >= 400 || response.Header.Get(forgetest.FaultHeader) != "" {
		return response, err // what goes wrong is not described
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return response, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	answer.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(r.Context(), answer); err != nil {
		return response, &mismatch{err}
	}
	return response, nil
}
