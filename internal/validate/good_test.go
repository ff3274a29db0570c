package validate

// good holds one valid object of every kind that irgit writes or reads.
var good = map[string]string{
	"namespace":      `{apiVersion: v1, kind: Namespace, metadata: {name: payments, labels: {istio-injection: enabled}}}`,
	"serviceaccount": `{apiVersion: v1, kind: ServiceAccount, metadata: {name: payments, namespace: payments}, automountServiceAccountToken: false}`,
	"configmap":      `{apiVersion: v1, kind: ConfigMap, metadata: {name: a.b, namespace: payments, creationTimestamp: null}, data: {a: b}}`,
	"secret":         `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: payments}, type: Opaque, data: {a: "", b: YQ==}}`,
	"service":        `{apiVersion: v1, kind: Service, metadata: {name: payments, namespace: payments}, spec: {selector: {app: payments}, ports: [{name: http, port: 80, targetPort: http}]}}`,
	"pod": `
apiVersion: v1
kind: Pod
metadata: {name: probe, namespace: payments}
spec:
  restartPolicy: Never
  containers:
    - name: probe
      image: busybox:1
      command: [sh]
      env: [{name: A, value: "1"}]
      resources: {limits: {cpu: 1, memory: 0.5Gi}}
      volumeMounts: [{name: tmp, mountPath: /tmp}]
      livenessProbe: {httpGet: {path: /, port: http}, periodSeconds: 5}
      securityContext: {runAsNonRoot: true, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
  tolerations: [{key: a, operator: Exists, effect: NoSchedule}]
  volumes: [{name: tmp, emptyDir: {}}]`,
	"deployment": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: payments, namespace: payments, labels: {app: payments}}
spec:
  replicas: 3
  paused: true
  selector: {matchLabels: {app: payments}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 200%, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: payments, version: v1}, annotations: {a.b/c: x}}
    spec:
      serviceAccountName: payments
      containers:
        - name: app
          image: registry.example.com/payments:1
          ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}, {name: dnst, containerPort: 53}]
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 1, memory: 64Mi}}`,
	"statefulset": `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ledger, namespace: payments}
spec:
  serviceName: ledger
  selector: {matchLabels: {app: ledger}}
  updateStrategy: {type: OnDelete}
  template:
    metadata: {labels: {app: ledger}}
    spec:
      containers: [{name: db, image: postgres:17, volumeMounts: [{name: data, mountPath: /d}]}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`,
	"daemonset": `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-agent, namespace: infra}
spec:
  selector: {matchLabels: {app: node-agent}}
  updateStrategy: {type: OnDelete}
  template:
    metadata: {labels: {app: node-agent}}
    spec: {hostNetwork: true, containers: [{name: agent, image: agent:1}]}`,
	"cronjob": `
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: batch}
spec:
  schedule: "*/5 2-4 * * mon"
  suspend: true
  concurrencyPolicy: Forbid
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: r, image: r:1}]}}}}`,
	"job": `{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: batch}, spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: r, image: r:1}]}}}}`,
	"networkpolicy": `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: irgit-quarantine, namespace: payments, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}
spec:
  podSelector: {matchLabels: {app: payments}, matchExpressions: [{key: tier, operator: In, values: [a, ""]}]}
  policyTypes: [Ingress, Egress]
  egress:
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {}}]
      ports: [{port: 53, protocol: UDP}, {port: dns, protocol: TCP}, {port: 8000, endPort: 9000}]
    - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16]}}, {ipBlock: {cidr: "2001:db8::/32"}}]`,
	"ingress": `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: web}, spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}`,
	"hpa": `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: payments, namespace: payments}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: payments}
  minReplicas: 2
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
  behavior:
    scaleUp: {selectPolicy: Disabled}
    scaleDown: {selectPolicy: Disabled, stabilizationWindowSeconds: 300, policies: [{type: Pods, value: 1, periodSeconds: 60}]}`,
	"hpav1": `{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: a, namespace: b}, spec: {scaleTargetRef: {kind: Deployment, name: a}, maxReplicas: 3, targetCPUUtilizationPercentage: 80}}`,
	"admissionpolicy": `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: irgit-freeze}
spec:
  failurePolicy: Fail
  matchConstraints:
    matchPolicy: Equivalent
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [UPDATE, DELETE], resources: [deployments, deployments/scale], resourceNames: [payments], scope: Namespaced}
  matchConditions:
    - {name: not-from-git, expression: "!(request.userInfo.username in ['system:serviceaccount:flux-system:kustomize-controller'])"}
  variables: [{name: same, expression: object.spec == oldObject.spec}]
  validations:
    - {expression: "request.operation == 'UPDATE' && object.spec == oldObject.spec", message: frozen, messageExpression: "'frozen for ' + request.userInfo.username", reason: Forbidden}`,
	"admissionbinding": `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: irgit-freeze}, spec: {policyName: irgit-freeze, validationActions: [Deny, Audit]}}`,
	"pdb":              `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a, namespace: b}, spec: {minAvailable: 50%, selector: {matchLabels: {app: a}}}}`,
	"role":             `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: "system:a", namespace: b}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}`,
	"clusterrole":      `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}, rules: [{nonResourceURLs: [/metrics], verbs: [get]}]}`,
	"rolebinding":      `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: b}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}, subjects: [{kind: ServiceAccount, name: x, namespace: b}]}`,
	"authorizationpolicy": `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: irgit-deny-east-west, namespace: payments, labels: {app.kubernetes.io/managed-by: irgit}}
spec:
  action: DENY
  selector: {matchLabels: {app.kubernetes.io/name: payments}}
  rules:
    - from: [{source: {notPrincipals: [cluster.local/ns/istio-system/sa/gateway]}}]`,
	"authorizationpolicyhttp": `
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: deny-http, namespace: payments}
spec:
  action: DENY
  targetRefs: [{kind: Service, group: "", name: payments}]
  rules:
    - to: [{operation: {methods: [POST], paths: [/admin*, "*", "/a/{*}/b"], ports: ["8080"]}}]
      when: [{key: "request.headers[user-agent]", values: ["curl*"]}]`,
	"denyall":               `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: nothing, namespace: payments}, spec: {}}`,
	"peerauthentication":    `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: strict, namespace: payments}, spec: {mtls: {mode: STRICT}}}`,
	"requestauthentication": `{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: jwt, namespace: web}, spec: {selector: {matchLabels: {app: web}}, jwtRules: [{issuer: me, jwksUri: "https://a.example/k", timeout: 5s}]}}`,
	"virtualservice":        `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web, namespace: web}, spec: {hosts: [web], http: [{match: [{uri: {prefix: /a}}], timeout: 1s, route: [{destination: {host: web, port: {number: 80}}, weight: 100}]}]}}`,
	"destinationrule":       `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: web, namespace: web}, spec: {host: web, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1, connectTimeout: 30ms}}, outlierDetection: {interval: 5s}}}}`,
	"sidecar":               `{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: web, namespace: web}, spec: {workloadSelector: {labels: {app: web}}, egress: [{hosts: ["./*", "istio-system/*"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}`,
	"serviceentry":          `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: ext, namespace: web}, spec: {hosts: [a.example], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS, location: MESH_EXTERNAL}}`,
	"gateway":               `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gw, namespace: istio-system}, spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}}`,
	"envoyfilter":           `{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: f, namespace: web}, spec: {workloadSelector: {labels: {app: web}}, configPatches: [{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: INSERT_BEFORE, value: {name: x, typed_config: {a: [1]}}}}]}}`,
	"telemetry":             `{apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: watch, namespace: web}, spec: {selector: {matchLabels: {app: web}}, accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code >= 400"}}], tracing: [{randomSamplingPercentage: 100}]}}`,
	"flux": `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: irgit-20261123-payments, namespace: flux-system}
spec:
  interval: 10m
  retryInterval: 30s
  path: ./incident-response/prod-eu/x/contain
  prune: true
  wait: false
  sourceRef: {kind: GitRepository, name: flux-system}`,
	"kustomization":    `{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, resources: [a.yaml], transformers: [../hook], images: [{name: a, newTag: b}], patches: [{path: x.yaml, target: {kind: Deployment}}]}`,
	"hook":             `{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, resources: []}`,
	"component":        `{apiVersion: kustomize.config.k8s.io/v1alpha1, kind: Component, patches: [{patch: "- op: remove\n  path: /x\n"}]}`,
	"patchtransformer": `{apiVersion: builtin, kind: PatchTransformer, metadata: {name: 20261123-payments-1}, target: {group: apps, version: v1, kind: Deployment, name: ^payments$, namespace: ^payments$}, patch: "spec:\n  paused: true\n"}`,
	"jsonpatch":        `{apiVersion: builtin, kind: PatchTransformer, metadata: {name: p2}, target: {kind: HorizontalPodAutoscaler, name: ^payments$}, patch: "- op: add\n  path: /spec/behavior\n  value: {}\n"}`,
}
