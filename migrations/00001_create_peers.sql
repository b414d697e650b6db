-- Who is in a cluster: one row per incarnation of a server, its lease beside it, and what happened.
--
-- Names are unqualified: the schema is whatever stands first in search_path while this runs, and every function remembers it.
-- The clock of every decision is clock_timestamp(), the database's own; now() would stand still in a transaction that waits.

-- +goose Up

-- What the schema promises to older releases: servers that know schema version `oldest` or a later one work with this schema.
CREATE TABLE schema_compat (
  oldest bigint NOT NULL,
  single boolean PRIMARY KEY DEFAULT true CHECK (single)
);
INSERT INTO schema_compat (oldest) VALUES (1);

CREATE TABLE clusters (
  cluster      text PRIMARY KEY CHECK (cluster ~ '^[a-z0-9][a-z0-9._-]{0,40}$'),
  cluster_uuid uuid NOT NULL DEFAULT gen_random_uuid(),
  -- Signs calls between servers. Leaves the database through register() only.
  secret       bytea NOT NULL DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
  view_version bigint NOT NULL DEFAULT 0,              -- +1 for each join, change of phase and eviction, never for a heartbeat
  last_epoch   bigint NOT NULL DEFAULT 0,
  outage_from  timestamptz NOT NULL DEFAULT '-infinity', -- the grace covers rows that were live at this moment, and no others
  grace_until  timestamptz NOT NULL DEFAULT '-infinity',
  outages      int NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE peers (
  peer_id       uuid PRIMARY KEY,
  cluster       text NOT NULL REFERENCES clusters,
  epoch         bigint NOT NULL,
  phase         text NOT NULL CHECK (phase IN ('joining', 'serving', 'draining', 'left', 'expired', 'superseded', 'evicted')),
  namesrv_phase text CHECK (namesrv_phase IN ('joining', 'serving', 'draining', 'left')),
  addresses     jsonb NOT NULL CHECK (coalesce(addresses ->> 'eureka', '') <> ''),
  region        text NOT NULL DEFAULT 'default',
  zone          text NOT NULL DEFAULT 'defaultZone',
  host          text NOT NULL DEFAULT '',
  version       text NOT NULL DEFAULT '',
  proto_min     int NOT NULL DEFAULT 1,
  proto_max     int NOT NULL DEFAULT 1,
  started_at    timestamptz,                           -- the server's own clock, for people's eyes
  joined_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  served_at     timestamptz,                           -- when it first served; null: never
  phase_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  phase_reason  text NOT NULL DEFAULT '',
  quarantined_until timestamptz NOT NULL DEFAULT '-infinity', -- of an evicted row: nobody may claim its address before
  eureka_url    text GENERATED ALWAYS AS (addresses ->> 'eureka') STORED,
  living        boolean GENERATED ALWAYS AS (phase NOT IN ('left', 'expired', 'superseded', 'evicted')) STORED,
  UNIQUE (cluster, epoch)
);
CREATE UNIQUE INDEX peers_one_claimant ON peers (cluster, eureka_url) WHERE living;

-- Hot and narrow: every heartbeat of every server updates one row here and nothing else. No index on a column that moves, and half
-- of each page free, so that updates stay inside their page (HOT). PostgreSQL cleans a page when it is fuller than the fillfactor,
-- which a page full of rows always is: it would be cleaned, and the cleaning logged, at every heartbeat. So a row is born fat and
-- the first heartbeat makes it thin, by which few rows share a page and cleaning comes once in a score of heartbeats.
CREATE TABLE peer_leases (
  peer_id           uuid PRIMARY KEY REFERENCES peers ON DELETE CASCADE,
  ttl_ms            int NOT NULL CHECK (ttl_ms BETWEEN 100 AND 3600000), -- the owner decides; expiry is computed by readers
  applications      int NOT NULL DEFAULT 0,
  instances         int NOT NULL DEFAULT 0,
  renews_per_minute int NOT NULL DEFAULT 0,
  self_preservation boolean NOT NULL DEFAULT false,
  peers_ok          int NOT NULL DEFAULT 0,
  peers_total       int NOT NULL DEFAULT 0,
  lag_ms            int NOT NULL DEFAULT 0,
  seq               bigint NOT NULL DEFAULT 0,         -- +1 per heartbeat: proof of life that needs no clock
  renewed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  registry_version  bigint NOT NULL DEFAULT 0,
  digest            bigint NOT NULL DEFAULT 0,         -- hash of the registry's visible content; equal on servers that agree
  unreachable       uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(unreachable) <= 8),
  filler            text NOT NULL DEFAULT repeat(' ', 400)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE peer_events (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  cluster text NOT NULL,
  kind    text NOT NULL,                               -- joining, serving, ... as in peers.phase, and outage
  peer_id uuid,
  epoch   bigint,
  url     text,
  detail  text NOT NULL DEFAULT ''
);
CREATE INDEX peer_events_at ON peer_events USING brin (at);

-- +goose StatementBegin
-- The channel on which a cluster's membership changes are told. It carries the schema, so that two schemas in one database do not
-- wake each other, and is cut to the 63 bytes that PostgreSQL allows.
CREATE FUNCTION peer_channel(in_cluster text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT CASE WHEN octet_length(full_name) <= 63 THEN full_name ELSE left(full_name, 30) || ':' || md5(full_name) END
  FROM (SELECT current_schema() || ':' || in_cluster AS full_name) named
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A server comes. Idempotent for one peer_id: the answer to an attempt whose reply was lost is the same row again. The clusters row
-- is locked first, here and in every function that changes membership: that is what makes epochs an order and rules out deadlocks.
-- `lost` is null, or the terminal phase that this peer_id is in.
CREATE FUNCTION register(
  in_cluster text, in_peer uuid, in_addresses jsonb, in_region text, in_zone text, in_host text, in_version text,
  in_proto_min int, in_proto_max int, in_started_at timestamptz, in_namesrv_phase text, in_ttl_ms int,
  OUT lost text, OUT epoch bigint, OUT view_version bigint, OUT cluster_uuid uuid, OUT secret bytea,
  OUT prior_serving int, OUT prior_instances int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
  mine  peers;
  url   text := in_addresses ->> 'eureka';
  until timestamptz;
BEGIN
  INSERT INTO clusters (cluster) VALUES (in_cluster) ON CONFLICT DO NOTHING;
  PERFORM FROM clusters c WHERE c.cluster = in_cluster FOR UPDATE;

  SELECT * INTO mine FROM peers p WHERE p.peer_id = in_peer;
  IF FOUND AND (NOT mine.living OR mine.cluster <> in_cluster) THEN
    lost := mine.phase;
    RETURN;
  END IF;

  IF FOUND THEN
    INSERT INTO peer_leases (peer_id, ttl_ms) VALUES (in_peer, in_ttl_ms)
      ON CONFLICT (peer_id) DO UPDATE SET seq = peer_leases.seq + 1, renewed_at = clock_timestamp(), ttl_ms = excluded.ttl_ms;
  ELSE
    SELECT max(p.quarantined_until) INTO until FROM peers p WHERE p.cluster = in_cluster AND p.eureka_url = url;
    IF until > clock_timestamp() THEN
      RAISE EXCEPTION 'address % was evicted and stays out until %', url, until USING ERRCODE = 'ZK001';
    END IF;

    WITH gone AS (
      UPDATE peers p SET phase = 'superseded', phase_at = clock_timestamp(), phase_reason = 'by ' || in_peer
       WHERE p.cluster = in_cluster AND p.eureka_url = url AND p.living
      RETURNING p.peer_id, p.epoch)
    INSERT INTO peer_events (cluster, kind, peer_id, epoch, url, detail)
      SELECT in_cluster, 'superseded', g.peer_id, g.epoch, url, 'by ' || in_peer FROM gone g;

    UPDATE clusters c SET last_epoch = c.last_epoch + 1, view_version = c.view_version + 1
     WHERE c.cluster = in_cluster RETURNING c.last_epoch INTO mine.epoch;
    INSERT INTO peers (peer_id, cluster, epoch, phase, namesrv_phase, addresses, region, zone, host, version,
                       proto_min, proto_max, started_at)
      VALUES (in_peer, in_cluster, mine.epoch, 'joining', nullif(in_namesrv_phase, ''), in_addresses,
              in_region, in_zone, in_host, in_version, in_proto_min, in_proto_max, in_started_at);
    INSERT INTO peer_leases (peer_id, ttl_ms) VALUES (in_peer, in_ttl_ms);
    INSERT INTO peer_events (cluster, kind, peer_id, epoch, url) VALUES (in_cluster, 'joining', in_peer, mine.epoch, url);
  END IF;

  epoch := mine.epoch;
  SELECT c.view_version, c.cluster_uuid, c.secret INTO view_version, cluster_uuid, secret
    FROM clusters c WHERE c.cluster = in_cluster;
  SELECT count(*) INTO prior_serving FROM live_peers s
   WHERE s.cluster = in_cluster AND s.phase = 'serving' AND s.peer_id <> in_peer;
  -- What the newest of those that ever served had: the ones renewed within a minute of the last renewal of all of them.
  SELECT coalesce(max(n.instances), 0) INTO prior_instances
    FROM (SELECT l.instances, l.renewed_at, max(l.renewed_at) OVER () AS newest
            FROM peer_leases l JOIN peers p USING (peer_id)
           WHERE p.cluster = in_cluster AND p.peer_id <> in_peer AND p.served_at IS NOT NULL) n
   WHERE n.renewed_at >= n.newest - interval '1 minute';
  IF mine.peer_id IS NULL THEN
    PERFORM pg_notify(peer_channel(in_cluster), view_version::text);
  END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- What every change of phase has in common. Returns the phase that the row is in afterwards, null when there is no row; it changes
-- only living rows. Not granted to anybody: set_phase and evict decide what may be asked for.
CREATE FUNCTION move_peer(in_peer uuid, in_phase text, in_reason text, in_quarantine interval) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  mine   peers;
  bumped bigint;
BEGIN
  SELECT * INTO mine FROM peers WHERE peer_id = in_peer;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF NOT mine.living OR mine.phase = in_phase THEN RETURN mine.phase; END IF;

  PERFORM FROM clusters WHERE cluster = mine.cluster FOR UPDATE;
  UPDATE peers SET phase = in_phase, phase_at = clock_timestamp(), phase_reason = in_reason,
         served_at = CASE WHEN in_phase = 'serving' THEN coalesce(served_at, clock_timestamp()) ELSE served_at END,
         quarantined_until = coalesce(clock_timestamp() + in_quarantine, quarantined_until)
   WHERE peer_id = in_peer AND living AND phase <> in_phase;
  IF NOT FOUND THEN                                    -- somebody was faster while we waited for the lock
    RETURN (SELECT phase FROM peers WHERE peer_id = in_peer);
  END IF;
  UPDATE clusters SET view_version = view_version + 1 WHERE cluster = mine.cluster RETURNING view_version INTO bumped;
  INSERT INTO peer_events (cluster, kind, peer_id, epoch, url, detail)
    VALUES (mine.cluster, in_phase, in_peer, mine.epoch, mine.eureka_url, in_reason);
  PERFORM pg_notify(peer_channel(mine.cluster), bumped::text);
  RETURN in_phase;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A server says where it is in its own life. Expiry, supersession and eviction are other people's words.
CREATE FUNCTION set_phase(in_peer uuid, in_phase text, in_reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF in_phase NOT IN ('joining', 'serving', 'draining', 'left') THEN
    RAISE EXCEPTION 'a server cannot put itself into phase %', in_phase USING ERRCODE = 'check_violation';
  END IF;
  RETURN move_peer(in_peer, in_phase, in_reason, NULL);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The same for the RocketMQ side, which becomes ready at a time of its own. An empty phase means that the protocol is off. Returns
-- the phase of the row itself, null when there is none.
CREATE FUNCTION set_namesrv_phase(in_peer uuid, in_phase text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  mine   peers;
  bumped bigint;
BEGIN
  SELECT * INTO mine FROM peers WHERE peer_id = in_peer;
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM FROM clusters WHERE cluster = mine.cluster FOR UPDATE;
  UPDATE peers SET namesrv_phase = nullif(in_phase, '')
   WHERE peer_id = in_peer AND living AND namesrv_phase IS DISTINCT FROM nullif(in_phase, '');
  IF FOUND THEN
    UPDATE clusters SET view_version = view_version + 1 WHERE cluster = mine.cluster RETURNING view_version INTO bumped;
    PERFORM pg_notify(peer_channel(mine.cluster), bumped::text);
  END IF;
  RETURN (SELECT phase FROM peers WHERE peer_id = in_peer);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- An operator takes a server out: its row ends, and its address stays out for the quarantine. Returns the phase of the row
-- afterwards, null when there is none.
CREATE FUNCTION evict(in_peer uuid, in_reason text, in_quarantine interval DEFAULT '10 minutes') RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT move_peer(in_peer, 'evicted', in_reason, in_quarantine)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A server that could not write says that the database was away for everybody. It is believed only when nobody else has written
-- lately (so it was not the server's own path) and no grace is running (so one of many declares). A server that joined just now has
-- seen no outage: it neither speaks against one nor moves its beginning. Must come before the heartbeat that ends the outage:
-- outage_from is the last renewal before it.
CREATE FUNCTION declare_outage(in_peer uuid, in_grace_ms int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  mine peers;
BEGIN
  SELECT * INTO mine FROM peers WHERE peer_id = in_peer AND living;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE clusters c
     SET grace_until = clock_timestamp() + make_interval(secs => in_grace_ms / 1000.0), outages = c.outages + 1,
         outage_from = coalesce(seen.last, '-infinity')
    FROM (SELECT max(l.renewed_at) AS last,
                 bool_or(p.living AND p.peer_id <> in_peer
                         AND l.renewed_at > clock_timestamp() - l.ttl_ms * interval '0.6 ms') AS others_write
            FROM peers p JOIN peer_leases l USING (peer_id)
           WHERE p.cluster = mine.cluster AND p.joined_at <= clock_timestamp() - l.ttl_ms * interval '0.6 ms') seen
   WHERE c.cluster = mine.cluster AND c.grace_until < clock_timestamp() AND seen.others_write IS NOT TRUE;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO peer_events (cluster, kind, peer_id, epoch, url, detail)
    VALUES (mine.cluster, 'outage', in_peer, mine.epoch, mine.eureka_url, 'grace of ' || in_grace_ms || ' ms');
  RETURN true;
END $$;
-- +goose StatementEnd

-- Every incarnation that has a row, with what its silence means by the database's clock:
--   live     within its lease                  suspect  silent for less than three leases
--   grace    covered by a declared outage      silent   silent for longer, or without a lease row
-- and for ended rows the phase they ended in. Warm servers judge better than this view, by observation and probes; it is for cold
-- readers and for people.
CREATE VIEW peer_status AS
SELECT p.cluster, p.epoch, p.phase,
       CASE WHEN NOT p.living THEN p.phase
            WHEN l.renewed_at IS NULL THEN 'silent'
            WHEN clock.t <= l.renewed_at + l.ttl_ms * interval '1 ms' THEN 'live'
            WHEN clock.t <= c.grace_until AND l.renewed_at + l.ttl_ms * interval '1 ms' >= c.outage_from THEN 'grace'
            WHEN clock.t <= l.renewed_at + l.ttl_ms * interval '3 ms' THEN 'suspect'
            ELSE 'silent' END AS status,
       p.eureka_url, p.region, p.zone, p.host, p.version,
       round(extract(epoch FROM clock.t - l.renewed_at)::numeric, 3) AS age_s, l.ttl_ms,
       l.applications, l.instances, l.renews_per_minute, l.self_preservation, l.peers_ok, l.peers_total, l.unreachable, l.lag_ms,
       l.registry_version, lpad(to_hex(l.digest), 16, '0') AS digest, l.seq, l.renewed_at,
       p.namesrv_phase, p.addresses, p.proto_min, p.proto_max, p.started_at, p.joined_at, p.served_at, p.phase_at, p.phase_reason,
       p.living, p.peer_id, c.cluster_uuid, c.view_version, c.outages, c.grace_until
  FROM peers p
  JOIN clusters c USING (cluster)
  LEFT JOIN peer_leases l USING (peer_id)
 CROSS JOIN (SELECT clock_timestamp() AS t) clock;

CREATE VIEW live_peers AS SELECT * FROM peer_status WHERE status IN ('live', 'grace');

-- What a client needs to begin. A standby lags behind, so that every lease looks over there: it shows what serves, unverified,
-- rather than nothing.
CREATE VIEW default_zone AS
SELECT cluster, region, zone, string_agg(eureka_url, ',' ORDER BY epoch) AS urls, count(*) AS servers
  FROM peer_status
 WHERE phase = 'serving' AND (status IN ('live', 'grace') OR pg_is_in_recovery())
 GROUP BY cluster, region, zone;

CREATE VIEW cluster_summary AS
SELECT c.cluster,
       count(*) FILTER (WHERE s.status IN ('live', 'grace')) AS live,
       count(*) FILTER (WHERE s.status IN ('live', 'grace') AND s.phase = 'joining') AS joining,
       count(*) FILTER (WHERE s.status IN ('live', 'grace') AND s.phase = 'serving') AS serving,
       count(*) FILTER (WHERE s.status IN ('live', 'grace') AND s.phase = 'draining') AS draining,
       count(*) FILTER (WHERE s.status = 'suspect') AS suspect,
       count(*) FILTER (WHERE s.status = 'silent') AS silent,
       count(*) FILTER (WHERE NOT s.living) AS ended,
       coalesce(string_agg(DISTINCT s.zone, ',') FILTER (WHERE s.status IN ('live', 'grace')), '') AS zones,
       coalesce(string_agg(DISTINCT s.version, ',') FILTER (WHERE s.status IN ('live', 'grace')), '') AS versions,
       max(s.instances) FILTER (WHERE s.status IN ('live', 'grace')) AS instances,
       bool_or(s.self_preservation) FILTER (WHERE s.status IN ('live', 'grace')) AS self_preservation,
       max(s.age_s) FILTER (WHERE s.status IN ('live', 'grace')) AS oldest_heartbeat_s,
       c.view_version, c.outages, c.grace_until > clock_timestamp() AS in_grace, c.cluster_uuid, c.created_at
  FROM clusters c LEFT JOIN peer_status s USING (cluster)
 GROUP BY c.cluster;

-- Do the registries agree? One row per distinct content among the servers that serve; agree is false when there are several.
CREATE VIEW registry_agreement AS
SELECT cluster, digest, count(*) AS servers, max(applications) AS applications, max(instances) AS instances,
       string_agg(eureka_url, ',' ORDER BY epoch) AS urls,
       count(*) OVER (PARTITION BY cluster) = 1 AS agree
  FROM live_peers WHERE phase = 'serving'
 GROUP BY cluster, digest;

-- Who cannot be reached, and who says so: a cut between two servers that both write their leases shows up here.
CREATE VIEW suspected_by AS
SELECT a.cluster, coalesce(s.eureka_url, accused.peer_id::text) AS accused, s.status,
       count(*) AS accusers, string_agg(a.eureka_url, ',' ORDER BY a.epoch) AS accused_by
  FROM live_peers a
 CROSS JOIN LATERAL unnest(a.unreachable) AS accused (peer_id)
  LEFT JOIN peer_status s ON s.peer_id = accused.peer_id
 GROUP BY a.cluster, coalesce(s.eureka_url, accused.peer_id::text), s.status;

-- Addresses that several processes claim in turn: each claim ends the other's row.
CREATE VIEW duplicate_addresses AS
SELECT cluster, url, count(*) AS superseded, min(at) AS first_at, max(at) AS last_at
  FROM peer_events WHERE kind = 'superseded' AND at > clock_timestamp() - interval '10 minutes'
 GROUP BY cluster, url HAVING count(*) > 2;

-- Addresses that come and go.
CREATE VIEW flapping AS
SELECT cluster, url, count(*) FILTER (WHERE kind = 'joining') AS joins, count(*) FILTER (WHERE kind = 'expired') AS expiries,
       max(at) AS last_at
  FROM peer_events WHERE kind IN ('joining', 'expired') AND at > clock_timestamp() - interval '1 hour'
 GROUP BY cluster, url HAVING count(*) > 3;

-- Does the heartbeat table stay healthy? hot_percent below 99 or many dead rows point at a transaction that is held open; the
-- oldest one is named, as far as the reader's rights allow.
CREATE VIEW hot_check AS
SELECT t.n_tup_upd AS updates, t.n_tup_hot_upd AS hot_updates,
       round(100.0 * t.n_tup_hot_upd / nullif(t.n_tup_upd, 0), 2) AS hot_percent,
       t.n_live_tup AS live_rows, t.n_dead_tup AS dead_rows, pg_total_relation_size(t.relid) AS bytes, t.last_autovacuum,
       a.pid AS oldest_xmin_pid, a.application_name AS oldest_xmin_application, age(a.backend_xmin) AS oldest_xmin_age,
       round((100 * pg_notification_queue_usage())::numeric, 2) AS notify_queue_percent
  FROM pg_stat_all_tables t
  LEFT JOIN LATERAL (SELECT * FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
                      ORDER BY age(backend_xmin) DESC LIMIT 1) a ON true
 WHERE t.relid = 'peer_leases'::regclass;

-- +goose StatementBegin
-- What happened to the membership since then, oldest first.
CREATE FUNCTION history(since timestamptz)
RETURNS TABLE (at timestamptz, cluster text, kind text, url text, epoch bigint, detail text, peer_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT e.at, e.cluster, e.kind, e.url, e.epoch, e.detail, e.peer_id FROM peer_events e WHERE e.at >= since ORDER BY e.id
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Tidies up; no reader depends on it. Closes rows that were silent for a minute and three leases, but only while somebody's lease is
-- live: right after an outage everybody looks silent. Forgets ended rows after a day and events after thirty. Returns how many it
-- closed, -1 when somebody else is at it.
CREATE FUNCTION prune(in_cluster text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  closed int := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext(current_schema() || ':prune'), hashtext(in_cluster)) THEN RETURN -1; END IF;
  IF EXISTS (SELECT FROM peer_status WHERE cluster = in_cluster AND status = 'live') THEN
    WITH silent AS (
      SELECT p.peer_id FROM peers p JOIN peer_status s USING (peer_id)
       WHERE p.cluster = in_cluster AND s.status = 'silent' AND coalesce(s.age_s, 61) > 60
         AND s.joined_at < clock_timestamp() - interval '1 minute'
         FOR UPDATE OF p SKIP LOCKED),
    gone AS (
      UPDATE peers p SET phase = 'expired', phase_at = clock_timestamp(), phase_reason = 'silent'
        FROM silent WHERE p.peer_id = silent.peer_id RETURNING p.peer_id, p.epoch, p.eureka_url),
    told AS (
      INSERT INTO peer_events (cluster, kind, peer_id, epoch, url)
        SELECT in_cluster, 'expired', g.peer_id, g.epoch, g.eureka_url FROM gone g RETURNING 1)
    SELECT count(*) INTO closed FROM told;
    UPDATE clusters SET view_version = view_version + 1 WHERE cluster = in_cluster AND closed > 0;
  END IF;
  DELETE FROM peers WHERE peer_id IN (
    SELECT p.peer_id FROM peers p WHERE p.cluster = in_cluster AND NOT p.living
       AND greatest(p.phase_at, p.quarantined_until) < clock_timestamp() - interval '24 hours' LIMIT 500);
  DELETE FROM peer_events WHERE id IN (
    SELECT e.id FROM peer_events e WHERE e.at < clock_timestamp() - interval '30 days' LIMIT 1000);
  RETURN closed;
END $$;
-- +goose StatementEnd

-- Functions run with their owner's rights, so nobody gets them by default.
REVOKE ALL ON FUNCTION
  peer_channel(text),
  register(text, uuid, jsonb, text, text, text, text, int, int, timestamptz, text, int),
  move_peer(uuid, text, text, interval), set_phase(uuid, text, text), set_namesrv_phase(uuid, text), evict(uuid, text, interval),
  declare_outage(uuid, int), history(timestamptz), prune(text)
FROM PUBLIC;

-- +goose Down
DROP FUNCTION prune(text), history(timestamptz), declare_outage(uuid, int), evict(uuid, text, interval),
  set_namesrv_phase(uuid, text), set_phase(uuid, text, text), move_peer(uuid, text, text, interval),
  register(text, uuid, jsonb, text, text, text, text, int, int, timestamptz, text, int), peer_channel(text);
DROP VIEW hot_check, flapping, duplicate_addresses, suspected_by, registry_agreement, cluster_summary, default_zone, live_peers, peer_status;
DROP TABLE peer_events, peer_leases, peers, clusters, schema_compat;
