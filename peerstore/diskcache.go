package peerstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	listFile   = "list.json"
	secretFile = "secret.json"

	maxCacheBytes = 4 << 20
	maxCacheAge   = 7 * 24 * time.Hour
	maxCachePeers = 10_000
)

// ErrBadCache says that a cache file cannot be used: torn, foreign, or too old. Whoever gets it goes on without the file.
var ErrBadCache = errors.New("unusable cache file")

// A DiskCache keeps the last good list and the cluster's secret in a directory, for starts without the database. Files are replaced
// as a whole and end in a checksum, so a crash leaves the old one or the new one. One process may use a directory at a time.
type DiskCache struct {
	dir string
}

// A SavedList is what list.json holds.
type SavedList struct {
	Cluster     string    `json:"cluster"`
	ClusterUUID string    `json:"clusterUuid"`
	Timeline    string    `json:"timeline,omitempty"`
	Version     int64     `json:"version"`
	SavedAt     time.Time `json:"savedAt"` // by this machine's clock; used for nothing but the age limit
	Peers       []Peer    `json:"peers"`
}

// A SavedSecret is what secret.json holds.
type SavedSecret struct {
	Cluster     string `json:"cluster"`
	ClusterUUID string `json:"clusterUuid"`
	Secret      []byte `json:"secret"`
}

// NewDiskCache uses dir, which it creates when it first saves.
func NewDiskCache(dir string) *DiskCache { return &DiskCache{dir: dir} }

// Dir is the directory.
func (c *DiskCache) Dir() string { return c.dir }

// SaveList replaces the list.
func (c *DiskCache) SaveList(l SavedList) error { return c.save(listFile, l) }

// LoadList returns the last list of this cluster. It gives fs.ErrNotExist when there is none, ErrBadCache when it cannot be
// used: torn, of another cluster, or more than seven days older than now.
func (c *DiskCache) LoadList(cluster string, now time.Time) (SavedList, error) {
	text, err := c.load(listFile)
	if err != nil {
		return SavedList{}, err
	}
	l, err := DecodeList(text)
	switch {
	case err != nil:
		return SavedList{}, fmt.Errorf("load %s: %w", listFile, err)
	case l.Cluster != cluster:
		return SavedList{}, fmt.Errorf("load %s: %w: of cluster %q", listFile, ErrBadCache, l.Cluster)
	case now.Sub(l.SavedAt) > maxCacheAge:
		return SavedList{}, fmt.Errorf("load %s: %w: from %s", listFile, ErrBadCache, l.SavedAt.Format(time.RFC3339))
	}
	return l, nil
}

// SaveSecret replaces the secret. Only the owner of the file may read it.
func (c *DiskCache) SaveSecret(s SavedSecret) error { return c.save(secretFile, s) }

// LoadSecret returns the secret of this cluster, with errors as LoadList. It has no age limit.
func (c *DiskCache) LoadSecret(cluster string) (SavedSecret, error) {
	text, err := c.load(secretFile)
	if err != nil {
		return SavedSecret{}, err
	}
	var s SavedSecret
	if err := unseal(text, &s); err != nil {
		return SavedSecret{}, fmt.Errorf("load %s: %w", secretFile, err)
	}
	if s.Cluster != cluster || s.ClusterUUID == "" || len(s.Secret) == 0 {
		return SavedSecret{}, fmt.Errorf("load %s: %w: of cluster %q", secretFile, ErrBadCache, s.Cluster)
	}
	return s, nil
}

// DecodeList reads the text of a list.json. Every error is an ErrBadCache.
func DecodeList(text []byte) (SavedList, error) {
	var l SavedList
	if err := unseal(text, &l); err != nil {
		return SavedList{}, err
	}
	if len(l.Peers) > maxCachePeers {
		return SavedList{}, fmt.Errorf("%w: %d peers, limit %d", ErrBadCache, len(l.Peers), maxCachePeers)
	}
	for _, p := range l.Peers {
		if err := p.check(); err != nil {
			return SavedList{}, fmt.Errorf("%w: %w", ErrBadCache, err)
		}
	}
	return l, nil
}

// AppendList appends the text of a list.json.
func AppendList(dst []byte, l SavedList) ([]byte, error) { return seal(dst, l) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends v as one line of JSON and a line with its checksum.
func seal(dst []byte, v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	dst = append(append(dst, line...), '\n')
	return fmt.Appendf(dst, "crc32c %08x\n", crc32.Checksum(line, castagnoli)), nil
}

// unseal is the inverse of seal.
func unseal(text []byte, v any) error {
	line, rest, ok := bytes.Cut(text, []byte("\n"))
	sum, okSum := bytes.CutPrefix(bytes.TrimSuffix(rest, []byte("\n")), []byte("crc32c "))
	if !ok || !okSum {
		return fmt.Errorf("%w: no checksum line", ErrBadCache)
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != crc32.Checksum(line, castagnoli) {
		return fmt.Errorf("%w: wrong checksum", ErrBadCache)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%w: %w", ErrBadCache, err)
	}
	return nil
}

func (c *DiskCache) load(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(c.dir, name))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCacheBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("load %s: %w", name, err)
	case len(text) > maxCacheBytes:
		return nil, fmt.Errorf("load %s: %w: above %d bytes", name, ErrBadCache, maxCacheBytes)
	}
	return text, nil
}

// save writes a file of mode 0600 beside the old one, forces it to the disk, and puts it in the old one's place.
func (c *DiskCache) save(name string, v any) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("save %s: %w", name, err)
		}
	}()
	text, err := seal(nil, v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, name+".*.tmp") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), filepath.Join(c.dir, name)); err != nil {
		return err
	}
	return syncDir(c.dir)
}

// syncDir makes a rename survive a power cut, where directories can be synced at all.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
