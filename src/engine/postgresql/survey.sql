SELECT 'version ' || current_setting('server_version')
UNION ALL
SELECT 'accounts ' || has_table_privilege('pg_catalog.pg_authid', 'SELECT')::int
UNION ALL
SELECT CASE WHEN datconnlimit = -2 THEN 'broken ' WHEN NOT datallowconn THEN 'closed ' ELSE 'database ' END
    || encode(convert_to(datname::text, getdatabaseencoding()), 'hex')
    || CASE WHEN datallowconn AND datconnlimit <> -2 AND has_database_privilege(oid, 'CONNECT')
        THEN ' ' || pg_database_size(oid) ELSE '' END
FROM pg_catalog.pg_database
WHERE NOT datistemplate
UNION ALL
SELECT 'options ' || encode(convert_to(datname::text, getdatabaseencoding()), 'hex') || ' '
    || encode(convert_to(jsonb_strip_nulls(jsonb_build_object(
        'encoding', pg_encoding_to_char(encoding),
        'locale_provider', CASE j ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' WHEN 'c' THEN 'libc' END,
        'collate', datcollate,
        'ctype', datctype,
        'locale', coalesce(j ->> 'datlocale', j ->> 'daticulocale'),
        'icu_rules', j ->> 'daticurules',
        'tablespace', CASE WHEN spcname <> 'pg_default' THEN spcname END,
        'tablespaces', (
            SELECT jsonb_agg(o.spcname ORDER BY o.spcname) FROM pg_catalog.pg_tablespace o
            WHERE o.spcname !~ '^pg_' AND o.oid <> dattablespace AND (
                d.oid IN (SELECT pg_tablespace_databases(o.oid)) OR EXISTS (
                    SELECT FROM pg_catalog.pg_shdepend WHERE dbid = d.oid AND refobjid = o.oid
                    AND refclassid = 'pg_catalog.pg_tablespace'::regclass)))
    ))::text, getdatabaseencoding()), 'hex')
FROM pg_catalog.pg_database d CROSS JOIN to_jsonb(d) AS j
JOIN pg_catalog.pg_tablespace t ON t.oid = dattablespace
WHERE NOT datistemplate
