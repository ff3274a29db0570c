package validate

import "maps"

func init() {
	maps.Copy(good, goodNetwork)
	maps.Copy(good, goodDelivery)
}

// goodNetwork holds valid objects of the kinds that isolate.
var goodNetwork = map[string]string{
	"cilium": `
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: irgit-quarantine, namespace: payments}
spec:
  endpointSelector: {matchLabels: {app: payments}, matchExpressions: [{key: tier, operator: NotIn, values: [edge]}]}
  ingressDeny: [{fromEntities: [all]}]
  egress:
    - toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system, k8s-app: kube-dns}}]
      toPorts: [{ports: [{port: "53", protocol: UDP}], rules: {dns: [{matchPattern: "*.example.com"}]}}]
    - toFQDNs: [{matchName: api.example.com}]
      toPorts: [{ports: [{port: "443", protocol: TCP}]}]`,
	"ciliumblock": `
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: irgit-block}
spec:
  endpointSelector: {}
  enableDefaultDeny: {egress: false, ingress: false}
  egressDeny:
    - toCIDRSet: [{cidr: 203.0.113.0/24, except: [203.0.113.8/29]}, {cidrGroupRef: indicators}]
    - toCIDR: [198.51.100.7/32, "2001:db8::/48"]
      toPorts: [{ports: [{port: "1", endPort: 1024, protocol: TCP}]}]`,
	"ciliumhost": `
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: nodes}
specs:
  - nodeSelector: {matchLabels: {node-role: edge}}
    ingress: [{fromEntities: [cluster], toPorts: [{ports: [{port: "22", protocol: TCP}]}]}]
  - nodeSelector: {}
    ingress: [{}]`,
	"ciliumgroup": `{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: indicators}, spec: {externalCIDRs: [203.0.113.9/32]}}`,
	"calico": `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: security.quarantine, namespace: payments}
spec:
  tier: security
  order: 1
  selector: app == 'payments' && tier not in {'edge', "front"} || !has(web/x.y)
  serviceAccountSelector: team starts with 'pay'
  types: [Ingress, Egress]
  ingress:
    - {action: Log}
    - {action: Deny}
  egress:
    - {action: Allow, protocol: UDP, destination: {namespaceSelector: kubernetes.io/metadata.name == 'kube-system', selector: k8s-app == 'kube-dns', ports: [53, "8000:9000", dns]}}
    - {action: Allow, protocol: TCP, destination: {services: {name: kubernetes, namespace: default}}}
    - {action: Deny, ipVersion: 6, destination: {nets: ["2001:db8::/32"]}}
    - {action: Deny}`,
	"calicoglobal": `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: block-metadata}
spec:
  order: -10.5
  selector: all()
  namespaceSelector: has(team)
  types: [Egress]
  egress: [{action: Deny, destination: {nets: [169.254.169.254/32]}}, {action: Deny, destination: {namespaceSelector: global(), selector: feed == 'threats'}}]`,
	"calicostored":    `{apiVersion: crd.projectcalico.org/v1, kind: GlobalNetworkPolicy, metadata: {name: default.block}, spec: {order: 5, types: [Egress], egress: [{action: Deny, protocol: 6, destination: {ports: [443]}}]}}`,
	"calicoset":       `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: threats, labels: {feed: threats}}, spec: {nets: [203.0.113.0/24, 198.51.100.7, "2001:db8::/32"]}}`,
	"caliconamespace": `{apiVersion: crd.projectcalico.org/v1, kind: NetworkSet, metadata: {name: threats, namespace: payments}, spec: {nets: [203.0.113.0/24]}}`,
	"calicotier":      `{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: security}, spec: {order: 100}}`,
	"httproute": `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: divert, namespace: web}
spec:
  parentRefs: [{name: gw, namespace: istio-system, sectionName: https}]
  hostnames: [shop.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /admin}, headers: [{name: x-forwarded-for, type: RegularExpression, value: "203\\.0\\.113\\..*"}]}]
      backendRefs: [{name: honeypot, port: 80}]
      timeouts: {request: 10s}`,
	"k8sgateway":     `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: web}, spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`,
	"referencegrant": `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: lure}, spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web}], to: [{group: "", kind: Service, name: honeypot}]}}`,
	"wasmplugin": `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: waf, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  url: oci://ghcr.io/corazawaf/coraza-proxy-wasm:0.6.0
  phase: AUTHN
  failStrategy: FAIL_CLOSE
  pluginConfig: {default_directives: default, directives_map: {default: ["SecRuleEngine On"]}}`,
	"sidecarlocked":       `{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: locked, namespace: web}, spec: {workloadSelector: {labels: {app: web}}, outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: [{hosts: ["~/*"]}]}}`,
	"serviceentrywild":    `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: ext, namespace: web}, spec: {hosts: ["*.example.com"], ports: [{number: 443, name: tls, protocol: TLS}], resolution: NONE}}`,
	"virtualserviceweigh": `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: w, namespace: web}, spec: {hosts: ["*"], gateways: [istio-system/gw], http: [{match: [{headers: {x-real-ip: {exact: 203.0.113.9}}}], route: [{destination: {host: honeypot.lure.svc.cluster.local}}]}, {route: [{destination: {host: web}, weight: 90}, {destination: {host: canary}, weight: 10}]}]}}`,
}

// goodDelivery holds valid objects of the kinds that freeze, evict and keep
// evidence.
var goodDelivery = map[string]string{
	"scaledobject": `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: payments, namespace: payments, annotations: {autoscaling.keda.sh/paused-replicas: "3", autoscaling.keda.sh/paused: "true"}}
spec:
  scaleTargetRef: {name: payments}
  minReplicaCount: 1
  idleReplicaCount: 0
  maxReplicaCount: 10
  triggers: [{type: cpu, metricType: Utilization, metadata: {value: "60"}}, {type: kafka, name: orders, metadata: {topic: orders, lagThreshold: "5"}}]`,
	"scaledjob": `
apiVersion: keda.sh/v1alpha1
kind: ScaledJob
metadata: {name: encode, namespace: batch}
spec:
  maxReplicaCount: 5
  jobTargetRef: {backoffLimit: 2, template: {spec: {restartPolicy: Never, containers: [{name: e, image: "e:1", resources: {limits: {cpu: 1}}}]}}}
  triggers: [{type: rabbitmq, metadata: {queueName: q}}]`,
	"rollout": `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: payments, namespace: payments}
spec:
  replicas: 3
  paused: true
  selector: {matchLabels: {app: payments}}
  template:
    metadata: {labels: {app: payments}}
    spec: {containers: [{name: app, image: "payments:1", ports: [{containerPort: 8080}]}]}
  strategy: {canary: {maxSurge: 25%, steps: [{setWeight: 20}, {pause: {}}, {pause: {duration: 10m}}]}}`,
	"rolloutref": `{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: p, namespace: p}, spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: p}, strategy: {blueGreen: {activeService: a, previewService: b}}}}`,
	"application": `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: irgit-x, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: incident-response
  source: {repoURL: "https://git.example/fleet.git", path: incident-response/prod, targetRevision: main}
  destination: {name: prod-eu, namespace: default}
  syncPolicy: {automated: {prune: true, selfHeal: true, allowEmpty: true}, syncOptions: [ServerSideApply=true], retry: {limit: -1, backoff: {duration: 5s, factor: 2}}}
  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]`,
	"appproject": `
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: incident-response, namespace: argocd}
spec:
  sourceRepos: ["https://git.example/fleet.git", "!https://evil.example/*"]
  destinations: [{server: "*", namespace: "*"}, {name: prod-eu, namespace: web}]
  clusterResourceWhitelist: [{group: cilium.io, kind: CiliumClusterwideNetworkPolicy}]
  namespaceResourceWhitelist: [{group: "*", kind: "*"}]
  syncWindows: [{kind: deny, schedule: "0 22 * * *", duration: 1h, namespaces: ["*"], timeZone: UTC}]
  orphanedResources: {warn: false}`,
	"helmrelease": `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: web}
spec:
  interval: 10m
  suspend: true
  chart: {spec: {chart: shop, version: 1.x, sourceRef: {kind: HelmRepository, name: shop}}}
  values: {replicas: 2, nested: {a: null}}
  postRenderers: [{kustomize: {patches: [{target: {kind: Deployment, name: shop}, patch: "- op: add\n  path: /spec/paused\n  value: true\n"}]}}]`,
	"imageautomation": `
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: all, namespace: flux-system}
spec:
  interval: 30m
  suspend: true
  sourceRef: {kind: GitRepository, name: flux-system}
  git: {commit: {author: {email: bot@example.com}}, push: {branch: main}}
  update: {path: ./clusters, strategy: Setters}`,
	"gitrepository":  `{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: f, namespace: flux-system}, spec: {interval: 1m, url: "ssh://git@git.example/fleet", ref: {branch: main}, secretRef: {name: k}, ignore: "/*\n"}}`,
	"ocirepository":  `{apiVersion: source.toolkit.fluxcd.io/v1, kind: OCIRepository, metadata: {name: f, namespace: flux-system}, spec: {interval: 1m, url: "oci://ghcr.io/a/b", ref: {tag: latest}}}`,
	"helmrepository": `{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {name: f, namespace: flux-system}, spec: {url: "https://charts.example/"}}`,
	"snapshot":       `{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: evidence, namespace: payments}, spec: {volumeSnapshotClassName: csi, source: {persistentVolumeClaimName: data}}}`,
	"snapshotclass":  `{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotClass, metadata: {name: csi}, driver: ebs.csi.aws.com, deletionPolicy: Retain, parameters: {a: b}}`,
	"claim":          `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: evidence, namespace: payments}, spec: {accessModes: [ReadWriteOnce], volumeMode: Filesystem, resources: {requests: {storage: 10Gi}}, dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: a}}}`,
	"quota":          `{apiVersion: v1, kind: ResourceQuota, metadata: {name: none, namespace: payments}, spec: {hard: {pods: 0, requests.cpu: "1", count/jobs.batch: "4"}, scopes: [NotTerminating]}}`,
	"limits":         `{apiVersion: v1, kind: LimitRange, metadata: {name: small, namespace: payments}, spec: {limits: [{type: Container, min: {cpu: 10m}, max: {cpu: 1, memory: 1Gi}, default: {cpu: 500m}, defaultRequest: {cpu: 100m}}, {type: Pod, max: {cpu: 2}}]}}`,
}
