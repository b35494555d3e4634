-- The content of one database; postgresql-checksum.sql includes it once for each.
SET search_path = pg_catalog;
SET extra_float_digits = 3;
SET TimeZone = 'UTC';
SELECT '== ' || current_database();
CREATE TEMPORARY VIEW own_schemas AS
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema';
CREATE TEMPORARY VIEW own_relations AS
    SELECT c.*, s.nspname FROM pg_class c JOIN own_schemas s ON s.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e');
-- Rows of every table and materialised view.
SELECT CASE WHEN relkind = 'm' AND NOT relispopulated THEN format('SELECT %L', relname || ' unfilled')
    ELSE format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %s%I.%I AS t',
        nspname || '.' || relname, CASE WHEN relkind = 'r' THEN 'ONLY ' ELSE '' END, nspname, relname) END
FROM own_relations WHERE relkind IN ('r', 'p', 'm') ORDER BY nspname COLLATE "C", relname COLLATE "C"
\gexec
-- What a view shows must be the same, too.
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %I.%I AS t',
    nspname || '.' || relname, nspname, relname)
FROM own_relations WHERE relkind = 'v' ORDER BY nspname COLLATE "C", relname COLLATE "C"
\gexec
SELECT 'sequence', schemaname, sequencename, sequenceowner, data_type, start_value, min_value, max_value, increment_by,
    cycle, cache_size, last_value FROM pg_sequences ORDER BY schemaname COLLATE "C", sequencename COLLATE "C";
SELECT 'large object', m.oid, pg_get_userbyid(lomowner), lomacl, length(lo_get(m.oid)), md5(lo_get(m.oid)),
    obj_description(m.oid, 'pg_largeobject') FROM pg_largeobject_metadata m ORDER BY m.oid;
SELECT kind, md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")), count(*) FROM (
    SELECT 'schema' AS kind, concat_ws('|', nspname, pg_get_userbyid(nspowner), nspacl) AS line FROM own_schemas
    UNION ALL
    SELECT 'relation', concat_ws('|', nspname, relname, relkind, relpersistence, pg_get_userbyid(relowner), reloptions,
        relrowsecurity, pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class'),
        (SELECT string_agg(x::text, ' ' ORDER BY x::text COLLATE "C") FROM unnest(relacl) AS x)) FROM own_relations
    UNION ALL
    SELECT 'column', concat_ws('|', nspname, relname, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation::regcollation, attacl,
        col_description(attrelid, attnum), (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
            WHERE adrelid = attrelid AND adnum = attnum))
    FROM pg_attribute JOIN own_relations r ON r.oid = attrelid WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'view', concat_ws('|', nspname, relname, pg_get_viewdef(oid)) FROM own_relations WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT 'index', pg_get_indexdef(oid) FROM own_relations WHERE relkind IN ('i', 'I')
    UNION ALL
    SELECT 'constraint', concat_ws('|', conrelid::regclass, contypid::regtype, conname, convalidated,
        pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN own_schemas s ON s.oid = connamespace
    UNION ALL
    SELECT 'trigger', concat_ws('|', tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT tgisinternal
    UNION ALL
    SELECT 'rule', pg_get_ruledef(w.oid) FROM pg_rewrite w JOIN own_relations r ON r.oid = ev_class
    UNION ALL
    SELECT 'routine', concat_ws('|', p.oid::regprocedure, pg_get_userbyid(proowner), proacl, prokind,
        CASE WHEN prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) END)
    FROM pg_proc p JOIN own_schemas s ON s.oid = pronamespace
    UNION ALL
    SELECT 'type', concat_ws('|', t.oid::regtype, typtype, typbasetype::regtype, (SELECT array_agg(enumlabel
        ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)) FROM pg_type t JOIN own_schemas s
        ON s.oid = typnamespace
    UNION ALL
    SELECT 'extension', concat_ws('|', extname, extversion, extnamespace::regnamespace) FROM pg_extension
    UNION ALL
    SELECT 'policy', concat_ws('|', polname, polrelid::regclass, polcmd, pg_get_expr(polqual, polrelid), (SELECT
        string_agg(pg_get_userbyid(x), ' ') FROM unnest(polroles) AS x)) FROM pg_policy
    UNION ALL
    SELECT 'default privilege', concat_ws('|', pg_get_userbyid(defaclrole), defaclnamespace::regnamespace, defaclobjtype,
        defaclacl) FROM pg_default_acl
    UNION ALL
    SELECT 'statistics', pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
    UNION ALL
    SELECT 'publication', concat_ws('|', pubname, prrelid::regclass) FROM pg_publication p
        LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid
    UNION ALL
    SELECT 'inheritance', concat_ws('|', inhparent::regclass, inhrelid::regclass) FROM pg_inherits
    UNION ALL
    SELECT 'operator', o.oid::regoperator::text FROM pg_operator o JOIN own_schemas s ON s.oid = oprnamespace
) AS everything GROUP BY kind ORDER BY kind COLLATE "C";
DROP VIEW own_relations, own_schemas;
