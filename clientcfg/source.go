package clientcfg

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Source knows where the servers are: a database, the servers themselves, a
// file, or a fixed list.
//
// Servers returns the list as it is now. It may block until ctx ends, and is
// called by one goroutine at a time. A source that can be reached but knows
// nobody returns ErrNoServers or an empty list.
type Source interface {
	Servers(ctx context.Context) (ServerList, error)
}

// Watcher is a Source that can also wait for a change.
type Watcher interface {
	Source
	// Watch returns the list when it is no longer the one with this entity
	// tag, or as it is after a bound of the source's own (half a minute or
	// so). An error means that nothing is known about now.
	Watch(ctx context.Context, etag string) (ServerList, error)
}

// Learner is a Source that wants to be told which list a Client took,
// whichever source it came from: HTTPSource asks those servers first from then
// on, FileSource writes them down.
type Learner interface {
	Source
	Learn(ServerList) error
}

// Fixed is a Source that always answers with these servers; for tests, and for
// setups where one name never changes.
type Fixed []Server

// Servers returns them.
func (f Fixed) Servers(context.Context) (ServerList, error) {
	if len(f) == 0 {
		return ServerList{}, ErrNoServers
	}
	return ServerList{Servers: slices.Clone(f)}, nil
}

// Sources returns a source that asks the given ones in order and answers with
// the first list that is not empty. Put the servers themselves first, an
// HTTPSource, then the database, which thus is only asked while no server that
// is known answers, and a FileSource last. It watches through the first of them
// that can watch and answers, and tells all of them what was learned.
func Sources(sources ...Source) Source { return chain(sources) }

type chain []Source

func (c chain) Servers(ctx context.Context) (ServerList, error) {
	if len(c) == 0 {
		return ServerList{}, ErrNoServers
	}
	return c.first(func(s Source) (ServerList, error) { return s.Servers(ctx) })
}

// Watch waits with the first source that can. If the sources before it cannot
// watch, a change that only they know is seen at the client's next refresh.
func (c chain) Watch(ctx context.Context, etag string) (ServerList, error) {
	return c.first(func(s Source) (ServerList, error) {
		if w, ok := s.(Watcher); ok {
			return w.Watch(ctx, etag)
		}
		return ServerList{}, errCannotWatch
	})
}

func (c chain) Learn(l ServerList) error {
	var errs []error
	for _, s := range c {
		if k, ok := s.(Learner); ok {
			errs = append(errs, k.Learn(l))
		}
	}
	return errors.Join(errs...)
}

// first asks one source after the other until one names somebody.
func (c chain) first(ask func(Source) (ServerList, error)) (ServerList, error) {
	var errs []error
	for _, s := range c {
		l, err := ask(s)
		if err == nil && l.Empty() {
			err = ErrNoServers
		}
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, errCannotWatch) {
			errs = append(errs, fmt.Errorf("%T: %w", s, err))
		}
	}
	if len(errs) == 0 {
		return ServerList{}, errCannotWatch
	}
	return ServerList{}, errors.Join(errs...)
}

// errCannotWatch is for chains none of whose sources can watch: the client then
// just refreshes on its interval.
var errCannotWatch = errors.New("the source cannot watch")
