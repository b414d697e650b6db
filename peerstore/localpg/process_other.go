//go:build !unix

package localpg

import (
	"context"
	"os"
	"os/exec"
)

// Systems other than Unix have no signals for postgres and no shell that watches us: Stop kills, and a crash of ours leaves the
// server running.

func (a account) process(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, name, args...)
}

func (p *process) signalStop(bool) error { return p.p.Kill() }

func (p *process) kill() error { return p.p.Kill() }

func isAlive(pid int) bool {
	_, err := os.FindProcess(pid) // on Windows it opens the process
	return err == nil
}

type guard struct{}

func watchUs(string, bool) (*guard, error) { return &guard{}, nil }

func (*guard) mind(int) error { return nil }

func (*guard) end() error { return nil }

func (a account) own(string) error { return nil }

func (a account) mayEnter(string) error { return nil }

func runAs() (account, error) { return account{}, nil }
