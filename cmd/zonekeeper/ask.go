package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// maxAnswer bounds what a command reads from a server.
const maxAnswer = 64 << 20

// get asks the server that --server names.
func (p *program) get(ctx context.Context, path, accept string) ([]byte, error) {
	return p.call(ctx, http.MethodGet, path, accept)
}

// call asks the server that --server names for something, or to do something.
func (p *program) call(ctx context.Context, method, path, accept string) ([]byte, error) {
	body, err := callServer(ctx, p.config.Ask.Server, method, path, accept)
	if err != nil && speaksNoHTTP(err) {
		example := "http://" + net.JoinHostPort(hostOf(p.config.Ask.Server), "8761")
		return nil, fmt.Errorf("%w: nothing speaks HTTP there; --server wants a server's HTTP address, such as %s", err, example)
	}
	return body, err
}

// speaksNoHTTP reports whether a call failed in the way in which it does at the port of another protocol, such as our own name server's.
func speaksNoHTTP(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || strings.Contains(err.Error(), "malformed HTTP") // net/http has no error value for it
}

// callServer asks a server, which is scheme, host and port.
func callServer(ctx context.Context, server, method, path, accept string) ([]byte, error) {
	address := server + path
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok {
			err = named.Err // the address is said once
		}
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", address, err)
	case answer.StatusCode == http.StatusNotFound:
		return nil, absentError{fmt.Sprintf("ask %s: it answered %s%s", address, answer.Status, detailOf(body))}
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask %s: it answered %s%s", address, answer.Status, detailOf(body))
	}
	return body, nil
}

// detailOf is the sentence of a problem document, to be put behind a status.
func detailOf(body []byte) string {
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
		return ""
	}
	return ": " + problem.Detail
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
	return s, p.sameCluster(s.Peer.Cluster)
}

// sameCluster refuses a --cluster that the server which was asked does not belong to: it knows no other than its own.
func (p *program) sameCluster(its string) error {
	if p.loaded.origins["cluster"] == "default" || its == "" || its == p.config.Cluster {
		return nil
	}
	return usageError{fmt.Sprintf("%s belongs to cluster %q: leave --cluster out, or ask a server of %q", p.config.Ask.Server, its, p.config.Cluster)}
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
		return peerstore.View{}, fmt.Errorf("%w; or ask a server: --server http://HOST:8761", asked("read the servers", err))
	}
	if view.ClusterUUID == "" {
		return peerstore.View{}, fmt.Errorf("cluster %q: %w; no server ever registered in the database under this name", p.config.Cluster, errNotFound)
	}
	return view, nil
}

var errNotFound = errors.New("not found")

// absentError is a server's word that something is not there. It is errNotFound.
type absentError struct{ text string }

func (e absentError) Error() string        { return e.text }
func (e absentError) Is(target error) bool { return target == errNotFound }

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
