//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// process returns a command in a process group of its own: a Ctrl-C in the terminal is for us, and we stop it when its turn has come.
func (a account) process(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	a.dress(cmd)
	cmd.SysProcAttr.Setpgid = true
	dieWithUs(cmd.SysProcAttr)
	return cmd
}

// command returns a short-lived command.
func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	a.dress(cmd)
	cmd.SysProcAttr.Setpgid = true
	return cmd
}

// signalStop sends postgres its words for it: SIGINT disconnects everybody and writes a checkpoint, SIGQUIT just ends.
func (p *process) signalStop(immediately bool) error {
	if immediately {
		return p.p.Signal(syscall.SIGQUIT)
	}
	return p.p.Signal(syscall.SIGINT)
}

// kill ends the whole process group.
func (p *process) kill() error {
	if err := syscall.Kill(-p.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// isAlive reports whether there is such a process, be it another user's.
func isAlive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// guard is a shell that outlives us by a moment. It reads a pipe whose other end only we hold, and on it the process to end. When we
// are gone, however we went, it ends that process and removes the directory if it is temporary.
type guard struct {
	pipe *os.File
	cmd  *exec.Cmd
}

const guardScript = `
trap '' INT TERM HUP QUIT
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
fi
[ "$2" = temporary ] && rm -rf -- "$1"
exit 0`

func watchUs(dir string, temporary bool) (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	kind := "kept"
	if temporary {
		kind = "temporary"
	}
	cmd := exec.Command("/bin/sh", "-c", guardScript, "zonekeeper-guard", dir, kind)
	cmd.Stdin = r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	r.Close()
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("start a guard for the database process: %w", err)
	}
	return &guard{pipe: w, cmd: cmd}, nil
}

// mind tells the guard which process to end when we are gone; 0 is none.
func (g *guard) mind(pid int) error {
	line := "\n"
	if pid != 0 {
		line = strconv.Itoa(pid) + "\n"
	}
	if _, err := g.pipe.WriteString(line); err != nil {
		return fmt.Errorf("guard of the database process: %w", err)
	}
	return nil
}

// end lets the guard finish, which ends the process it minds.
func (g *guard) end() error {
	g.pipe.Close()
	return g.cmd.Wait()
}

// own gives a path to the account.
func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// mayEnter reports, with the remedy, when the account cannot reach a directory because one above it is closed.
func (a account) mayEnter(dir string) error {
	if !a.other {
		return nil
	}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		need := os.FileMode(0o001)
		switch {
		case st.Uid == a.uid:
			need = 0o100
		case st.Gid == a.gid:
			need = 0o010
		}
		if info.Mode().Perm()&need == 0 {
			return fmt.Errorf("user %s, as whom PostgreSQL has to run for root, may not enter %s: use a directory elsewhere, such as /var/lib/zonekeeper", a.name, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// runAs decides who runs the server: we ourselves, or for root somebody else.
func runAs() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if a, err := lookup(name); err == nil {
			return a, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody")
}

// dress makes a command run as the account, with none of our environment that could lead it elsewhere.
func (a account) dress(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/"}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}
