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
    || translate(format('TEMPLATE template0 ENCODING %L', pg_encoding_to_char(encoding))
        || coalesce(' LOCALE_PROVIDER ' || CASE j ->> 'datlocprovider'
            WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' WHEN 'c' THEN 'libc' END, '')
        || format(' LC_COLLATE %L LC_CTYPE %L', datcollate, datctype)
        || coalesce(CASE j ->> 'datlocprovider' WHEN 'i' THEN ' ICU_LOCALE ' WHEN 'b' THEN ' BUILTIN_LOCALE ' END
            || quote_literal(coalesce(j ->> 'datlocale', j ->> 'daticulocale')), ''), E'\r\n', '  ')
FROM pg_catalog.pg_database d CROSS JOIN to_jsonb(d) AS j
WHERE NOT datistemplate
