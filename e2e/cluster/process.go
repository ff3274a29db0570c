package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// grace is what a process is given to end by itself.
const grace = 15 * time.Second

// process is a running program. It dies with the suite, however that ends.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{} // closed when it has ended
}

// run starts one of the programs, in a folder of its own for what it writes
// without being told where.
func (c *Cluster) run(name string, environ []string, args ...string) error {
	p := &process{name: name, log: filepath.Join(c.Dir, "logs", name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	home := filepath.Join(c.Dir, "home-"+name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p.cmd = exec.Command(filepath.Join(c.programs, name), args...) //nolint:noctx // Stop ends it, in order
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = home, out, out
	p.cmd.Env = append([]string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}, environ...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel ends the child with the thread that made it.
		runtime.LockOSThread()
		defer close(p.done)
		defer out.Close() //nolint:errcheck // a log
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.processes = append(c.processes, p)
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end, and ends it when it does not.
func (p *process) stop() error {
	if p.ended() {
		return fmt.Errorf("%s had ended before it was stopped: see %s", p.name, p.log)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
	return nil
}
