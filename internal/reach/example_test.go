package reach_test

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/reach"
)

// Who may still call the database once a policy is there?
func Example() {
	pod := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Pod",
			"metadata": map[string]any{"name": name, "namespace": "shop", "labels": map[string]any{"app": name}},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": name}}},
		}}
	}
	fleet := []*unstructured.Unstructured{pod("web"), pod("db")}
	quarantine := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": map[string]any{"name": "quarantine", "namespace": "shop"},
		"spec":     map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app": "db"}}, "policyTypes": []any{"Ingress"}},
	}}
	before, err := reach.New(reach.Cluster{}, fleet)
	if err != nil {
		panic(err)
	}
	after, err := reach.New(reach.Cluster{}, append(fleet, quarantine))
	if err != nil {
		panic(err)
	}
	db := reach.PodOf("Pod", "shop", "db")
	fmt.Print(reach.Difference(before, after, []reach.Flow{
		{From: reach.PodOf("Pod", "shop", "web"), To: db, Port: 5432},
		{From: reach.Peer{Node: true}, To: db, Port: 5432},
		{From: db, To: reach.Outside("203.0.113.10"), Port: 443},
	}))
	// Output:
	// cut     Pod shop/web → Pod shop/db 5432/TCP: allowed → denied by NetworkPolicy shop/quarantine: no rule for ingress allows it
	// lives   kubelet → Pod shop/db 5432/TCP: allowed
	// lives   Pod shop/db → 203.0.113.10 443/TCP: allowed
}
