package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/clientcfg"
)

// follow keeps every list that the server tells clients. What it misses while the server is stopped it gets afterwards.
func (s *member) follow() {
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	var done sync.WaitGroup
	done.Go(func() {
		tag := ""
		for ctx.Err() == nil {
			list, etag, err := watchOnce(ctx, client, s.base, tag)
			switch {
			case err == nil && etag != tag:
				tag = etag
				s.mu.Lock()
				s.views = append(s.views, view{time.Now(), list})
				s.mu.Unlock()
			case err != nil:
				select {
				case <-ctx.Done():
				case <-s.exited:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
	})
	s.t.Cleanup(func() {
		stop()
		done.Wait()
		transport.CloseIdleConnections()
		s.check()
	})
}

func watchOnce(ctx context.Context, client *http.Client, base, tag string) ([]string, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/zone/watch?wait=30s", nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("If-None-Match", cmp.Or(tag, `"none"`))
	answer, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, "", err
	case answer.StatusCode == http.StatusNotModified:
		return nil, tag, nil
	case answer.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("%s: %s", answer.Status, text)
	}
	var list clientcfg.ServerList
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, "", err
	}
	var urls []string
	for _, one := range list.Servers {
		urls = append(urls, one.URL)
	}
	return sorted(urls), answer.Header.Get("ETag"), nil
}

// check holds for every server in every test: an address stands once in a list, and a list that had somebody is never empty.
func (s *member) check() {
	full := false
	for _, v := range s.seen() {
		full = full || len(v.urls) > 0
		require.False(s.t, full && len(v.urls) == 0, "%s told clients an empty list", s.base)
		require.Len(s.t, slices.Compact(slices.Clone(v.urls)), len(v.urls), "%s lists an address twice: %v", s.base, v.urls)
	}
}

func (s *member) seen() []view {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.views)
}

// zoneNow is the list that clients are told.
func (s *member) zoneNow() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.views) == 0 {
		return nil
	}
	return s.views[len(s.views)-1].urls
}

func (s *member) serves(url string) bool { return slices.Contains(s.zoneNow(), url) }

// listedSince and goneSince are when clients were first told a list with an address, or without it, after a moment.
func (s *member) listedSince(url string, since time.Time) (time.Time, bool) {
	return s.turned(url, since, true)
}
func (s *member) goneSince(url string, since time.Time) (time.Time, bool) {
	return s.turned(url, since, false)
}

func (s *member) turned(url string, since time.Time, listed bool) (time.Time, bool) {
	for _, v := range s.seen() {
		if v.at.After(since) && slices.Contains(v.urls, url) == listed {
			return v.at, true
		}
	}
	return time.Time{}, false
}

// A listing is a change of a server's list of peers to copy to: longer than what clients are told, and slower to remove.
type listing struct {
	at        time.Time
	url, peer string
	listed    bool
}

func (s *member) listings() (all []listing) {
	for _, l := range s.lines() {
		switch l.Message {
		case "peer listed":
			all = append(all, listing{l.Time, l.URL, l.Peer, true})
		case "peer no longer listed":
			all = append(all, listing{l.Time, l.URL, l.Peer, false})
		}
	}
	return all
}

// lists tells whether an address is on the list of peers.
func (s *member) lists(url string) bool {
	peers := make(map[string]bool)
	for _, l := range s.listings() {
		if l.url == url {
			peers[l.peer] = l.listed
		}
	}
	for _, listed := range peers {
		if listed {
			return true
		}
	}
	return false
}

// addedSince is when an address was put on the list of peers, after a moment.
func (s *member) addedSince(url string, since time.Time) (time.Time, bool) {
	for _, l := range s.listings() {
		if l.url == url && l.listed && l.at.After(since) {
			return l.at, true
		}
	}
	return time.Time{}, false
}

// droppedSince is when the last incarnation at an address left the list of peers, after a moment.
func (s *member) droppedSince(url string, since time.Time) (time.Time, bool) {
	peers := make(map[string]bool)
	for _, l := range s.listings() {
		switch {
		case l.url != url:
			continue
		case l.listed:
			peers[l.peer] = true
			continue
		}
		delete(peers, l.peer)
		if len(peers) == 0 && l.at.After(since) {
			return l.at, true
		}
	}
	return time.Time{}, false
}
