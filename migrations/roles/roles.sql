-- The roles of one installation. LOGIN without a password: an administrator gives them one, or maps them in pg_hba.conf.
DO $roles$
DECLARE
  name   text;
  object text;
BEGIN
  FOREACH name IN ARRAY ARRAY['zonekeeper_migrator', 'zonekeeper_server', 'zonekeeper_client', 'zonekeeper_ops'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
  END LOOP;

  -- The functions run with their owner's rights, which should be the migrator's and not a superuser's.
  IF NOT pg_has_role(current_user, 'zonekeeper_migrator', 'MEMBER') THEN
    GRANT zonekeeper_migrator TO CURRENT_USER;
  END IF;
  ALTER SCHEMA zonekeeper OWNER TO zonekeeper_migrator;
  FOR object IN SELECT c.oid::regclass FROM pg_class c
                 WHERE c.relnamespace = 'zonekeeper'::regnamespace AND c.relkind IN ('r', 'v') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO zonekeeper_migrator', object);
  END LOOP;
  FOR object IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'zonekeeper'::regnamespace LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO zonekeeper_migrator', object);
  END LOOP;
END $roles$;

-- A belt only: what counts is the deadline that servers put on every call.
ALTER ROLE zonekeeper_server SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE zonekeeper_server SET lock_timeout = '1s';
ALTER ROLE zonekeeper_server SET statement_timeout = '2s';
ALTER ROLE zonekeeper_client CONNECTION LIMIT 50;
ALTER ROLE zonekeeper_client SET statement_timeout = '2s';
