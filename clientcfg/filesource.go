package clientcfg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// FileSource is the last good list on disk, for the start of a process: it
// answers what an earlier one wrote. Put it last in Sources.
//
// It answers until it is told by Learn that there is a list. From then on it
// refuses: a Client keeps that list without it, and an answer would hide that
// no server and no database gives one.
type FileSource struct {
	path string

	mu   sync.Mutex
	last ServerList // as learned
	kept bool       // the file holds it
}

var errKeptInUse = errors.New("the kept server list is in use already")

// NewFileSource returns a source for this file. Neither it nor its directory
// need to exist.
func NewFileSource(path string) *FileSource { return &FileSource{path: path} }

// The first line of the file: what it is, and the sum of what follows.
const fileHead = "zonekeeper-servers 1 crc32c=%08x\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Servers returns the list. A file that is damaged, half written or of another
// kind is an error and never a list.
func (f *FileSource) Servers(context.Context) (ServerList, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.last.Empty() {
		return ServerList{}, errKeptInUse
	}
	l, err := readList(f.path)
	if err != nil {
		return ServerList{}, fmt.Errorf("read the kept server list: %w", err)
	}
	return l, nil
}

// Learn writes the list unless the file holds an equal one. The file is replaced
// in one step, so a crash leaves the old one or the new one.
func (f *FileSource) Learn(l ServerList) error {
	if l.Empty() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = f.kept && l.Equal(f.last)
	f.last = l
	if f.kept {
		return nil
	}
	body := l.Render(JSON, "")
	text := append(fmt.Appendf(nil, fileHead, crc32.Checksum(body, castagnoli)), body...)
	if err := replaceFile(f.path, text); err != nil {
		return fmt.Errorf("keep the server list: %w", err)
	}
	f.kept = true
	return nil
}

func readList(path string) (ServerList, error) {
	file, err := os.Open(path)
	if err != nil {
		return ServerList{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxListBytes+1))
	if err != nil {
		return ServerList{}, err
	}
	head, body, _ := bytes.Cut(text, []byte("\n"))
	var sum uint32
	if _, err := fmt.Sscanf(string(head)+"\n", fileHead, &sum); err != nil {
		return ServerList{}, fmt.Errorf("%s is not a kept server list", path)
	}
	if crc32.Checksum(body, castagnoli) != sum {
		return ServerList{}, fmt.Errorf("%s is damaged", path)
	}
	l, err := DecodeServerList(body)
	if err == nil && l.Empty() {
		err = ErrNoServers
	}
	return l, err
}

// replaceFile writes a neighbour, makes it durable, and renames it into place.
func replaceFile(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename durable. Systems whose directories cannot be synced
// lose no more than the last change.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
