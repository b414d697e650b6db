package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zonekeeper/zonekeeper/peerstore"
)

// Rows implements peerstore.Store. Ended rows are told for an hour. A standby's answer is refused with ErrNotPrimary.
func (s *Store) Rows(ctx context.Context, cluster string) (peerstore.View, error) {
	sql := s.sql.rows
	if s.noTimeline.Load() {
		sql = s.sql.rowsNoTimeline
	}
	view, err := s.readRows(ctx, sql, cluster)
	if err != nil && refusesTimeline(err) && s.noTimeline.CompareAndSwap(false, true) {
		if view, err = s.readRows(ctx, s.sql.rowsNoTimeline, cluster); err != nil {
			s.noTimeline.Store(false) // it was something else
		}
	}
	if err != nil {
		return peerstore.View{}, err
	}
	return view, nil
}

func (s *Store) readRows(ctx context.Context, sql, cluster string) (peerstore.View, error) {
	var view peerstore.View
	err := s.read(ctx, "read peers", func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, cluster)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scanRow(rows, cluster, &view); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return view, err
}

// scanRow reads one row of rowsSQL into the view.
func scanRow(rows pgx.Rows, cluster string, view *peerstore.View) error {
	var (
		inRecovery, present, preserving                           bool
		phase, namesrvPhase, addresses, status, unreachable, peer string
		digest, routesDigest                                      string
		startedAt, phaseAt                                        *time.Time
		ageMS, ttlMS                                              int64
		r                                                         peerstore.Row
	)
	err := rows.Scan(&inRecovery, &view.Timeline, &present, &view.ClusterUUID, &view.Version, &view.Outages,
		&peer, &r.Epoch, &phase, &namesrvPhase, &addresses, &r.Region, &r.Zone, &r.Host, &r.Peer.Version,
		&r.ProtoMin, &r.ProtoMax, &startedAt, &phaseAt, &r.Seq, &ageMS, &ttlMS, &status,
		&r.Stats.Applications, &r.Stats.Instances, &r.Stats.RegistryVersion, &digest, &preserving,
		&r.Stats.RenewsPerMinute, &r.Stats.PeersOK, &r.Stats.PeersTotal, &unreachable, &r.Stats.LagMS,
		&r.Stats.Brokers, &r.Stats.Topics, &routesDigest)
	switch {
	case err != nil:
		return err
	case inRecovery:
		return ErrNotPrimary
	case !present:
		return nil
	}
	r.ID, r.Cluster = peer, cluster
	r.Phase, r.NamesrvPhase = peerstore.Phase(phase), peerstore.Phase(namesrvPhase)
	r.Age, r.TTL = time.Duration(ageMS)*time.Millisecond, time.Duration(ttlMS)*time.Millisecond
	r.Grace = status == "grace"
	r.Live = r.Grace || status == "live"
	r.Stats.SelfPreservation = preserving
	if startedAt != nil {
		r.StartedAt = *startedAt
	}
	if phaseAt != nil {
		r.PhaseSince = *phaseAt
	}
	if unreachable != "" {
		r.Stats.Unreachable = strings.Split(unreachable, ",")
	}
	if err := r.Stats.Digest.UnmarshalText([]byte(digest)); err != nil {
		return fmt.Errorf("digest of peer %s: %w", peer, err)
	}
	if err := r.Stats.RoutesDigest.UnmarshalText([]byte(routesDigest)); err != nil {
		return fmt.Errorf("digest of the routes of peer %s: %w", peer, err)
	}
	if err := json.Unmarshal([]byte(addresses), &r.Addresses); err != nil {
		return fmt.Errorf("addresses of peer %s: %w", peer, err)
	}
	view.Rows = append(view.Rows, r)
	return nil
}

// refusesTimeline tells errors of a server that has no WAL functions, or keeps them from us, from errors of everything else.
func refusesTimeline(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "0A000", "42883", "42501", "55000": // not supported, no such function, no right, not in this state
		return true
	}
	return false
}
