WITH here AS (
    SELECT * FROM pg_catalog.pg_database WHERE datname = current_database()
), statement (place, sql) AS (
    SELECT 1, 'ALTER DATABASE %I OWNER TO ' || replace(quote_ident(pg_get_userbyid(datdba)), '%', '%%') FROM here
    UNION ALL
    SELECT 2, 'ALTER DATABASE %I CONNECTION LIMIT ' || datconnlimit FROM here WHERE datconnlimit >= 0
    UNION ALL
    SELECT 3, 'COMMENT ON DATABASE %I IS '
        || replace(quote_literal(shobj_description(oid, 'pg_database')), '%', '%%')
    FROM here WHERE shobj_description(oid, 'pg_database') IS NOT NULL
    UNION ALL
    SELECT 4, replace(CASE setrole WHEN 0 THEN 'ALTER DATABASE ' ELSE
        'ALTER ROLE ' || quote_ident(pg_get_userbyid(setrole)) || ' IN DATABASE ' END, '%', '%%')
        || '%I SET ' || replace(quote_ident(split_part(setting, '=', 1)) || ' TO ' || CASE
            WHEN value = '""' THEN ''''''
            WHEN lower(split_part(setting, '=', 1)) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries',
                'session_preload_libraries', 'shared_preload_libraries', 'unix_socket_directories')
            THEN value ELSE quote_literal(value) END, '%', '%%')
    FROM here
    JOIN pg_catalog.pg_db_role_setting ON setdatabase = oid
    CROSS JOIN unnest(setconfig) AS setting
    CROSS JOIN substr(setting, strpos(setting, '=') + 1) AS value
    UNION ALL
    SELECT 5, 'REVOKE ALL ON DATABASE %I FROM PUBLIC, ' || replace(quote_ident(pg_get_userbyid(datdba)), '%', '%%')
    FROM here WHERE datacl IS NOT NULL
    UNION ALL
    SELECT 6, 'GRANT ' || privilege_type || ' ON DATABASE %I TO '
        || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE replace(quote_ident(pg_get_userbyid(grantee)), '%', '%%') END
        || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM here CROSS JOIN aclexplode(datacl)
    UNION ALL
    -- pg_dump does not say that it is gone.
    SELECT 7, 'DROP SCHEMA IF EXISTS public'
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public')
)
SELECT text FROM (
    -- How what follows is to be read.
    SELECT 0 AS place, format('SET %s = %L;', name, setting) AS text
    FROM pg_catalog.pg_settings WHERE name IN ('client_encoding', 'lc_monetary')
    UNION ALL
    SELECT place, format('DO %L;', format('BEGIN EXECUTE format(%L, current_database()); END', sql)) FROM statement
) AS line ORDER BY place, text
