REVOKE ALL ON ALL TABLES IN SCHEMA zonekeeper FROM zonekeeper_server, zonekeeper_client, zonekeeper_ops;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA zonekeeper FROM PUBLIC, zonekeeper_server, zonekeeper_client, zonekeeper_ops;
GRANT USAGE ON SCHEMA zonekeeper TO zonekeeper_server, zonekeeper_client, zonekeeper_ops;

GRANT EXECUTE ON FUNCTION
  zonekeeper.peer_channel(text),
  zonekeeper.register(text, uuid, jsonb, text, text, text, text, int, int, timestamptz, text, int),
  zonekeeper.set_phase(uuid, text, text), zonekeeper.set_namesrv_phase(uuid, text),
  zonekeeper.declare_outage(uuid, int), zonekeeper.prune(text), zonekeeper.prune_audit(), zonekeeper.prune_words(text), zonekeeper.prior_brokers(text, uuid)
TO zonekeeper_server;
GRANT SELECT (peer_id, phase, living) ON zonekeeper.peers TO zonekeeper_server;
GRANT SELECT (peer_id, seq) ON zonekeeper.peer_leases TO zonekeeper_server;
GRANT UPDATE (ttl_ms, applications, instances, renews_per_minute, self_preservation, peers_ok, peers_total, lag_ms,
              seq, renewed_at, registry_version, digest, unreachable, filler, brokers, topics, routes_digest) ON zonekeeper.peer_leases TO zonekeeper_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON zonekeeper.overrides TO zonekeeper_server;
GRANT SELECT, INSERT, UPDATE ON zonekeeper.namesrv_words TO zonekeeper_server;
GRANT INSERT ON zonekeeper.admin_audit TO zonekeeper_server;
GRANT SELECT ON zonekeeper.peer_status, zonekeeper.live_peers, zonekeeper.default_zone, zonekeeper.cluster_summary,
  zonekeeper.registry_agreement, zonekeeper.suspected_by, zonekeeper.duplicate_addresses, zonekeeper.flapping, zonekeeper.hot_check,
  zonekeeper.name_servers, zonekeeper.route_agreement, zonekeeper.kv_config, zonekeeper.wiped_brokers, zonekeeper.deleted_topics,
  zonekeeper.schema_compat, zonekeeper.goose_db_version
TO zonekeeper_server, zonekeeper_ops;

GRANT SELECT ON zonekeeper.default_zone, zonekeeper.name_servers TO zonekeeper_client;

GRANT SELECT ON zonekeeper.peer_events, zonekeeper.overrides, zonekeeper.namesrv_words, zonekeeper.admin_audit TO zonekeeper_ops;
GRANT EXECUTE ON FUNCTION zonekeeper.evict(uuid, text, interval), zonekeeper.history(timestamptz) TO zonekeeper_ops;
