package kustomize

import (
	"context"
	"fmt"
	"os"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxHeap is what the builds that run at one time may add to the live heap, in
// bytes. Past it they fail at the next file that they ask for. One that asks
// for none cannot be stopped: when it has added twice as much, or has reached
// the limit that the process was given (GOMEMLIMIT), the process ends itself
// and says why, before the system ends it without a word.
const maxHeap = 2 << 30

// samples is how often the heap is looked at while builds run.
const samples = 50 * time.Millisecond

// leastRoom is what is left to builds in a process that is at its limit.
const leastRoom = 128 << 20

var errTooLarge = fmt.Errorf("takes more memory to build than the %d GiB that are left to it, or half of what GOMEMLIMIT leaves: split it into several roots, or leave it out of .irgit.yaml", maxHeap>>30)

// watch looks at the heap while builds run, and costs nothing while none does.
type watch struct {
	most, last uint64               // see maxHeap: what builds may add until they fail, and until the process ends
	end        func(message string) // the process; does not return

	mu      sync.Mutex
	running map[*session]context.CancelCauseFunc
	timer   *time.Timer
	fails   uint64 // bytes of the live heap at which builds fail
	ends    uint64 // bytes of the heap, garbage included, at which the process ends
}

var memory = watch{most: maxHeap, last: 2 * maxHeap, running: map[*session]context.CancelCauseFunc{}, end: func(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}}

// begin watches a build, until done is called.
func (w *watch) begin(s *session, stop context.CancelCauseFunc) (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.running) == 0 {
		live, _, limit := heap()
		room := max(limit, live+leastRoom) - live
		w.fails, w.ends = live+min(w.most, room/2), live+min(w.last, room)
		w.timer = time.AfterFunc(samples, w.look)
	}
	w.running[s] = stop
	w.judge()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if delete(w.running, s); len(w.running) == 0 {
			w.timer.Stop()
		}
	}
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.running) > 0 {
		w.judge()
		w.timer.Reset(samples)
	}
}

// judge is called with the lock held, while builds run.
func (w *watch) judge() {
	live, all, _ := heap()
	if all > w.ends {
		var roots []string
		for s := range w.running {
			roots = append(roots, display(s.root))
		}
		slices.Sort(roots)
		w.end(fmt.Sprintf("irgit: the heap has grown to %d MiB while %s was built, past its limit of %d MiB, and the build cannot be stopped: leave that root out of .irgit.yaml, or split it",
			all>>20, strings.Join(roots, " or "), w.ends>>20))
	}
	if live >= w.fails {
		for _, stop := range w.running {
			stop(errTooLarge)
		}
	}
}

// heap is what the last collection found in use, what is there with garbage
// and stacks, and the limit of the process, in bytes.
func heap() (live, all, limit uint64) {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64() + s[2].Value.Uint64(), s[3].Value.Uint64()
}
