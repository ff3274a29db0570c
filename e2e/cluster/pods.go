package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Node is the one that the cluster pretends to have, so that DaemonSets make a
// pod. Nothing runs on it.
const Node = "e2e-node"

// RunPods makes the node and, until the context ends, says of every pod that it
// runs and is ready, as soon as it is there.
func (c *Cluster) RunPods(ctx context.Context) error {
	set, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return err
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: Node}}
	if _, err := set.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make a node: %w", err)
	}
	run := func(o any) {
		if pod, ok := o.(*corev1.Pod); ok && pod.Status.Phase == corev1.PodPending && pod.DeletionTimestamp == nil {
			// A conflict or a pod that is gone: the next event tells.
			_, _ = set.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, running(pod), metav1.PatchOptions{}, "status")
		}
	}
	factory := informers.NewSharedInformerFactory(set, 10*time.Second)
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: run, UpdateFunc: func(_, o any) { run(o) }})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return nil
}

// running is the status that a kubelet gives a pod whose containers are ready.
func running(pod *corev1.Pod) []byte {
	now := metav1.Now()
	status := corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &now}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady, corev1.PodScheduled} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		panic(err) // plain values
	}
	return patch
}
