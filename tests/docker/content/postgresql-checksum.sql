-- Prints the same lines for the same content of the server that postgresql.sql makes, whatever the order of rows:
--   psql -X -A -t -q -v ON_ERROR_STOP=1 -f postgresql-checksum.sql
SET search_path = pg_catalog;
\echo == roles
SELECT a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin, a.rolreplication,
    a.rolconnlimit, md5(a.rolpassword), a.rolvaliduntil AT TIME ZONE 'UTC', shobj_description(a.oid, 'pg_authid'),
    (SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setrole = a.oid AND s.setdatabase = 0)
FROM pg_authid a WHERE a.rolname !~ '^pg_' AND a.rolname <> current_user ORDER BY a.rolname COLLATE "C";
SELECT pg_get_userbyid(roleid), pg_get_userbyid(member), admin_option FROM pg_auth_members
WHERE roleid >= 16384 ORDER BY 1, 2;
\echo == databases
SELECT datname, pg_get_userbyid(datdba), datconnlimit, pg_encoding_to_char(encoding), datcollate,
    shobj_description(oid, 'pg_database'),
    (SELECT string_agg(x::text, ' ' ORDER BY x::text COLLATE "C") FROM unnest(datacl) AS x),
    (SELECT string_agg(concat(setrole::regrole, setconfig), ' ' ORDER BY setrole::regrole::text COLLATE "C")
        FROM pg_db_role_setting WHERE setdatabase = d.oid)
FROM pg_database d WHERE NOT datistemplate ORDER BY datname COLLATE "C";

\connect shop
\ir postgresql-checksum-database.sql
\connect empty
\ir postgresql-checksum-database.sql
\connect -reuse-previous=on postgresql:///we%20ird%20%22x%22%20%27%C3%A9%20%F0%9F%98%80%20%5C%20100%25
\ir postgresql-checksum-database.sql
\connect -reuse-previous=on postgresql:///a%3Db
\ir postgresql-checksum-database.sql
\connect postgres
\ir postgresql-checksum-database.sql
