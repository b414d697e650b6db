package rocketmq

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// connected says whether a process has an established TCP connection to the port: what the kernel knows, not what either
// side says. It is how the test learns that a broker found a name server.
func connected(pid, port int) bool {
	inodes := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "net", table))
		if err != nil {
			return false
		}
		for _, line := range strings.Split(string(text), "\n") {
			// sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "01" && strings.HasSuffix(f[2], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return false
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && inodes[target] {
			return true
		}
	}
	return false
}
