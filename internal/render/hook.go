package render

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// A hook's list of resources is edited as text: one line more or less, every
// other byte as it was. The list has one of two forms:
//
//	resources:
//	  # Deployment payments/payments
//	  - 20260102-payments-0a1b2c3d
//
// with an incident's entry below the comment of its workload, so that incidents
// of two workloads never insert at the same line, and behind those that the
// workload has, so that of two incidents the later one's patches win; or, in a hook that
// names no workloads, `resources: []`, which is filled in place. Where the
// comment is missing the entry carries it, in its sorted place, so that taking
// the entry away leaves nothing behind.

// maxLabels is how many workloads a new hook names, so that it stays readable.
const maxLabels = 200

// NewHook is the kustomization of a hook that lists nothing, with the comments
// of the workloads that it may get patches for.
func NewHook(workloads []fleet.Workload) []byte {
	var labels []string
	for _, w := range workloads {
		if patchable[kindOf(w.Ref())] != nil {
			labels = append(labels, "  "+workloadComment(w)+"\n")
		}
	}
	slices.Sort(labels)
	if labels = slices.Compact(labels); len(labels) > maxLabels {
		labels = nil
	}
	return []byte(hookStart + strings.Join(labels, ""))
}

const hookStart = `# irgit's hook: an incident's patches are listed under the workload they are for.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
sortOptions:
  order: fifo
resources:
`

// insertEntry adds an incident to a hook. An entry that is there already
// changes nothing. An error is a *fleet.HookError.
func insertEntry(file string, data []byte, comment, entry string) ([]byte, error) {
	h, err := parseHook(file, data)
	if err != nil {
		return nil, err
	}
	if slices.Contains(h.entries, entry) {
		return data, nil
	}
	if h.flow >= 0 {
		h.lines[h.flow] = flowList.ReplaceAllString(h.lines[h.flow], "${1}["+strings.Join(append(slices.Clone(h.entries), entry), ", ")+"]${3}")
	} else {
		at, line := h.place(comment), h.indent+"- "+entry
		if h.commented(comment) < 0 {
			line += " " + comment
		}
		h.insert(at, line)
	}
	return h.checked(append([]string{entry}, h.entries...))
}

// removeEntry takes an incident out of a hook; found is false when it is not
// in it.
func removeEntry(file string, data []byte, entry string) (out []byte, found bool, err error) {
	h, err := parseHook(file, data)
	if err != nil {
		return nil, false, err
	}
	i := slices.Index(h.entries, entry)
	if i < 0 {
		return data, false, nil
	}
	rest := slices.Delete(slices.Clone(h.entries), i, i+1)
	if h.flow >= 0 {
		h.lines[h.flow] = flowList.ReplaceAllString(h.lines[h.flow], "${1}["+strings.Join(rest, ", ")+"]${3}")
	} else {
		at := slices.IndexFunc(h.lines[h.from:h.to], func(l string) bool { return entryOf(l) == entry })
		if at < 0 {
			return nil, false, h.odd("the entry " + entry + " does not stand on a line of its own")
		}
		h.remove(h.from + at)
	}
	out, err = h.checked(rest)
	return out, true, err
}

var (
	flowList  = regexp.MustCompile(`^(resources:[ ]*)\[([^\[\]{}&*#'"]*)\]([ \t]*(#.*)?\r?\n?)$`)
	entryLine = regexp.MustCompile(`^[ ]*- +([^ #\r\n]+)[ \t]*(#.*)?\r?\n?$`)
	labelled  = regexp.MustCompile(`^[ ]*(- +[^ #\r\n]+ +)?(# [A-Za-z]+ [-a-z0-9.]+/[-a-z0-9.:]+)[ \t]*\r?\n?$`)
)

// commented is the line that holds the comment and nothing else, or -1.
func (h *hookText) commented(comment string) int {
	at := slices.IndexFunc(h.lines[h.from:h.to], func(l string) bool {
		label, alone := labelOf(l)
		return alone && label == comment
	})
	if at < 0 {
		return -1
	}
	return h.from + at
}

// place is the line to insert at: below the workload's comment and the entries
// that it has, so that what came last wins, else
// before the first comment that sorts behind it, else at the list's end.
func (h *hookText) place(comment string) int {
	if i := h.commented(comment); i >= 0 { // the comments may stand in any order
		for i++; i < h.to; i++ {
			if label, _ := labelOf(h.lines[i]); entryOf(h.lines[i]) == "" || label != "" && label != comment {
				break
			}
		}
		return i
	}
	last := h.from
	for i := h.from; i < h.to; i++ {
		label, _ := labelOf(h.lines[i])
		switch {
		case label > comment:
			return i
		case label != "" || entryOf(h.lines[i]) != "":
			last = i + 1
		}
	}
	return last
}

// insert puts a line before line i. Its ending is its neighbour's; a file
// without one at its end keeps it so.
func (h *hookText) insert(i int, line string) {
	before := h.lines[i-1]
	text := strings.TrimRight(before, "\r\n")
	ending := before[len(text):]
	if ending == "" {
		ending = "\n"
		if len(h.lines) > 1 && strings.HasSuffix(h.lines[0], "\r\n") {
			ending = "\r\n"
		}
		h.lines[i-1] += ending
		ending = ""
	}
	h.lines = slices.Insert(h.lines, i, line+ending)
}

func (h *hookText) remove(i int) {
	if line := h.lines[i]; strings.TrimRight(line, "\r\n") == line {
		h.lines[i-1] = strings.TrimRight(h.lines[i-1], "\r\n")
	}
	h.lines = slices.Delete(h.lines, i, i+1)
}

// checked reads the edited text again: the list must be the wanted one, in
// any order, and nothing else may differ.
func (h *hookText) checked(want []string) ([]byte, error) {
	out := []byte(strings.Join(h.lines, ""))
	again, err := parseHook(h.file, out)
	if err != nil {
		return nil, err
	}
	have := slices.Clone(again.entries)
	slices.Sort(have)
	slices.Sort(want)
	if !reflect.DeepEqual(have, want) && len(have)+len(want) > 0 {
		return nil, h.odd(fmt.Sprintf("after the edit it lists %d entries instead of %d", len(have), len(want)))
	}
	return out, nil
}

// hookChange is a change of a hook's file, none when nothing differs.
func hookChange(file string, before, after []byte) []gitops.Change {
	if bytes.Equal(before, after) {
		return nil
	}
	return []gitops.Change{{Path: file, Content: after}}
}
