package localpg

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// process is a running postgres.
type process struct {
	pid   int
	ended chan struct{} // closed when it is gone
	p     *os.Process
}

// startProcess starts a program whose output goes to a file. It must end no later than we do: on Linux the kernel sees to it, and
// counts the death of the thread that started it as ours, so one thread does nothing else until the program ends.
func startProcess(who account, dir, logFile, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has its own
	cmd := who.process(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out

	started := make(chan error, 1)
	proc := &process{ended: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			proc.p, proc.pid = cmd.Process, cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(proc.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return proc, nil
}

// stop asks the server to end, without a checkpoint if nobody will need its data, and kills it when it does not.
func (p *process) stop(immediately bool) error {
	wait := 30 * time.Second
	if immediately {
		wait = 5 * time.Second
	}
	if err := p.signalStop(immediately); err != nil {
		wait = 0
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-p.ended:
		return nil
	case <-t.C:
	}
	if err := p.kill(); err != nil {
		return fmt.Errorf("stop local PostgreSQL: %w", err)
	}
	<-p.ended
	return nil
}
