-- Operators' durable word: the status that stands over what an instance says of itself. A cancel deletes the row, an eviction keeps
-- it. The servers write it behind the request, and read it once, before they serve.

-- +goose Up
CREATE TABLE overrides (
  cluster     text NOT NULL,
  application text NOT NULL,                           -- upper case, as the registry keys it
  instance_id text NOT NULL,
  status      text NOT NULL CHECK (status IN ('UP', 'DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN')),
  set_by      text NOT NULL DEFAULT '',
  reason      text NOT NULL DEFAULT '',
  set_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (cluster, application, instance_id)
);

-- +goose Down
DROP TABLE overrides;
