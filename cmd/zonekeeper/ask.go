package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// maxAnswer bounds what a command reads from a server.
const maxAnswer = 64 << 20

// get asks the server that --server names.
func (p *program) get(ctx context.Context, path, accept string) ([]byte, error) {
	address := p.config.Ask.Server + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", address, err)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask %s: it answered %s", address, answer.Status)
	}
	return body, nil
}

// askStatus reads a server's account of itself and the others.
func (p *program) askStatus(ctx context.Context) (status, error) {
	var s status
	body, err := p.get(ctx, "/api/v1/status", "application/json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("ask %s: this is not Zonekeeper's answer: %w", p.config.Ask.Server, err)
	}
	return s, nil
}

// askRows reads the table of servers.
func (p *program) askRows(ctx context.Context) (peerstore.View, error) {
	if p.config.Database.URL == "" {
		return peerstore.View{}, usageError{"whom to ask? set --server to a running server, or --db-url to the database"}
	}
	db, err := openDatabase(ctx, p.config, p.log)
	if err != nil {
		return peerstore.View{}, err
	}
	defer db.Close()
	view, err := db.store.Rows(ctx, p.config.Cluster)
	if err != nil {
		return peerstore.View{}, asked("read the servers", err)
	}
	return view, nil
}

var errNotFound = errors.New("not found")

// age writes how long ago something was, in the units people use.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	default:
		return d.Round(time.Minute).String()
	}
}
