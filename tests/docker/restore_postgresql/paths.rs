use super::{holds, restored};
use crate::support::servers::{POSTGRESQL_15, POSTGRESQL_17, Product, Server};
use crate::support::world::World;

/// Each has a name in it that only its own path finds, and what tells that it came back.
const PATHS: [(&str, &str, &str); 7] = [
    (
        "photos",
        "CREATE FUNCTION clean(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
         CREATE FUNCTION k(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT clean($1)';
         CREATE TABLE p (n text, g text GENERATED ALWAYS AS (k(n)) STORED); CREATE INDEX p_k ON p (k(n));
         INSERT INTO p VALUES ('X');",
        "SELECT n, g FROM public.p WHERE public.k(n) = 'x'",
    ),
    (
        "bags",
        "CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; ALTER DATABASE bags SET search_path = public, ext;
         SET search_path = public, ext; CREATE TABLE h (p hstore);
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER t BEFORE UPDATE ON h FOR EACH ROW WHEN (OLD.p IS DISTINCT FROM NEW.p) EXECUTE FUNCTION keep();
         INSERT INTO h VALUES ('a=>1');",
        "SELECT p, (SELECT tgname FROM pg_trigger) FROM public.h",
    ),
    (
        "sums",
        "CREATE TABLE src (n text); INSERT INTO src VALUES ('A');
         CREATE FUNCTION look() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT n FROM src; END';
         CREATE MATERIALIZED VIEW mv AS SELECT * FROM look() AS n;",
        "SELECT n FROM public.mv",
    ),
    (
        "owned",
        "CREATE ROLE \"Own er\"; ALTER ROLE \"Own er\" SET search_path = '$user', app; ALTER DATABASE owned OWNER TO \"Own er\";
         CREATE SCHEMA \"Own er\"; CREATE SCHEMA app; SET search_path = app;
         CREATE FUNCTION \"Own er\".one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION two(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + one(); END';
         CREATE TABLE c (a int, b int GENERATED ALWAYS AS (two(a)) STORED, CHECK (two(a) > 0));
         SET search_path = \"Own er\", app; INSERT INTO c VALUES (1);",
        "SELECT a, b FROM app.c",
    ),
    (
        "by_name",
        "CREATE SCHEMA app; SET search_path = app; CREATE TABLE limits (most int); INSERT INTO limits VALUES (9);
         CREATE FUNCTION is_small(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 <= most FROM limits';
         CREATE TABLE c (a int CHECK (is_small(a))); INSERT INTO c VALUES (3);",
        "SELECT a FROM app.c",
    ),
    (
        "words",
        "CREATE EXTENSION unaccent; CREATE FUNCTION bare(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT unaccent(''unaccent'', $1)';
         CREATE TABLE w (t text, u text GENERATED ALWAYS AS (bare(t)) STORED); INSERT INTO w VALUES ('é');",
        "SELECT t, u FROM public.w",
    ),
    // Nothing says which schema: each has what its own objects ask for.
    (
        "tenants",
        "CREATE SCHEMA one; SET search_path = one; CREATE COLLATION mine FROM \"C\"; CREATE TABLE most (m int); INSERT INTO most VALUES (5);
         CREATE FUNCTION few() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT m FROM most); END';
         CREATE FUNCTION above(text) RETURNS bool IMMUTABLE LANGUAGE sql AS $$SELECT $1 COLLATE mine > 'a'$$;
         CREATE TABLE c (a int CHECK (a < few()), t text CHECK (above(t))); INSERT INTO c VALUES (1, 'b');
         CREATE FUNCTION \"add\"(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + few()'; CREATE INDEX ON c (\"add\"(a));
         CREATE SCHEMA two; SET search_path = two; CREATE TABLE most (m int); INSERT INTO most VALUES (500); CREATE TYPE mood AS ENUM ('x');
         CREATE FUNCTION few() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$DECLARE m mood := 'x'; BEGIN RETURN (SELECT most.m FROM most); END$$;
         CREATE TABLE c (a int CHECK (a < few())); INSERT INTO c VALUES (100);",
        "SET search_path = one; SELECT * FROM one.c WHERE one.add(a) = 6; SET search_path = two;
         SELECT * FROM two.c WHERE a + two.few() = 600; RESET search_path",
    ),
];

/// What loads without an error, and would not be the same; and what loads in another order only.
const MEANINGS: [(&str, &str, &str); 2] = [
    (
        "folded",
        "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; SET search_path = public, ext;
         CREATE TABLE u (e citext, n int); INSERT INTO u VALUES ('A', 0); CREATE TABLE w (e citext); INSERT INTO w VALUES ('a');
         CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n = OLD.n + 1; RETURN NEW; END';
         CREATE TRIGGER t BEFORE UPDATE ON u FOR EACH ROW WHEN (OLD.e IS DISTINCT FROM NEW.e) EXECUTE FUNCTION changed();
         CREATE VIEW v AS SELECT CASE e WHEN 'a'::citext THEN 'same' END AS c, NULLIF(e, 'a'::citext) AS d, e IN ('a'::citext, 'b') AS i FROM u;
         CREATE VIEW j AS SELECT count(*) FROM u JOIN w USING (e);
         CREATE TABLE k (e citext CHECK (e IS NOT DISTINCT FROM 'a'::citext)); INSERT INTO k VALUES ('A');",
        "SELECT * FROM public.v; SELECT * FROM public.j; SELECT * FROM public.k;
         BEGIN; UPDATE public.u SET e = 'a'; SELECT n FROM public.u; ROLLBACK",
    ),
    (
        "views",
        "CREATE TABLE s (i int); INSERT INTO s VALUES (1), (2); CREATE MATERIALIZED VIEW z AS SELECT sum(i) AS t FROM s;
         CREATE FUNCTION public.get() RETURNS SETOF bigint LANGUAGE sql AS 'SELECT t FROM public.z';
         CREATE MATERIALIZED VIEW m AS SELECT g FROM public.get() AS g; CREATE UNIQUE INDEX ON m (g);
         CREATE FUNCTION public.again() RETURNS SETOF bigint LANGUAGE sql AS 'SELECT g FROM public.m';
         CREATE MATERIALIZED VIEW a AS SELECT g FROM public.again() AS g; CREATE MATERIALIZED VIEW empty AS SELECT g FROM a WITH NO DATA;",
        "SELECT * FROM public.a, public.m, public.z; SELECT matviewname FROM pg_matviews WHERE NOT ispopulated",
    ),
];

fn what_loads_is_what_it_was(product: Product) {
    let world = World::new();
    let names = MEANINGS.map(|(name, ..)| name).join(",");
    let server = Server::target(&world, product, "secret", &[("name", "t"), ("databases", &names)]);
    let content = |server: &Server| {
        MEANINGS.map(|(name, _, query)| server.load(name, format!("{query};\n").as_bytes()))
    };
    for (name, sql, _) in MEANINGS {
        server.sql(&format!("CREATE DATABASE {name};"));
        server.load(name, sql.as_bytes());
    }
    let before = content(&server);
    assert_eq!(before, ["same||t\n1\nA\n0\n", "3|3|3\nempty\n"]);
    world.back_up();
    let said = restored(&world, &[]);
    assert_eq!(content(&server), before);
    assert!(!said.contains("its own search_path"), "{said}");
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_loads_in_postgresql_15_is_what_it_was() {
    what_loads_is_what_it_was(POSTGRESQL_15);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_loads_in_postgresql_17_is_what_it_was() {
    what_loads_is_what_it_was(POSTGRESQL_17);
}

/// Functions are what they were: the path they got for the load is not one they keep.
const SETTINGS: &str =
    "SELECT count(*) FROM pg_proc WHERE proconfig IS NOT NULL AND pronamespace::regnamespace::text !~ '^pg_'";

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_is_found_only_by_a_path_comes_back() {
    let world = World::new();
    let names = PATHS.map(|(name, ..)| name).join(",");
    let server = Server::target(&world, POSTGRESQL_15, "secret", &[("name", "t"), ("databases", &names)]);
    let content = |server: &Server| {
        PATHS.map(|(name, _, query)| server.load(name, format!("{query};\n{SETTINGS};\n").as_bytes()))
    };
    for (name, sql, _) in PATHS {
        server.sql(&format!("CREATE DATABASE {name};"));
        server.load(name, sql.as_bytes());
    }
    let before = content(&server);
    world.back_up();
    server.sql("DROP DATABASE photos;");
    let said = restored(&world, &[]);
    assert_eq!(content(&server), before);
    for (name, ..) in PATHS {
        holds(&said, &[&format!("database \\\"{name}\\\" was loaded with its own search_path")]);
    }
    let drilled = world.run(&["drill", "t"]);
    assert_eq!(drilled.status, 0, "{}", drilled.stderr);
    // A newer server makes indexes and fills views with an empty path, whatever it is told.
    let newer = Server::plain(POSTGRESQL_17, "other");
    restored(&world, &["--globals", "--to", &newer.container.name]);
    assert_eq!(content(&newer), before);
}
