package pgstore

import "strings"

// queries are the statements for one schema. Parameters are cast where they stand, because without prepared statements they travel
// as text.
type queries struct {
	register, asyncCommit, heartbeat, setPhase, setNamesrvPhase, evict, declareOutage string
	prune, pruneAudit, pruneWords, rows, rowsNoTimeline, channel                      string
}

const (
	registerSQL = `SELECT lost, epoch, view_version, cluster_uuid::text, secret, prior_serving, prior_instances,
  CASE WHEN lost IS NULL THEN {schema}.prior_brokers($1::text, $2::text::uuid) END
FROM {schema}.register($1::text, $2::text::uuid, $3::text::jsonb, $4::text, $5::text, $6::text, $7::text, $8::int, $9::int,
  $10::timestamptz, $11::text, $12::int)`

	// Together with asyncCommit in one batch, which is one implicit transaction.
	asyncCommitSQL = `SELECT set_config('synchronous_commit', 'off', true)`

	// No row: the peer is unknown. Else its phase, and whether it was renewed, which only living ones are.
	heartbeatSQL = `WITH beat AS (
  UPDATE {schema}.peer_leases
     SET seq = seq + 1, renewed_at = clock_timestamp(), ttl_ms = $2::int, applications = $3::int, instances = $4::int,
         renews_per_minute = $5::int, self_preservation = $6::bool, peers_ok = $7::int, peers_total = $8::int, lag_ms = $9::int,
         registry_version = $10::bigint, digest = $11::bigint, unreachable = $12::text::uuid[], filler = '',
         brokers = $13::int, topics = $14::int, routes_digest = $15::bigint
   WHERE peer_id = $1::text::uuid
     AND EXISTS (SELECT FROM {schema}.peers p WHERE p.peer_id = $1::text::uuid AND p.living)
  RETURNING 1)
SELECT phase, EXISTS (SELECT FROM beat) FROM {schema}.peers WHERE peer_id = $1::text::uuid`

	setPhaseSQL        = `SELECT {schema}.set_phase($1::text::uuid, $2::text, $3::text)`
	setNamesrvPhaseSQL = `SELECT {schema}.set_namesrv_phase($1::text::uuid, $2::text)`
	evictSQL           = `SELECT {schema}.evict($1::text::uuid, $2::text, $3::int * interval '1 ms')`
	declareOutageSQL   = `SELECT {schema}.declare_outage($1::text::uuid, $2::int)`
	pruneSQL           = `SELECT {schema}.prune($1::text)`
	pruneAuditSQL      = `SELECT {schema}.prune_audit()`
	pruneWordsSQL      = `SELECT {schema}.prune_words($1::text)`
	channelSQL         = `SELECT pg_backend_pid(), {schema}.peer_channel($1::text)`

	// One statement, so that version and rows are of one moment. There is always a row, so that the server's role is told even when
	// the cluster is unknown. Rows that ended long ago stay out: a crashing server leaves many, and nobody asks for them every two
	// seconds.
	rowsSQL = `SELECT pg_is_in_recovery(), (SELECT {timeline}), s.peer_id IS NOT NULL,
  coalesce(s.cluster_uuid::text, ''), coalesce(s.view_version, 0), coalesce(s.outages, 0),
  coalesce(s.peer_id::text, ''), coalesce(s.epoch, 0), coalesce(s.phase, ''), coalesce(s.namesrv_phase, ''),
  coalesce(s.addresses::text, '{}'), coalesce(s.region, ''), coalesce(s.zone, ''), coalesce(s.host, ''), coalesce(s.version, ''),
  coalesce(s.proto_min, 0), coalesce(s.proto_max, 0), s.started_at, s.phase_at,
  coalesce(s.seq, 0), coalesce((s.age_s * 1000)::bigint, 0), coalesce(s.ttl_ms, 0), coalesce(s.status, ''),
  coalesce(s.applications, 0), coalesce(s.instances, 0), coalesce(s.registry_version, 0), coalesce(s.digest, '0'),
  coalesce(s.self_preservation, false), coalesce(s.renews_per_minute, 0), coalesce(s.peers_ok, 0), coalesce(s.peers_total, 0),
  coalesce(array_to_string(s.unreachable, ','), ''), coalesce(s.lag_ms, 0),
  coalesce(s.brokers, 0), coalesce(s.topics, 0), coalesce(s.routes_digest, '0')
FROM (VALUES (1)) one
LEFT JOIN {schema}.peer_status s ON s.cluster = $1::text AND (s.living OR s.phase_at > clock_timestamp() - interval '1 hour')
ORDER BY s.epoch`

	// Right immediately after a promotion, unlike pg_control_checkpoint(), and open to plain roles.
	timelineSQL = `CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END`
)

func queriesFor(schema string) queries {
	in := func(sql string) string { return strings.ReplaceAll(sql, "{schema}", schema) }
	return queries{
		register: in(registerSQL), asyncCommit: asyncCommitSQL, heartbeat: in(heartbeatSQL), setPhase: in(setPhaseSQL),
		setNamesrvPhase: in(setNamesrvPhaseSQL), evict: in(evictSQL), declareOutage: in(declareOutageSQL),
		prune: in(pruneSQL), pruneAudit: in(pruneAuditSQL), pruneWords: in(pruneWordsSQL),
		rows:           strings.ReplaceAll(in(rowsSQL), "{timeline}", timelineSQL),
		rowsNoTimeline: strings.ReplaceAll(in(rowsSQL), "{timeline}", "''"),
		channel:        in(channelSQL),
	}
}
