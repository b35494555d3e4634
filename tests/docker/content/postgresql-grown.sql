-- What an application has made by itself and changed for years: a server prints some of it in another way after a reload, and
-- tables have their columns in another order. Not loaded from a dump, which would hide that. Load as the superuser into a
-- fresh server:
--   psql -X -v ON_ERROR_STOP=1 -f postgresql-grown.sql
SET client_min_messages = warning;
CREATE ROLE grower LOGIN PASSWORD 'x';
CREATE ROLE looker;
CREATE DATABASE grown OWNER grower;
\connect grown
SET client_min_messages = warning;
CREATE EXTENSION btree_gist;
CREATE EXTENSION file_fdw;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION citext;

CREATE TABLE orders (
    id int PRIMARY KEY,
    status varchar(20) DEFAULT 'new' CHECK (status IN ('new', 'paid')),
    code char(3) CHECK (code IN ('a', 'b')),
    n numeric(10, 2) DEFAULT -1 CHECK (n BETWEEN -5 AND 10 AND n <> 3),
    small smallint DEFAULT -1 CHECK (small NOT IN (-2, 2)),
    word text DEFAULT lower('X') || 'y',
    at timestamptz DEFAULT now() - interval '1 day',
    day date DEFAULT 'now'::date,
    tags varchar[] DEFAULT ARRAY['a', 'b'],
    is_true boolean DEFAULT (1 > 0 AND 2 > 1 AND 3 > 2),
    doc jsonb DEFAULT '{"(a": "b)"}',
    mail citext CHECK (mail LIKE '%@%'),
    CONSTRAINT whole CHECK (id > 0 AND (n > 1 OR n < 0 OR small = 1) AND NOT (id = 3 AND small = 4)),
    CONSTRAINT "od""d (name" CHECK (word <> 'a ''(b'' c, d')
);
INSERT INTO orders (id, status, code, n, mail) SELECT i, 'new', 'a', -1, 'x@y' FROM generate_series(1, 50) AS i;
CREATE INDEX open_orders ON orders (id) WHERE status IN ('new', 'paid');
CREATE INDEX between_orders ON orders ((status || code), lower(word)) WHERE id BETWEEN 1 AND 5 AND small = 3;
CREATE UNIQUE INDEX ON orders (mail) WHERE mail IN ('a', 'b') AND id BETWEEN 1 AND 2 AND n = 1;
ALTER TABLE orders ADD CONSTRAINT late CHECK (status IN ('new', 'paid', 'late')) NOT VALID;
ALTER TABLE orders ALTER word SET STATISTICS 500, ALTER word SET STORAGE EXTERNAL, ALTER status SET NOT NULL;
CLUSTER orders USING orders_pkey;

CREATE VIEW a_few AS SELECT * FROM orders WHERE id BETWEEN 1 AND 5 AND small = 3;
CREATE VIEW "odd ones" AS SELECT a_few.*,
    CASE WHEN status IN ('a', 'b') THEN 1 WHEN id BETWEEN 1 AND 2 AND small = 2 AND n = 1 THEN 2 ELSE -1 END AS k,
    (SELECT count(*) FROM orders o WHERE o.id = a_few.id AND o.small BETWEEN 1 AND 2 AND o.n = 1) AS many,
    status LIKE 'a%' AND (id = 1 OR id = 2 OR id = 3) AS q, -id AS neg, - (-1) AS m, 2 ^ -1 AS p, extract(year FROM at) AS y,
    ARRAY[1, 2] || 3 AS aa, (id, small) IN ((1, 2), (3, 4)) AS ii, status IS DISTINCT FROM 'x' AS dis,
    status SIMILAR TO 'a' AS si, (1, 2) < (3, id) AS lt, CURRENT_USER::text AS me, at AT TIME ZONE 'UTC' AS utc
FROM a_few;
ALTER TABLE orders RENAME COLUMN code TO kod;
CREATE VIEW joined AS SELECT a.id, b.kod, count(*) FILTER (WHERE a.status IN ('a', 'b')) OVER (PARTITION BY a.status) AS n
    FROM orders a JOIN orders b ON (a.status = b.word AND b.id BETWEEN 1 AND 2 AND a.id = 3)
    LEFT JOIN LATERAL (SELECT kod FROM orders c WHERE c.id = a.id LIMIT 1) l ON true
    WHERE a.status NOT IN ('x', 'y') AND EXISTS (SELECT FROM orders d WHERE d.id = a.id AND d.n = 1 AND d.small = 2);
CREATE VIEW united AS SELECT 1 AS one UNION SELECT 2 UNION ALL (SELECT 3 EXCEPT SELECT 4) ORDER BY 1;
CREATE VIEW with_q AS WITH q AS (SELECT id FROM orders WHERE status IN ('a', 'b')) SELECT * FROM q WHERE id = ANY ('{1,2}');
CREATE MATERIALIZED VIEW counted AS SELECT status, count(*) AS n FROM orders WHERE status NOT IN ('x', 'y')
    AND id NOT BETWEEN 60 AND 70 AND small = -1 GROUP BY status;
CREATE UNIQUE INDEX ON counted (status) WHERE status IN ('a', 'b');

CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER watched BEFORE UPDATE ON orders FOR EACH ROW
    WHEN (NEW.status IN ('a', 'b') AND OLD.id BETWEEN 1 AND 2 AND OLD.small = 1) EXECUTE FUNCTION watch();
CREATE RULE nothing AS ON UPDATE TO orders WHERE NEW.status IN ('a', 'b') AND OLD.id BETWEEN 1 AND 2 AND OLD.small = 1
    DO ALSO NOTHING;
CREATE VIEW editable AS SELECT id, small FROM orders;
CREATE RULE insert_editable AS ON INSERT TO editable DO INSTEAD
    INSERT INTO orders (id, small) VALUES (NEW.id, NEW.small) RETURNING id, small;
CREATE RULE delete_editable AS ON DELETE TO editable WHERE OLD.id IN (1, 2) DO INSTEAD
    (UPDATE orders SET small = 1 WHERE id = OLD.id AND small BETWEEN 1 AND 2 AND id = 3;
     DELETE FROM orders WHERE status IN ('x', 'y'));
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON orders USING (status IN ('a', 'b') AND id BETWEEN 1 AND 2 AND small = 1) WITH CHECK (kod IN ('a', 'b'));
CREATE POLICY reading ON orders AS RESTRICTIVE FOR SELECT TO looker USING (status IN ('new', 'paid'));

CREATE FUNCTION clean(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
CREATE TABLE generated (a varchar, b int,
    k text GENERATED ALWAYS AS (CASE WHEN a IN ('x', 'y') AND b BETWEEN 1 AND 2 AND b <> 4 THEN 'k' ELSE a END) STORED,
    c text GENERATED ALWAYS AS (public.clean(a)) STORED);
INSERT INTO generated VALUES ('x', 1), ('Z', 2);
CREATE INDEX ON generated (public.clean(a));
CREATE STATISTICS plain ON a, b FROM generated;
CREATE STATISTICS expressed ON (CASE WHEN a IN ('x', 'y') THEN 1 ELSE 0 END), b FROM generated;
ALTER STATISTICS plain SET STATISTICS 200;
CREATE DOMAIN grade AS varchar(10) DEFAULT 'a' CHECK (VALUE IN ('a', 'b')) CHECK (length(VALUE) BETWEEN 1 AND 2 AND VALUE <> 'c');
CREATE DOMAIN cleaned AS text CHECK (VALUE = public.clean(VALUE));
CREATE TABLE graded (g grade, c cleaned);
INSERT INTO graded VALUES ('a', 'x'), (DEFAULT, NULL);
CREATE FUNCTION is_few(x varchar DEFAULT 'a', y bool DEFAULT (1 = 1 AND 2 = 2 AND 3 = 3)) RETURNS bool LANGUAGE sql
    RETURN x IN ('a', 'b') AND y AND length(x) BETWEEN 1 AND 2;
CREATE FUNCTION is_atomic(x varchar) RETURNS bool LANGUAGE sql
    BEGIN ATOMIC SELECT x IN ('a', 'b') AND length(x) BETWEEN 1 AND 2; END;
CREATE FUNCTION crlf() RETURNS text LANGUAGE plpgsql AS E'BEGIN\r\n  RETURN ''a\r\nb'';\r\nEND';
CREATE TABLE booked (room int, during tstzrange, state varchar DEFAULT 'ok',
    CONSTRAINT once EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (state IN ('ok', 'held')));
INSERT INTO booked VALUES (1, '[2026-01-01,2026-01-02)');

-- Parents that got columns later, also ones that a child had already.
CREATE TABLE parent (id int, n int DEFAULT 1);
CREATE TABLE child (x text, id int, more int) INHERITS (parent);
CREATE TABLE grandchild (y text) INHERITS (child);
CREATE TABLE two_parents (z text) INHERITS (parent, graded);
INSERT INTO child (id, n, x, more) VALUES (1, 2, E'tab\tx', 7);
INSERT INTO grandchild (id, n, x, y) VALUES (1, 2, 'x', 'y');
INSERT INTO two_parents VALUES (1, 2, 'a', 'b', 'z');
ALTER TABLE parent ADD COLUMN later text DEFAULT 'l';
ALTER TABLE parent ADD COLUMN more int;
ALTER TABLE parent ADD CHECK (n IN (1, 2) AND id BETWEEN 0 AND 9 AND id <> 4);
ALTER TABLE child ALTER n SET DEFAULT 5;
ALTER TABLE grandchild NO INHERIT child;
ALTER TABLE grandchild INHERIT child;
CREATE TABLE split (id int, k varchar) PARTITION BY LIST (lower(k));
CREATE TABLE split_ab PARTITION OF split FOR VALUES IN ('a', 'b');
CREATE TABLE split_c (k varchar, junk int, id int);
ALTER TABLE split_c DROP COLUMN junk;
ALTER TABLE split ATTACH PARTITION split_c FOR VALUES IN ('c');
CREATE TABLE split_rest PARTITION OF split DEFAULT PARTITION BY RANGE (id);
CREATE TABLE split_few PARTITION OF split_rest FOR VALUES FROM (MINVALUE) TO (100);
INSERT INTO split VALUES (1, 'a'), (2, 'c'), (3, 'z');
CREATE INDEX ON split (k) WHERE k IN ('a', 'b');
ALTER TABLE split ADD CONSTRAINT few CHECK (id BETWEEN 0 AND 50 AND k <> 'q');
-- pg_dump loads these rows by way of their root: after a reload they are in other parts.
CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
CREATE TABLE "moo ds" (m mood, n int) PARTITION BY HASH (m);
CREATE TABLE moods_0 PARTITION OF "moo ds" FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE moods_1 PARTITION OF "moo ds" FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE moods_2 PARTITION OF "moo ds" FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO "moo ds" SELECT m, 1 FROM unnest(enum_range(NULL::mood)) AS m;
CREATE TABLE "two
lines" (id int, "c
ol" text);
INSERT INTO "two
lines" VALUES (1, '-- x'), (2, 'SET y'), (3, ''), (4, NULL), (5, '\.');
CREATE TABLE dropped (a int, b int, c text);
INSERT INTO dropped VALUES (1, 2, 'x');
ALTER TABLE dropped DROP COLUMN b, ADD COLUMN d int DEFAULT 4;

CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE passwd (line text CHECK (line NOT IN ('a', 'b'))) SERVER files OPTIONS (filename '/etc/hostname');
CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere', dbname 'x');
CREATE USER MAPPING FOR grower SERVER away OPTIONS (user 'u', password 'p');
CREATE FOREIGN TABLE far (id int OPTIONS (column_name 'Id'), t text DEFAULT 'x') SERVER away OPTIONS (table_name 'T');
CREATE PUBLICATION whole_table FOR TABLE orders;
CREATE PUBLICATION some_rows FOR TABLE generated (a, b) WHERE (b BETWEEN 1 AND 2 AND b <> 3 AND a = 'x');
CREATE PUBLICATION schema_wide FOR TABLES IN SCHEMA public;
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER ddl ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION on_ddl();
CREATE SEQUENCE numbers OWNED BY orders.id;
SELECT setval('numbers', 77);
CREATE TYPE pair AS (a int, b text);
CREATE CAST (pair AS text) WITH INOUT AS ASSIGNMENT;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq, COMMUTATOR = ===);

SELECT lo_from_bytea(500, 'one'), lo_from_bytea(501, 'two'), lo_from_bytea(502, decode(repeat('00ff', 9000), 'hex'));
GRANT SELECT ON LARGE OBJECT 500 TO looker;
GRANT SELECT, UPDATE ON LARGE OBJECT 502 TO looker;
ALTER LARGE OBJECT 501 OWNER TO grower;
-- The same privileges, given in another order.
SELECT lo_create(510), lo_create(511);
GRANT SELECT ON LARGE OBJECT 510 TO looker;
REVOKE ALL ON LARGE OBJECT 511 FROM postgres;
GRANT SELECT ON LARGE OBJECT 511 TO looker;
GRANT ALL ON LARGE OBJECT 511 TO postgres;
-- Writes a row whenever somebody logs in; a drill must not.
CREATE TABLE logins (who text);
CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO public.logins VALUES (session_user); END $$;
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 170000 THEN
        EXECUTE 'CREATE EVENT TRIGGER came ON login EXECUTE FUNCTION on_login()';
        EXECUTE 'ALTER EVENT TRIGGER came ENABLE ALWAYS';
    END IF;
END $$;
-- From here on every session would be that of another role.
ALTER DATABASE grown SET role = 'looker';

COMMENT ON TABLE orders IS 'a comment; -- with dashes';
COMMENT ON COLUMN orders.n IS E'two\nlines';
COMMENT ON CONSTRAINT whole ON orders IS 'c';
COMMENT ON INDEX open_orders IS 'i';
COMMENT ON VIEW "odd ones" IS 'v';
COMMENT ON TRIGGER watched ON orders IS 't';
COMMENT ON RULE nothing ON orders IS 'r';
COMMENT ON POLICY own ON orders IS 'p';
COMMENT ON FUNCTION clean(text) IS 'f';
COMMENT ON DOMAIN grade IS 'd';
COMMENT ON STATISTICS plain IS 's';
COMMENT ON SEQUENCE numbers IS 'q';
COMMENT ON SERVER files IS 's';
COMMENT ON PUBLICATION whole_table IS 'p';
COMMENT ON EVENT TRIGGER ddl IS 'e';
COMMENT ON LARGE OBJECT 500 IS 'o';
COMMENT ON TYPE pair IS 't';
COMMENT ON SCHEMA public IS 'mine';
COMMENT ON EXTENSION citext IS 'x';

GRANT SELECT ON orders, "odd ones" TO looker;
GRANT UPDATE (status) ON orders TO grower WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION clean(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clean(text) TO looker, grower;
ALTER DEFAULT PRIVILEGES FOR ROLE grower GRANT SELECT ON TABLES TO looker;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO looker;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER TABLE booked OWNER TO grower;
ALTER VIEW a_few OWNER TO grower;
