//go:build unix && !linux

package localpg

import "syscall"

// dieWithUs is Linux's alone; elsewhere the guard has to do.
func dieWithUs(*syscall.SysProcAttr) {}
