// Package policy decides what to do about an alert and says why.
//
// [Load] parses response policies and reports every problem; [Set.Match]
// takes an alert and the workload it hit and yields a [Decision]: the plan, or
// for every policy the first condition that failed. [CheckTarget] and
// [CheckObjects] are the floor: guardrails compiled in, which no policy and no
// configuration can loosen.
//
// Everything here is a function of its arguments; a Set is immutable and safe
// for concurrent use.
package policy
