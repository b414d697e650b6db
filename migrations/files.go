package migrations

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.sql
var embedded embed.FS

// sqlFiles are the embedded migrations with the schema of one installation written into them. Every migration runs in a transaction
// of its own, so SET LOCAL lasts exactly as long as it must, on whichever connection goose takes, even behind a pooler.
type sqlFiles struct {
	embed.FS
	schema string
}

// Open returns the file with search_path set at the head of both its directions.
func (f sqlFiles) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := f.FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return renderedFile{File: file, Reader: strings.NewReader(f.render(string(text)))}, nil
}

// ReadFile is what fs.ReadFile asks instead of Open.
func (f sqlFiles) ReadFile(name string) ([]byte, error) {
	text, err := f.FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return []byte(f.render(string(text))), nil
}

func (f sqlFiles) render(text string) string {
	set := fmt.Sprintf("\nSET LOCAL search_path TO %s, pg_temp;", f.schema)
	return strings.NewReplacer("-- +goose Up", "-- +goose Up"+set, "-- +goose Down", "-- +goose Down"+set).Replace(text)
}

type renderedFile struct {
	fs.File
	*strings.Reader
}

func (f renderedFile) Read(p []byte) (int, error) { return f.Reader.Read(p) }

// upSQL returns the text that applies one migration, without goose's marks.
func upSQL(text []byte) string {
	_, text, _ = bytes.Cut(text, []byte("-- +goose Up\n"))
	text, _, _ = bytes.Cut(text, []byte("-- +goose Down"))
	var out strings.Builder
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("-- +goose ")) {
			out.Write(line)
		}
	}
	return strings.TrimSpace(out.String()) + "\n"
}
