WITH text (place, word, database, name, more) AS (
    SELECT 1, 'login', session_user::text, NULL, NULL
    UNION ALL
    SELECT 2, 'tablespace', spcname, NULL, NULL FROM pg_catalog.pg_tablespace
    UNION ALL
    SELECT 3, 'database', datname, CASE
        WHEN datconnlimit = -2 THEN 'broken' WHEN datistemplate THEN 'template' ELSE 'plain' END, NULL
    FROM pg_catalog.pg_database
    UNION ALL
    SELECT 4, 'prepared', database, gid, NULL FROM pg_catalog.pg_prepared_xacts
    UNION ALL
    SELECT 5, 'subscription', datname, subname, subslotname
    FROM pg_catalog.pg_subscription JOIN pg_catalog.pg_database d ON d.oid = subdbid
    UNION ALL
    SELECT 6, 'slot', database, slot_name, NULL FROM pg_catalog.pg_replication_slots WHERE database IS NOT NULL
    UNION ALL
    SELECT 7, 'locale', datcollate, datctype, NULL FROM pg_catalog.pg_database WHERE datname = 'template0'
)
SELECT word
    || ' ' || encode(convert_to(database, getdatabaseencoding()), 'hex')
    || coalesce(' ' || encode(convert_to(name, getdatabaseencoding()), 'hex'), '')
    || coalesce(' ' || encode(convert_to(more, getdatabaseencoding()), 'hex'), '')
FROM text ORDER BY place, database, name
