package validate

// enums are the values that the API server's own code accepts where the
// published OpenAPI has free text: by definition (less "io.k8s.api.") and field.
// A field that is a list has the values for its items.
var enums = map[string]map[string][]any{
	"io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {"operator": {"In", "NotIn", "Exists", "DoesNotExist"}},

	"admissionregistration.v1.ValidatingAdmissionPolicySpec":        {"failurePolicy": {"Fail", "Ignore"}},
	"admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec": {"validationActions": {"Deny", "Warn", "Audit"}},
	"admissionregistration.v1.MatchResources":                       {"matchPolicy": {"Exact", "Equivalent"}},
	"admissionregistration.v1.NamedRuleWithOperations":              {"operations": {"CREATE", "UPDATE", "DELETE", "CONNECT", "*"}, "scope": {"Cluster", "Namespaced", "*"}},
	"admissionregistration.v1.Validation":                           {"reason": {"Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge"}},

	"networking.v1.NetworkPolicySpec": {"policyTypes": {"Ingress", "Egress"}},
	"networking.v1.NetworkPolicyPort": {"protocol": protocols},
	"networking.v1.HTTPIngressPath":   {"pathType": {"Exact", "Prefix", "ImplementationSpecific"}},

	"autoscaling.v2.HPAScalingRules":  {"selectPolicy": {"Max", "Min", "Disabled"}},
	"autoscaling.v2.HPAScalingPolicy": {"type": {"Pods", "Percent"}},
	"autoscaling.v2.MetricSpec":       {"type": {"Object", "Pods", "Resource", "ContainerResource", "External"}},
	"autoscaling.v2.MetricTarget":     {"type": {"Utilization", "Value", "AverageValue"}},

	"apps.v1.DeploymentStrategy":                              {"type": {"Recreate", "RollingUpdate"}},
	"apps.v1.StatefulSetUpdateStrategy":                       {"type": {"RollingUpdate", "OnDelete"}},
	"apps.v1.DaemonSetUpdateStrategy":                         {"type": {"RollingUpdate", "OnDelete"}},
	"apps.v1.StatefulSetSpec":                                 {"podManagementPolicy": {"OrderedReady", "Parallel"}},
	"apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": {"whenDeleted": {"Retain", "Delete"}, "whenScaled": {"Retain", "Delete"}},

	"batch.v1.CronJobSpec": {"concurrencyPolicy": {"Allow", "Forbid", "Replace"}},
	"batch.v1.JobSpec":     {"completionMode": {"NonIndexed", "Indexed"}, "podReplacementPolicy": {"TerminatingOrFailed", "Failed"}},

	"policy.v1.PodDisruptionBudgetSpec": {"unhealthyPodEvictionPolicy": {"IfHealthyBudget", "AlwaysAllow"}},

	"rbac.v1.RoleRef": {"kind": {"Role", "ClusterRole"}, "apiGroup": {"rbac.authorization.k8s.io"}},
	"rbac.v1.Subject": {"kind": {"User", "Group", "ServiceAccount"}},

	"core.v1.Container":          {"imagePullPolicy": pulls, "terminationMessagePolicy": messages},
	"core.v1.EphemeralContainer": {"imagePullPolicy": pulls, "terminationMessagePolicy": messages},
	"core.v1.ContainerPort":      {"protocol": protocols},
	"core.v1.HTTPGetAction":      {"scheme": {"HTTP", "HTTPS"}},
	"core.v1.ServicePort":        {"protocol": protocols},
	"core.v1.ServiceSpec": {
		"type":            {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"},
		"sessionAffinity": {"None", "ClientIP"}, "externalTrafficPolicy": {"Cluster", "Local"}, "internalTrafficPolicy": {"Cluster", "Local"},
		"ipFamilies": {"IPv4", "IPv6"}, "ipFamilyPolicy": {"SingleStack", "PreferDualStack", "RequireDualStack"},
	},
	"core.v1.PodSpec": {
		"restartPolicy": {"Always", "OnFailure", "Never"}, "dnsPolicy": {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"},
		"preemptionPolicy": {"PreemptLowerPriority", "Never"},
	},
	"core.v1.Toleration":                {"operator": {"Exists", "Equal"}, "effect": effects},
	"core.v1.Taint":                     {"effect": effects},
	"core.v1.NodeSelectorRequirement":   {"operator": {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"}},
	"core.v1.TopologySpreadConstraint":  {"whenUnsatisfiable": {"DoNotSchedule", "ScheduleAnyway"}},
	"core.v1.SeccompProfile":            {"type": {"RuntimeDefault", "Unconfined", "Localhost"}},
	"core.v1.AppArmorProfile":           {"type": {"RuntimeDefault", "Unconfined", "Localhost"}},
	"core.v1.ResourceQuotaSpec":         {"scopes": {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"}},
	"core.v1.PersistentVolumeClaimSpec": {"accessModes": accessModes, "volumeMode": {"Filesystem", "Block"}},
}

var (
	protocols   = []any{"TCP", "UDP", "SCTP"}
	pulls       = []any{"Always", "IfNotPresent", "Never"}
	messages    = []any{"File", "FallbackToLogsOnError"}
	effects     = []any{"NoSchedule", "PreferNoSchedule", "NoExecute"}
	accessModes = []any{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"}
)

// definitionChecks run over built-in objects of the right shape: by definition,
// less "io.k8s.api." or "io.k8s.apimachinery.pkg.apis.".
var definitionChecks = map[string][]check{
	"meta.v1.ObjectMeta":    {checkObjectMeta},
	"meta.v1.LabelSelector": {checkLabelSelector},

	"admissionregistration.v1.ValidatingAdmissionPolicySpec":        {checkAdmissionPolicy},
	"admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec": {checkAdmissionBinding},
	"admissionregistration.v1.NamedRuleWithOperations":              {checkResourceRule},
	"admissionregistration.v1.MatchCondition":                       {checkMatchCondition},
	"admissionregistration.v1.Validation":                           {checkValidation},
	"admissionregistration.v1.Variable":                             {checkAdmissionVariable},

	"networking.v1.NetworkPolicyPort": {checkPolicyPort},
	"networking.v1.NetworkPolicyPeer": {checkPolicyPeer},
	"networking.v1.IPBlock":           {checkIPBlock},

	"autoscaling.v1.HorizontalPodAutoscalerSpec": {checkAutoscaler},
	"autoscaling.v2.HorizontalPodAutoscalerSpec": {checkAutoscaler},
	"autoscaling.v2.HPAScalingRules":             {checkScalingRules},
	"autoscaling.v2.HPAScalingPolicy":            {checkScalingPolicy},
	"policy.v1.PodDisruptionBudgetSpec":          {checkDisruptionBudget},

	"apps.v1.DeploymentSpec":            {checkWorkload, checkRecreate},
	"apps.v1.StatefulSetSpec":           {checkWorkload},
	"apps.v1.DaemonSetSpec":             {checkWorkload},
	"apps.v1.ReplicaSetSpec":            {checkWorkload},
	"batch.v1.JobSpec":                  {checkJob},
	"batch.v1.CronJobSpec":              {checkSchedule},
	"core.v1.PodSpec":                   {checkPod},
	"core.v1.PersistentVolumeClaimSpec": {checkClaim},
	"core.v1.ResourceQuotaSpec":         {checkQuota},
	"core.v1.LimitRangeItem":            {checkLimits},
	"core.v1.ServiceSpec":               {checkService},
	"core.v1.Container":                 {checkContainer},
	"core.v1.ContainerPort":             {portRange("containerPort", "hostPort")},
	"rbac.v1.PolicyRule":                {checkPolicyRule},
	"rbac.v1.Subject":                   {checkSubject},
}

// kindChecks run over whole objects of custom and build kinds, by group and kind.
var kindChecks = map[string][]check{
	"security.istio.io/AuthorizationPolicy":     {checkIstioTarget, checkAuthorizationPolicy},
	"security.istio.io/PeerAuthentication":      {checkIstioTarget, checkPeerAuthentication},
	"security.istio.io/RequestAuthentication":   {checkIstioTarget},
	"telemetry.istio.io/Telemetry":              {checkIstioTarget},
	"extensions.istio.io/WasmPlugin":            {checkIstioTarget},
	"networking.istio.io/Sidecar":               {checkSidecar},
	"networking.istio.io/ServiceEntry":          {checkServiceEntry},
	"networking.istio.io/VirtualService":        {checkVirtualService},
	"cilium.io/CiliumNetworkPolicy":             {checkCiliumPolicy},
	"cilium.io/CiliumClusterwideNetworkPolicy":  {checkCiliumPolicy},
	"projectcalico.org/NetworkPolicy":           {checkCalicoPolicy},
	"projectcalico.org/GlobalNetworkPolicy":     {checkCalicoPolicy},
	"projectcalico.org/NetworkSet":              {checkNetworkSet},
	"projectcalico.org/GlobalNetworkSet":        {checkNetworkSet},
	"projectcalico.org/Tier":                    {checkTier},
	"crd.projectcalico.org/NetworkPolicy":       {checkCalicoPolicy},
	"crd.projectcalico.org/GlobalNetworkPolicy": {checkCalicoPolicy},
	"crd.projectcalico.org/NetworkSet":          {checkNetworkSet},
	"crd.projectcalico.org/GlobalNetworkSet":    {checkNetworkSet},
	"crd.projectcalico.org/Tier":                {checkTier},
	"keda.sh/ScaledObject":                      {checkScaledObject},
	"keda.sh/ScaledJob":                         {checkScaledJob},
	"argoproj.io/Rollout":                       {checkRollout},
	"argoproj.io/Application":                   {checkApplication},
	"argoproj.io/AppProject":                    {checkAppProject},
	"builtin/PatchTransformer":                  {checkPatchTransformer},
}

// embedded are fields of spec, by group and kind, that hold what a built-in kind
// holds, and whose controllers ask of them what an API server asks there.
var embedded = map[string]struct{ field, definition string }{
	"argoproj.io/Rollout": {"template", "io.k8s.api.core.v1.PodTemplateSpec"},
	"keda.sh/ScaledJob":   {"jobTargetRef", "io.k8s.api.batch.v1.JobSpec"},
}
