//! What a load is told between the statements of a dump: where its names are found, and which views have to wait.

/// The path that the database's owner has in it, or else everybody has; then those that other roles have. Whoever asks for
/// something by no more than its name has it in one of these.
pub(super) const OWN_PATH: &str = "\
SELECT pg_catalog.set_config('search_path', pg_catalog.replace(pg_catalog.string_agg(path, ', ' ORDER BY place), '\"$user\"', \
pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(max(owner)))), false) FROM (
SELECT CASE WHEN r.setrole = d.datdba THEN CASE WHEN r.setdatabase = d.oid THEN 1 ELSE 2 END
WHEN r.setrole = 0 THEN 3 WHEN r.setdatabase = d.oid THEN 5 ELSE 6 END AS place, d.datdba AS owner,
pg_catalog.substr(setting, 13) AS path
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_db_role_setting r ON r.setdatabase IN (0, d.oid)
CROSS JOIN pg_catalog.unnest(r.setconfig) AS setting
WHERE d.datname = pg_catalog.current_database() AND setting LIKE 'search\\_path=%'
UNION ALL
SELECT 4, d.datdba, s.reset_val FROM pg_catalog.pg_database d, pg_catalog.pg_settings s
WHERE d.datname = pg_catalog.current_database() AND s.name = 'search_path'
UNION ALL
SELECT 4, d.datdba, '\"$user\", public' FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
) AS paths HAVING true";

/// When the schemas are there: those of extensions come last, and a single one of the database's own.
pub(super) const WHOLE_PATH: &str = "\
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('search_path') || ', ' || more, false) FROM (
SELECT pg_catalog.string_agg(pg_catalog.quote_ident(nspname), ', ') AS more FROM (
SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
UNION
SELECT max(nspname) FROM pg_catalog.pg_namespace n WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extnamespace = n.oid)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend p WHERE p.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
AND p.objid = n.oid AND p.deptype = 'e') HAVING count(*) = 1
) AS schemas) AS found WHERE more IS NOT NULL";

/// `pg_dump` prints `CASE x WHEN`, `NULLIF`, `IS DISTINCT FROM` and `JOIN … USING` without the operator's schema. Where it is not in
/// the path, a type that becomes another one by itself (`citext` becomes `text`) is compared as that one: no error, another
/// meaning.
pub(super) const IF_MEANING_DEPENDS_ON_IT: &str = "
AND EXISTS (SELECT FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
JOIN pg_catalog.pg_operator o ON o.oprleft = c.castsource AND o.oprright = c.castsource
WHERE c.castcontext = 'i' AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
AND o.oprname = '=' AND o.oprnamespace <> t.typnamespace)";
pub(super) const END: &str = ";\n";

/// Behind all of these comes the schema of the object that is made: mostly, it was made with that in the path.
pub(super) const FOLLOW_SCHEMAS: &str = "\
SELECT pg_catalog.set_config('dumpcar.path', pg_catalog.current_setting('search_path'), false);
CREATE FUNCTION pg_temp.p(text) RETURNS text LANGUAGE sql AS
'SELECT pg_catalog.set_config(''search_path'', pg_catalog.current_setting(''dumpcar.path'') || '', '' || pg_catalog.quote_ident($1), false)';
";

/// From 17 on, a server makes indexes and fills materialized views with an empty path, whatever the session has. A path of its own
/// is what a function then still has.
pub(super) const GIVE_ROUTINES_THE_PATH: &str = "\
DO $dumpcar$
DECLARE routine record; done text := '';
BEGIN
FOR routine IN SELECT p.oid, n.nspname FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.prokind IN ('f', 'p') AND l.lanname NOT IN ('c', 'internal')
AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS setting WHERE setting LIKE 'search\\_path=%')
LOOP
PERFORM pg_temp.p(routine.nspname);
BEGIN
EXECUTE pg_catalog.format('ALTER ROUTINE %s SET search_path FROM CURRENT', routine.oid::pg_catalog.regprocedure);
done := done || ' ' || routine.oid;
-- Of an extension that another role has made.
EXCEPTION WHEN insufficient_privilege THEN NULL;
END;
END LOOP;
PERFORM pg_catalog.set_config('dumpcar.routines', done, false);
END $dumpcar$;
";
pub(super) const TAKE_IT_BACK: &str = "\
DO $dumpcar$
DECLARE routine text;
BEGIN
FOR routine IN SELECT o::pg_catalog.oid::pg_catalog.regprocedure
FROM pg_catalog.regexp_split_to_table(pg_catalog.current_setting('dumpcar.routines'), ' ') AS o WHERE o <> ''
LOOP
EXECUTE pg_catalog.format('ALTER ROUTINE %s RESET search_path', routine);
END LOOP;
END $dumpcar$;
";

/// `pg_dump` sees that a view reads another one, and not that a function of its does. One that cannot be filled yet is filled at
/// the end.
pub(super) const REFRESH_LATER: &str = "\
SELECT pg_catalog.set_config('dumpcar.views', '', false);
CREATE FUNCTION pg_temp.r(view text) RETURNS void LANGUAGE plpgsql AS $dumpcar$
BEGIN
EXECUTE 'REFRESH MATERIALIZED VIEW ' || view;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
PERFORM pg_catalog.set_config('dumpcar.views', pg_catalog.current_setting('dumpcar.views') || E'\\n' || view, false);
END $dumpcar$;
";
pub(super) const REFRESH_THE_REST: &str = "\
DO $dumpcar$
DECLARE views text[] := pg_catalog.string_to_array(pg_catalog.substr(pg_catalog.current_setting('dumpcar.views'), 2), E'\\n');
rest text[]; view text; said text;
BEGIN
WHILE pg_catalog.cardinality(views) > 0 LOOP
rest := '{}';
FOREACH view IN ARRAY views LOOP
BEGIN
EXECUTE 'REFRESH MATERIALIZED VIEW ' || view;
EXCEPTION WHEN object_not_in_prerequisite_state THEN rest := rest || view; said := SQLERRM;
END;
END LOOP;
IF pg_catalog.cardinality(rest) = pg_catalog.cardinality(views) THEN RAISE '%', said; END IF;
views := rest;
END LOOP;
END $dumpcar$;
";
