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
