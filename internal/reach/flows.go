package reach

import "slices"

// The addresses that stand for the internet in Flows: one for a server and one
// for a client, of those that are kept for documentation (RFC 5737).
const (
	InternetServer = "203.0.113.10"
	InternetClient = "198.51.100.10"
)

// Flows lists what is worth asking of any fleet, in a fixed order: every workload to every
// port of every Service's workloads, clients on the internet to Services that are open to it,
// probes, name resolution over UDP and TCP, and a server on the internet at port 443.
// Requests are left open, so that rules about them make answers unknown where a port speaks
// HTTP.
//
// A flow names its workloads, so that it can be asked of another Model of the
// same cluster too.
func (m *Model) Flows() (all []Flow) {
	workloads := m.sorted()
	return m.flows(workloads, func(Workload) []Workload { return workloads }, workloads)
}

// FlowsOf lists those of Flows that are from or to one workload. Their number
// grows with the fleet, not with its square.
func (m *Model) FlowsOf(w Workload) []Flow {
	workloads := m.sorted()
	return m.flows(workloads, func(to Workload) []Workload {
		if to == w {
			return workloads
		}
		return []Workload{w}
	}, []Workload{w})
}

// flows lists the flows to workloads from their callers, and those of some that
// go out. What leads to a workload from elsewhere is listed with all its callers.
func (m *Model) flows(workloads []Workload, callers func(to Workload) []Workload, out []Workload) (all []Flow) {
	for _, to := range workloads {
		from := callers(to)
		for _, called := range m.ports(to) {
			for _, from := range from {
				if from != to {
					all = append(all, called.from(Peer{Workload: from}))
				}
			}
			if called.open && slices.Contains(from, to) {
				all = append(all, called.from(Outside(InternetClient)))
			}
		}
		if !slices.Contains(from, to) {
			continue
		}
		for _, p := range m.workloads[to].probes {
			all = append(all, Flow{From: Peer{Node: true}, To: Peer{Workload: to}, Port: p.port, Protocol: p.protocol})
		}
	}
	for _, w := range out {
		for _, protocol := range []string{"UDP", "TCP"} {
			all = append(all, Flow{From: Peer{Workload: w}, To: Peer{DNS: true}, Port: 53, Protocol: protocol})
		}
		all = append(all, Flow{From: Peer{Workload: w}, To: Outside(InternetServer), Port: 443, Protocol: "TCP"})
	}
	return all
}

// called is a port of a workload with a Service that leads to it.
type called struct {
	flow Flow
	open bool // the Service is open to what is outside of the cluster
}

func (c called) from(p Peer) Flow {
	c.flow.From = p
	return c.flow
}

func (m *Model) ports(w Workload) (all []called) {
	p := m.workloads[w]
	for _, s := range m.services {
		if s.selects(p).value != isYes {
			continue
		}
		for _, port := range s.spec.Ports {
			if target, ok := port.target(p); ok {
				all = append(all, called{
					flow: Flow{To: Peer{Workload: w}, Port: target, Protocol: orTCP(port.Protocol), Service: Service{s.namespace, s.name, port.Port}},
					open: slices.Contains([]string{"LoadBalancer", "NodePort"}, s.spec.Type),
				})
			}
		}
	}
	return all
}
