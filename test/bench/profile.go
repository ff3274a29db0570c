package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// processor is the time that this process has computed for, on all cores, its
// git servers not counted. Unlike the clock it hardly tells what else the
// machine does.
func processor() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// spent is what something took: by the clock, and of the processors.
type spent struct{ clock, processor time.Duration }

func (s *spent) begin() { *s = spent{time.Duration(time.Now().UnixNano()), processor()} }

func (s *spent) end() {
	*s = spent{time.Duration(time.Now().UnixNano()) - s.clock, processor() - s.processor}
}

func (s spent) String() string { return fmt.Sprintf("%s, processor %s", ms(s.clock), ms(s.processor)) }

// profiled runs work, and keeps profiles of it where the run was asked for
// them: name.cpu of all of it, name.heap of what there is at its end.
func (b *suite) profiled(name string, work func() error) error {
	if b.profiles == "" {
		return work()
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return err
	}
	cpu, err := os.Create(filepath.Join(b.profiles, name+".cpu"))
	if err != nil {
		return err
	}
	defer func() { _ = cpu.Close() }()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return fmt.Errorf("profile %s: %w", name, err)
	}
	err = work()
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	heap, err := os.Create(filepath.Join(b.profiles, name+".heap"))
	if err != nil {
		return err
	}
	runtime.GC()
	return errors.Join(pprof.WriteHeapProfile(heap), heap.Close())
}
