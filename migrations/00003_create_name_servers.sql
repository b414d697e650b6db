-- The RocketMQ side: what each server's route table holds, the lists of name servers, operators' durable words to them, and who said
-- what.
--
-- Nothing that an older release reads or calls changes: columns have defaults and stand at the end, register(), prune() and the rest
-- keep their signatures and what they do. So servers of both releases work together, and schema_compat stays as it is.

-- +goose Up

-- In the order in which readers of the rows do, the view before its tables, so that those and this do not wait for each other. Others
-- may; then PostgreSQL ends one of the two, and it tries again.
LOCK TABLE peer_status IN ACCESS EXCLUSIVE MODE;

-- What moves least stands last: of a row that is updated in its page, PostgreSQL logs from the first byte that differs to the last.
ALTER TABLE peer_leases
  ADD COLUMN routes_digest bigint NOT NULL DEFAULT 0,  -- hash of what the route table shows; equal on servers that agree
  ADD COLUMN topics        int NOT NULL DEFAULT 0,
  ADD COLUMN brokers       int NOT NULL DEFAULT 0;     -- broker addresses in the route table

ALTER TABLE peers ADD COLUMN namesrv_served_at timestamptz; -- when its RocketMQ side first served; null: never

-- +goose StatementBegin
-- Notes the first time, whoever writes the phase.
CREATE FUNCTION note_namesrv_served() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  NEW.namesrv_served_at := coalesce(NEW.namesrv_served_at, clock_timestamp());
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER note_namesrv_served BEFORE INSERT OR UPDATE OF namesrv_phase ON peers
  FOR EACH ROW WHEN (NEW.namesrv_phase = 'serving') EXECUTE FUNCTION note_namesrv_served();

-- +goose StatementBegin
-- What a name server that starts may expect to come back: the brokers that the newest of the others that ever served knew, as
-- register() counts instances. A function of its own because older releases call register() as it is.
CREATE FUNCTION prior_brokers(in_cluster text, in_peer uuid) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT coalesce(max(n.brokers), 0)
    FROM (SELECT l.brokers, l.renewed_at, max(l.renewed_at) OVER () AS newest
            FROM peer_leases l JOIN peers p USING (peer_id)
           WHERE p.cluster = in_cluster AND p.peer_id <> in_peer AND p.namesrv_served_at IS NOT NULL) n
   WHERE n.renewed_at >= n.newest - interval '1 minute'
$$;
-- +goose StatementEnd

-- As before, with four columns at the end.
CREATE OR REPLACE VIEW peer_status AS
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
       p.living, p.peer_id, c.cluster_uuid, c.view_version, c.outages, c.grace_until,
       p.addresses ->> 'namesrv' AS namesrv_address, l.brokers, l.topics, lpad(to_hex(l.routes_digest), 16, '0') AS routes_digest
  FROM peers p
  JOIN clusters c USING (cluster)
  LEFT JOIN peer_leases l USING (peer_id)
 CROSS JOIN (SELECT clock_timestamp() AS t) clock;

CREATE OR REPLACE VIEW live_peers AS SELECT * FROM peer_status WHERE status IN ('live', 'grace');

-- The addresses of the name servers as RocketMQ's address server gives them: one list for clients and one for brokers, who must have
-- registered before clients come, and stay until clients have left. As in default_zone, a standby shows them unverified. The servers
-- themselves tell clients of no server that they cannot reach.
CREATE VIEW name_servers AS
SELECT cluster,
       coalesce(string_agg(namesrv_address, ';' ORDER BY epoch) FILTER (WHERE namesrv_phase = 'serving'), '') AS clients,
       count(*) FILTER (WHERE namesrv_phase = 'serving') AS client_servers,
       string_agg(namesrv_address, ';' ORDER BY epoch) AS brokers, count(*) AS broker_servers
  FROM peer_status
 WHERE namesrv_phase IN ('joining', 'serving', 'draining') AND namesrv_address <> ''
   AND living AND (status IN ('live', 'grace') OR pg_is_in_recovery())
 GROUP BY cluster;

-- Do the route tables agree? One row per distinct content among the name servers that serve; agree is false when there are several.
CREATE VIEW route_agreement AS
SELECT cluster, routes_digest, count(*) AS servers, max(brokers) AS brokers, max(topics) AS topics,
       string_agg(namesrv_address, ';' ORDER BY epoch) AS addresses,
       count(*) OVER (PARTITION BY cluster) = 1 AS agree
  FROM live_peers WHERE namesrv_phase = 'serving'
 GROUP BY cluster, routes_digest;

-- What operators said to the name servers: registers in which the greater (counter, epoch) wins. Collation "C" orders as the servers do. A word that was taken back stays,
-- marked deleted, so that an older one cannot come back. The servers write it behind the request, and read it before they serve.
CREATE TABLE namesrv_words (
  cluster text NOT NULL,
  kind    text COLLATE "C" NOT NULL,                   -- kv, wipe, deletion; later releases may add to these
  scope   text COLLATE "C" NOT NULL,                   -- namespace of a key; of a deletion the brokers' cluster
  name    text COLLATE "C" NOT NULL,                   -- key, broker name, topic
  value   text COLLATE "C" NOT NULL DEFAULT '',
  deleted boolean NOT NULL DEFAULT false,
  counter bigint NOT NULL,
  epoch   bigint NOT NULL,
  set_by  text NOT NULL DEFAULT '',
  set_at  timestamptz NOT NULL DEFAULT clock_timestamp(), -- by the clock of the server that was told
  PRIMARY KEY (cluster, kind, scope, name)
);

CREATE VIEW kv_config AS
SELECT cluster, scope AS namespace, name AS key, value, set_by, set_at FROM namesrv_words WHERE kind = 'kv' AND NOT deleted;

CREATE VIEW wiped_brokers AS
SELECT cluster, name AS broker, set_by, set_at FROM namesrv_words WHERE kind = 'wipe' AND NOT deleted;

CREATE VIEW deleted_topics AS
SELECT cluster, name AS topic, scope AS broker_cluster, value AS versions, set_by, set_at FROM namesrv_words WHERE kind = 'deletion' AND NOT deleted;

-- Every use of a guarded request, granted or refused.
CREATE TABLE admin_audit (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  record    text NOT NULL UNIQUE,                      -- the server's own name for it: it may send one twice
  at        timestamptz NOT NULL DEFAULT clock_timestamp(), -- by the clock of the server that was asked
  cluster   text NOT NULL,
  server    text NOT NULL DEFAULT '',
  code      int NOT NULL DEFAULT 0,
  action    text NOT NULL DEFAULT '',
  who       text NOT NULL DEFAULT '',
  came_from text NOT NULL DEFAULT '',
  what      text NOT NULL DEFAULT '',
  result    text NOT NULL DEFAULT ''
);
CREATE INDEX admin_audit_at ON admin_audit (at);

-- +goose StatementBegin
-- Tidies up behind prune(): forgets audit records after thirty days, and all but the newest million. Returns how many it forgot.
CREATE FUNCTION prune_audit() RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  WITH gone AS (
    DELETE FROM admin_audit WHERE id IN (
      SELECT a.id FROM admin_audit a
       WHERE a.at < clock_timestamp() - interval '30 days' OR a.id <= (SELECT max(id) - 1000000 FROM admin_audit)
       LIMIT 10000 FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Tidies up behind prune(): a server has room for 100,000 words, and forgets a thousand at once, those taken back first, the oldest
-- deletions next, keys and wipes in force never (registry/routeinfo, makeRoom). So does this, in the same order. Returns how many it
-- forgot; 0 when somebody else is at it.
CREATE FUNCTION prune_words(in_cluster text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  total int;
  gone  int;
BEGIN
  -- Every server comes by: a second one at the same time would sort the same words, and forget more than is too much.
  IF NOT pg_try_advisory_xact_lock(hashtext(current_schema() || ':prune_words'), hashtext(in_cluster)) THEN RETURN 0; END IF;
  SELECT count(*) INTO total FROM namesrv_words WHERE cluster = in_cluster;
  IF total <= 100000 THEN RETURN 0; END IF;
  WITH spent AS MATERIALIZED (
    SELECT kind, scope, name, counter, epoch FROM namesrv_words WHERE cluster = in_cluster AND (deleted OR kind = 'deletion')
     ORDER BY deleted DESC, set_at, kind = 'deletion', kind, scope, name LIMIT least(total - 99000, 10000)),
  -- Servers write words in the order of their keys and wait for each other's. This waits for none: what is being written is in use.
  free AS MATERIALIZED (
    SELECT w.kind, w.scope, w.name FROM namesrv_words w JOIN spent s USING (kind, scope, name)
     WHERE w.cluster = in_cluster AND (w.counter, w.epoch) = (s.counter, s.epoch)
     ORDER BY w.kind, w.scope, w.name FOR UPDATE OF w SKIP LOCKED)
  DELETE FROM namesrv_words w USING free f
   WHERE w.cluster = in_cluster AND (w.kind, w.scope, w.name) = (f.kind, f.scope, f.name);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION note_namesrv_served(), prior_brokers(text, uuid), prune_audit(), prune_words(text) FROM PUBLIC;

-- +goose Down
DROP FUNCTION prune_audit(), prune_words(text);
DROP TABLE admin_audit;
DROP VIEW deleted_topics, wiped_brokers, kv_config;
DROP TABLE namesrv_words;
DROP VIEW route_agreement, name_servers;

-- A view cannot lose a column: peer_status is made anew, and with it whatever stands on it, as it stood and with the rights it had.
-- +goose StatementBegin
DO $$
DECLARE
  views constant text[] := ARRAY['default_zone', 'cluster_summary', 'registry_agreement', 'suspected_by'];
  texts  text[] := '{}';
  rights text[];
  one    text;
BEGIN
  SELECT array_agg(format('GRANT %s ON %s TO %I', a.privilege_type, c.oid::regclass, r.rolname)) INTO rights
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
   WHERE c.oid = ANY ((views || ARRAY['live_peers', 'peer_status'])::regclass[]) AND a.grantee <> c.relowner;
  FOREACH one IN ARRAY views LOOP
    texts := texts || pg_get_viewdef(one::regclass);
  END LOOP;
  DROP VIEW default_zone, cluster_summary, registry_agreement, suspected_by, live_peers, peer_status;
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
  FOR i IN 1 .. cardinality(views) LOOP
    EXECUTE format('CREATE VIEW %I AS %s', views[i], texts[i]);
  END LOOP;
  FOREACH one IN ARRAY coalesce(rights, '{}') LOOP
    EXECUTE one;
  END LOOP;
END $$;
-- +goose StatementEnd

DROP FUNCTION prior_brokers(text, uuid);
DROP TRIGGER note_namesrv_served ON peers;
DROP FUNCTION note_namesrv_served();
ALTER TABLE peers DROP COLUMN namesrv_served_at;
ALTER TABLE peer_leases DROP COLUMN brokers, DROP COLUMN topics, DROP COLUMN routes_digest;
