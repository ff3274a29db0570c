package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestResolve(t *testing.T) {
	indexed := strings.Replace(manifest("Job", "shop", "shards"), "spec: {selector", "spec: {completionMode: Indexed, selector", 1)
	ix := indexOf(t,
		manifest("Deployment", "shop", "web"), manifest("DaemonSet", "shop", "web-bcd"), manifest("StatefulSet", "shop", "web-db"),
		manifest("CronJob", "shop", "report"), manifest("Job", "shop", "migrate"), indexed, manifest("Pod", "shop", "debug"),
		manifest("Rollout", "shop", "api"), manifest("ReplicaSet", "shop", "old"),
		manifest("Deployment", "shop", strings.Repeat("long-", 11)+"name-x"), // 61 characters
		manifest("Deployment", "other", "web"), manifest("StatefulSet", "other", "web"),
		"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: redis, namespace: flux-system}\nspec: {targetNamespace: shop, releaseName: cache}\n",
		"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: queue, namespace: flux-system}\nspec: {targetNamespace: shop}\n",
	)
	long := strings.Repeat("long-", 11) + "name-x"
	for _, c := range []struct {
		what     string
		q        Query
		state    string
		want     string // the workload, or the candidates
		evidence string
		reason   string
	}{
		{"deployment", Query{Namespace: "shop", Pod: "web-5d4f8c7b96-x7k2p"}, Found, "Deployment shop/web", EvidencePod, "shape"},
		{"short hash", Query{Namespace: "shop", Pod: "web-4-x7k2p"}, Found, "Deployment shop/web", EvidencePod, ""},
		{"daemon set or deployment", Query{Namespace: "shop", Pod: "web-bcd-x7k2p"}, Ambiguous, "DaemonSet shop/web-bcd, Deployment shop/web", "", "2 workloads fit"},
		{"daemon set by its owner", Query{Namespace: "shop", Pod: "web-bcd-x7k2p", Kind: "daemonset", Name: "web-bcd"}, Found, "DaemonSet shop/web-bcd", EvidenceOwner, "owner"},
		{"stateful set", Query{Namespace: "shop", Pod: "web-db-12"}, Found, "StatefulSet shop/web-db", EvidencePod, ""},
		{"ordinal with a zero before", Query{Namespace: "shop", Pod: "web-db-01"}, NotInFleet, "", "", "no workload"},
		{"cron job", Query{Namespace: "shop", Pod: "report-29364497-x7k2p"}, Found, "CronJob shop/report", EvidencePod, ""},
		{"cron job's job", Query{Namespace: "shop", Kind: "Job", Name: "report-29364497"}, Found, "CronJob shop/report", EvidenceOwner, ""},
		{"job", Query{Namespace: "shop", Pod: "migrate-x7k2p"}, Found, "Job shop/migrate", EvidencePod, ""},
		{"indexed job", Query{Namespace: "shop", Pod: "shards-3-x7k2p"}, Found, "Job shop/shards", EvidencePod, ""},
		{"indexed job without its number", Query{Namespace: "shop", Pod: "shards-x7k2p"}, NotInFleet, "", "", ""},
		{"pod", Query{Namespace: "shop", Pod: "debug"}, Found, "Pod shop/debug", EvidencePod, ""},
		{"pod as its own owner", Query{Namespace: "shop", Kind: "Pod", Name: "debug"}, Found, "Pod shop/debug", EvidencePod, ""},
		{"two pods", Query{Namespace: "shop", Kind: "Pod", Name: "debug", Pod: "web-db-1"}, Contradiction, "", "", "two different pods"},
		{"rollout", Query{Namespace: "shop", Pod: "api-5d4f8c7b96-x7k2p"}, Found, "Rollout shop/api", EvidencePod, ""},
		{"replica set", Query{Namespace: "shop", Pod: "old-x7k2p"}, Found, "ReplicaSet shop/old", EvidencePod, ""},
		{"cut name", Query{Namespace: "shop", Pod: long[:58] + "x7k2p"}, Found, "Deployment shop/" + long, EvidencePod, ""},
		{"owner without kind", Query{Namespace: "shop", Name: "web"}, Found, "Deployment shop/web", EvidenceOwner, ""},
		{"owner in plural", Query{Namespace: "shop", Kind: "deployments", Name: "web"}, Found, "Deployment shop/web", EvidenceOwner, ""},
		{"owner is the replica set", Query{Namespace: "shop", Kind: "ReplicaSet", Name: "web-5d4f8c7b96", Pod: "web-5d4f8c7b96-x7k2p"}, Found, "Deployment shop/web", EvidenceOwner, ""},
		{"owner without kind, two of the name", Query{Namespace: "other", Name: "web"}, Ambiguous, "Deployment other/web, StatefulSet other/web", "", ""},
		{"the pod tells them apart", Query{Namespace: "other", Name: "web", Pod: "web-0"}, Found, "StatefulSet other/web", EvidenceOwner, ""},
		{"owner and pod do not fit", Query{Namespace: "shop", Kind: "Deployment", Name: "web", Pod: "web-db-1"}, Contradiction, "Deployment shop/web, StatefulSet shop/web-db", "", "not one of its pods"},
		{"owner of another kind", Query{Namespace: "shop", Kind: "StatefulSet", Name: "web", Pod: "web-5d4f8c7b96-x7k2p"}, Contradiction, "Deployment shop/web", "", "no root renders the owner"},
		{"owner that is nowhere", Query{Namespace: "shop", Kind: "Deployment", Name: "ghost"}, NotInFleet, "", "", "no workload"},
		{"no namespace", Query{Pod: "web-db-1"}, NoNamespace, "StatefulSet shop/web-db", "", "namespace"},
		{"no namespace, several", Query{Name: "web"}, NoNamespace, "Deployment other/web, StatefulSet other/web, Deployment shop/web", "", ""},
		{"unknown namespace", Query{Namespace: "elsewhere", Pod: "web-db-1"}, NotInFleet, "", "", "no root of the cluster renders"},
		{"THREATS G7: nowhere", Query{Namespace: "shop", Pod: "ghost-5d4f8c7b96-x7k2p"}, NotInFleet, "", "", "no workload"},
		{"vowels are not safe", Query{Namespace: "shop", Pod: "web-5d4f8c7b96-abcde"}, NotInFleet, "", "", ""},
		{"nothing", Query{Namespace: "shop"}, NotInFleet, "", "", "neither a pod nor an owner"},
		{"helm", Query{Namespace: "shop", Pod: "cache-master-0"}, NotInFleet, "", "", "Helm-managed: HelmRelease flux-system/redis"},
		{"helm's default name", Query{Namespace: "shop", Pod: "shop-queue-0"}, NotInFleet, "", "", "Helm-managed: HelmRelease flux-system/queue"},
	} {
		r := ix.Resolve(c.q)
		require.Equal(t, c.state, r.State, c.what)
		require.Contains(t, r.Reason, c.reason, c.what)
		require.Equal(t, c.evidence, r.Evidence, c.what)
		require.Empty(t, r.Doubts, c.what)
		if c.state == Found {
			require.Equal(t, []string{c.want}, namesOf([]Workload{*r.Workload}), c.what)
		} else {
			require.Nil(t, r.Workload, c.what)
			require.Equal(t, c.want, strings.Join(namesOf(r.Candidates), ", "), c.what)
		}
	}
}

// Names that nobody can have are not in the fleet, and no word of them comes
// back (THREATS A1, B1, E1).
func TestThreatA1HostileNamesAreNotInTheFleet(t *testing.T) {
	ix := indexOf(t, manifest("Deployment", "shop", "web"))
	marker := "ev1l"
	for _, hostile := range []string{
		marker + "\n---\nkind: Secret", "../../" + marker, marker + "%2f..", "/etc/" + marker, `C:\` + marker, "\x1b]0;" + marker + "\x07", marker + "\x00",
		strings.Repeat(marker, 5<<20/4), "web-5d4f8c7b96-x7k2p\n" + marker, strings.ToUpper(marker), "${" + marker + "}", "{{ " + marker + " }}", "-" + marker, marker + "\u202e",
	} {
		for _, q := range []Query{
			{Namespace: "shop", Pod: hostile},
			{Namespace: hostile, Pod: "web-5d4f8c7b96-x7k2p"},
			{Namespace: "shop", Name: hostile},
			{Namespace: "shop", Kind: hostile, Name: hostile},
			{Pod: hostile},
		} {
			r := ix.Resolve(q)
			require.Equal(t, NotInFleet, r.State)
			require.Nil(t, r.Workload)
			require.NotContains(t, r.Reason, marker)
			require.Less(t, len(r.Reason), 300)
		}
		r := ix.Resolve(Query{Namespace: "shop", Pod: "web-5d4f8c7b96-x7k2p", Container: hostile, Image: hostile})
		require.Equal(t, Found, r.State)
		require.Len(t, r.Doubts, 2)
		require.NotContains(t, strings.Join(r.Doubts, " "), marker)
		require.NotEqual(t, Found, ix.Resolve(Query{Namespace: "shop", Name: "web", Kind: hostile}).State)
	}
}

func TestDoubts(t *testing.T) {
	ix := indexOf(t,
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {template: {spec: {initContainers: [{name: setup, image: busybox}, {name: side, image: side, restartPolicy: Always}], containers: [{name: main, image: 'nginx:1.2'}, {name: log, image: 'registry.example.com:5000/log@sha256:0123'}]}}}\n",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gateway, namespace: shop}\nspec: {template: {spec: {containers: [{name: istio-proxy, image: auto}]}}}\n",
		"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: we, namespace: shop}\nspec: {}\n",
		"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: elsewhere}\nspec: {}\n",
	)
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Name: "web", Container: "main", Image: "docker.io/library/nginx"}, ""},
		{Query{Name: "web", Container: "main", Image: "index.docker.io/library/nginx:9"}, ""},
		{Query{Name: "web", Container: "main", Image: "nginx@sha256:ff"}, ""},
		{Query{Name: "web", Container: "log", Image: "registry.example.com:5000/log:2"}, ""},
		{Query{Name: "web", Container: "main", Image: "registry.example.com:5000/log:2"}, "image"},
		{Query{Name: "web", Container: "setup"}, ""},
		{Query{Name: "web", Container: "side"}, ""},
		{Query{Name: "web", Container: "istio-proxy", Image: "docker.io/istio/proxyv2:1.31"}, ""},
		{Query{Name: "web", Container: "miner"}, "container"},
		{Query{Name: "web", Image: "evil/miner"}, "image"},
		{Query{Name: "gateway", Container: "istio-proxy", Image: "docker.io/istio/proxyv2:1.31"}, ""},
		{Query{Pod: "web-5d4f8c7b96-x7k2p"}, ""},
	} {
		c.q.Namespace = "shop"
		r := ix.Resolve(c.q)
		require.Equal(t, Found, r.State, "%+v", c.q)
		if c.want == "" {
			require.Empty(t, r.Doubts, "%+v", c.q)
		} else {
			require.Len(t, r.Doubts, 1)
			require.Contains(t, r.Doubts[0], c.want)
		}
	}
	overlapping := indexOf(t, manifest("Deployment", "shop", "web-front"),
		"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec: {}\n")
	r := overlapping.Resolve(Query{Namespace: "shop", Pod: "web-front-5d4f8c7b96-x7k2p"})
	require.Equal(t, Found, r.State)
	require.Contains(t, r.Doubts[0], "HelmRelease shop/web")
}

// podOf names a pod of the workload as Kubernetes does; it shares nothing with
// the code that reads such names.
func podOf(t *rapid.T, kind, name string, indexed bool) string {
	letters := func(label string, n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = "bcdfghjklmnpqrstvwxz2456789"[rapid.IntRange(0, 26).Draw(t, label)]
		}
		return string(out)
	}
	generate := func(base string) string { // names.SimpleNameGenerator
		if len(base) > 63-5 {
			base = base[:63-5]
		}
		return base + letters("suffix", 5)
	}
	hash := func() string { // rand.SafeEncodeString(fmt.Sprint(uint32))
		out := []byte(fmt.Sprint(rapid.Uint32().Draw(t, "hash")))
		for i, c := range out {
			out[i] = "bcdfghjklmnpqrstvwxz2456789"[int(c)%27]
		}
		return string(out)
	}
	job := func(name string) string {
		if !indexed {
			return generate(name + "-")
		}
		number := fmt.Sprintf("-%d-", rapid.IntRange(0, 100_000).Draw(t, "index"))
		prefix := name + number
		if len(prefix) > 63-5 {
			prefix = prefix[:63-5-len(number)] + number
		}
		return generate(prefix)
	}
	switch kind {
	case "Deployment", "Rollout":
		return generate(name + "-" + hash() + "-")
	case "StatefulSet":
		return fmt.Sprintf("%s-%d", name, rapid.IntRange(0, 3000).Draw(t, "ordinal"))
	case "CronJob":
		return job(fmt.Sprintf("%s-%d", name, rapid.IntRange(29_000_000, 32_000_000).Draw(t, "minutes")))
	case "Job":
		return job(name)
	case "Pod":
		return name
	}
	return generate(name + "-")
}

// Whatever workloads stand side by side in a namespace: a pod that Kubernetes
// named is found and right, or ambiguous with the right one among the
// candidates. It is never missed, and never somebody else's.
func TestPodsAreFoundOrAmbiguousNeverWrong(t *testing.T) {
	parts := []string{"web", "db", "bcd", "x7k2p", "b", "4", "0", "12", "29364497", "api", "bcdfg", "5d4f8c7b96", strings.Repeat("wide", 9), strings.Repeat("bcd", 7)}
	kinds := []string{"Deployment", "Rollout", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"}
	rapid.Check(t, func(t *rapid.T) {
		ix := &Index{objects: map[string][]indexedObject{}, extras: map[ObjectRef]extra{}, releases: map[string][]installed{}}
		taken := map[ObjectRef]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "workloads") {
			w := Workload{Namespace: "n", Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Name: "a-" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 3).Draw(t, "name"), "-")}
			w.Name = strings.TrimSuffix(w.Name, "-")
			if w.Kind == "CronJob" && len(w.Name) > 52 || len(w.Name) > 63 || taken[w.Ref()] {
				continue
			}
			taken[w.Ref()] = true
			ix.workloads = append(ix.workloads, w)
			ix.extras[w.Ref()] = extra{indexed: (w.Kind == "Job" || w.Kind == "CronJob") && rapid.Bool().Draw(t, "indexed")}
		}
		if len(ix.workloads) == 0 {
			return
		}
		ix.finish()
		w := rapid.SampledFrom(ix.workloads).Draw(t, "target")
		pod := podOf(t, w.Kind, w.Name, ix.extras[w.Ref()].indexed)
		for _, q := range []Query{
			{Namespace: "n", Pod: pod},
			{Namespace: "n", Pod: pod, Kind: strings.ToLower(w.Kind), Name: w.Name},
			{Namespace: "n", Pod: pod, Name: w.Name},
		} {
			if q.Name != "" && w.Kind == "Pod" {
				continue // an alert that calls the pod its own owner says nothing new
			}
			switch r := ix.Resolve(q); r.State {
			case Found:
				require.Equal(t, w.Ref(), r.Workload.Ref(), "%+v", q)
			case Ambiguous:
				require.Contains(t, namesOf(r.Candidates), fmt.Sprintf("%s n/%s", w.Kind, w.Name), "%+v", q)
				require.Greater(t, len(r.Candidates), 1)
			default:
				require.Fail(t, "missed", "%+v of %s %s: %s", q, w.Kind, w.Name, r.Reason)
			}
		}
	})
}
