package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a name server under test.
type server struct {
	name string
	addr string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start runs a program that will listen on addr and waits until it does. It dies with us; call it from a thread that
// lasts, for that is what the kernel watches.
func start(ctx context.Context, name, dir, addr string, args ...string) (*server, error) {
	s := &server{name: name, addr: addr, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	file, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = file, file
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			return s, nil
		}
		select {
		case <-s.done:
		case <-ctx.Done():
		default:
			if time.Now().Before(deadline) {
				continue
			}
		}
		text, _ := os.ReadFile(s.log)
		s.stop()
		return nil, fmt.Errorf("%s does not listen on %s:\n%s", name, addr, text)
	}
}

// stop ends the server and, should that take long, kills it with all it started.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(15 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.done
	}
}

// cpu returns the processor time that the server has used, in user and kernel mode.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name in parentheses; utime and stime are the 14th and 15th.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", s.cmd.Process.Pid, text)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick, nil
}

// rss returns the resident memory in MiB.
func (s *server) rss() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, _ := strconv.Atoi(f[1])
			return kib / 1024
		}
	}
	return 0
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startApache starts the Apache NameServer with the heap that its users are told to give a small one.
func startApache(ctx context.Context, lib, dir string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "namesrv.properties")
	if err := os.WriteFile(file, fmt.Appendf(nil, "listenPort=%d\n", port), 0o644); err != nil {
		return nil, err
	}
	return start(ctx, "apache", dir, fmt.Sprintf("127.0.0.1:%d", port),
		"java", "-server", "-Xms2g", "-Xmx2g", "-XX:MetaspaceSize=128m", "-XX:MaxMetaspaceSize=320m",
		"-Duser.home="+dir, "-Drocketmq.home.dir="+dir, "-cp", filepath.Join(lib, "*"),
		"org.apache.rocketmq.namesrv.NamesrvStartup", "-c", file)
}

// startZonekeeper starts a cluster of one server, with the PostgreSQL that dev brings along.
func startZonekeeper(ctx context.Context, binary, dir string) (*server, error) {
	web, err := freePort()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, "zonekeeper", dir, fmt.Sprintf("127.0.0.1:%d", port),
		binary, "dev", "--nodes", "1", "--base-port", strconv.Itoa(web), "--namesrv-base-port", strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	// It takes connections before it serves.
	for deadline := time.Now().Add(time.Minute); !ready(ctx, web); time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil || time.Now().After(deadline) {
			s.stop()
			return nil, errors.New("zonekeeper does not get ready")
		}
	}
	return s, nil
}

func ready(ctx context.Context, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", port), nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// processor names the machine in the report.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return fmt.Sprintf("%s, %d processors", strings.TrimSpace(value), runtime.NumCPU())
			}
		}
	}
	return fmt.Sprintf("%s, %d processors", runtime.GOARCH, runtime.NumCPU())
}
