package localpg

import "syscall"

// dieWithUs has the kernel end the program when we end, even by SIGKILL. SIGINT is postgres's fast shutdown.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }
