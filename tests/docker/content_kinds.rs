//! Whatever is taken out of a database, or changed in it: two dumps of the real tool tell, and its name is told.

use dumpcar::model::content::{Content, Counter, Dialect};

use super::support::servers::{Kind, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};

/// What the tool prints of the database now, as Dumpcar calls it.
fn content(server: &Server) -> Content {
    let (dialect, script) = match server.product.kind {
        Kind::Postgresql => (Dialect::Postgresql, "pg_dump -U postgres kinds"),
        Kind::Mariadb => (
            Dialect::Mysql,
            "MYSQL_PWD=secret mariadb-dump -uroot --single-transaction --quick --routines --triggers --events --hex-blob \
             --no-tablespaces --default-character-set=utf8mb4 --skip-add-locks --dump-history kinds",
        ),
        Kind::Mysql => (
            Dialect::Mysql,
            "MYSQL_PWD=secret mysqldump -uroot --single-transaction --quick --routines --triggers --events --hex-blob \
             --no-tablespaces --default-character-set=utf8mb4 --set-gtid-purged=OFF kinds",
        ),
    };
    let mut counter = Counter::new(dialect);
    counter.take(server.container.exec(&["sh", "-c", script]).as_bytes());
    counter.end()
}

/// Each change is made in the database, on top of those before, and told by name: `why` is all that is told.
fn each_change_is_named(product: Product, made: &str, changes: &[(&str, &str)]) {
    let server = Server::plain(product, "secret");
    server.sql("CREATE DATABASE kinds;\n");
    server.load("kinds", made.as_bytes());
    let mut before = content(&server);
    assert_eq!(before.differences(&content(&server)), [], "two dumps of one database");
    let mut wrong = Vec::new();
    for (change, why) in changes {
        server.load("kinds", change.as_bytes());
        let after = content(&server);
        let told: Vec<_> = before.differences(&after).iter().map(ToString::to_string).collect();
        if told.join(", ") != *why {
            wrong.push(format!("{change}\n    {}\n    instead of {why}", told.join(", ")));
        }
        before = after;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const POSTGRESQL: &str = "
CREATE ROLE one; CREATE ROLE two;
CREATE TABLE other (id int PRIMARY KEY);
CREATE TABLE orders (id serial PRIMARY KEY, n int DEFAULT 4 CHECK (n > 0), t text, o int REFERENCES other);
INSERT INTO orders (n, t) SELECT i, 'x' || i FROM generate_series(1, 9) AS i;
CREATE INDEX by_n ON orders (n) WHERE n > 5;
CREATE VIEW few AS SELECT * FROM orders WHERE n > 2;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * ($1)';
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER tr BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tf();
CREATE RULE ru AS ON DELETE TO orders DO ALSO NOTHING;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY po ON orders USING (n > 0);
CREATE DOMAIN dom AS int CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE STATISTICS st ON n, t FROM orders;
CREATE PUBLICATION pub FOR TABLE other;
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS one;
COMMENT ON COLUMN orders.t IS 'old';
GRANT SELECT ON orders TO one, two;
GRANT UPDATE (t) ON orders TO one;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO one;
SELECT lo_from_bytea(77, 'abc');
CREATE SEQUENCE seq;
CREATE EXTENSION citext;
";

#[test]
#[ignore = "needs Docker"]
fn each_change_in_postgresql_is_named() {
    each_change_is_named(
        POSTGRESQL_17,
        POSTGRESQL,
        &[
            ("DELETE FROM orders WHERE id = 9", "table public.orders has 8 rows instead of 9"),
            (
                "UPDATE orders SET t = 'y' WHERE id = 1",
                "table public.orders has as many rows, with other values",
            ),
            // As many of each value, in other rows.
            (
                "UPDATE orders SET t = CASE id WHEN 2 THEN 'x3' ELSE 'x2' END WHERE id IN (2, 3)",
                "table public.orders has as many rows, with other values",
            ),
            (
                "UPDATE orders SET n = id, t = n::text WHERE id = 4; UPDATE orders SET t = 'x4' WHERE id = 4",
                "",
            ),
            (
                "ALTER TABLE orders DROP CONSTRAINT orders_n_check",
                "check constraint orders_n_check on public.orders is missing",
            ),
            (
                "ALTER TABLE orders DROP CONSTRAINT orders_o_fkey",
                "foreign key orders_o_fkey on public.orders is missing",
            ),
            ("ALTER TABLE orders ALTER n SET DEFAULT 5", "default of n on public.orders is not the same"),
            ("ALTER TABLE orders ALTER n DROP DEFAULT", "default of n on public.orders is missing"),
            ("ALTER TABLE orders ALTER id DROP DEFAULT", "default of id on public.orders is missing"),
            ("ALTER TABLE orders ALTER t SET NOT NULL", "table public.orders is not the same"),
            (
                "DROP INDEX by_n; CREATE INDEX by_n ON orders (n) WHERE n > 6",
                "index public.by_n is not the same",
            ),
            ("DROP INDEX by_n", "index public.by_n is missing"),
            (
                "CREATE OR REPLACE VIEW few AS SELECT * FROM orders WHERE n > 3",
                "view public.few is not the same",
            ),
            (
                "CREATE OR REPLACE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'",
                "function public.twice(integer) is not the same",
            ),
            ("ALTER FUNCTION twice(int) IMMUTABLE", "function public.twice(integer) is not the same"),
            ("DROP FUNCTION twice(int)", "function public.twice(integer) is missing"),
            ("ALTER TABLE orders DISABLE TRIGGER tr", "trigger tr on public.orders is not the same"),
            ("DROP TRIGGER tr ON orders", "trigger tr on public.orders is missing"),
            ("DROP RULE ru ON orders", "rule ru on public.orders is missing"),
            ("ALTER POLICY po ON orders USING (n > 1)", "policy po on public.orders is not the same"),
            ("DROP POLICY po ON orders", "policy po on public.orders is missing"),
            ("ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "row security of public.orders is missing"),
            ("ALTER DOMAIN dom DROP CONSTRAINT dom_check", "domain public.dom is not the same"),
            ("ALTER TYPE mood ADD VALUE 'c'", "type public.mood is not the same"),
            ("DROP STATISTICS st", "statistics public.st is missing"),
            ("ALTER PUBLICATION pub DROP TABLE other", "publication public.pub other is missing"),
            ("COMMENT ON COLUMN orders.t IS 'new'", "comment on column public.orders.t is not the same"),
            ("COMMENT ON COLUMN orders.t IS NULL", "comment on column public.orders.t is missing"),
            ("REVOKE SELECT ON orders FROM two", "privileges on table public.orders is not the same"),
            ("REVOKE UPDATE (t) ON orders FROM one", "privileges on column public.orders.t is missing"),
            (
                "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM one",
                "default privileges DEFAULT PRIVILEGES FOR TABLES is missing",
            ),
            ("ALTER TABLE other OWNER TO one", "table public.other has another owner"),
            ("ALTER DATABASE kinds SET work_mem = '9MB'", ""),
            ("SELECT setval('seq', 42)", "value of sequence public.seq is not the same"),
            ("ALTER SEQUENCE seq INCREMENT 2", "sequence public.seq is not the same"),
            ("SELECT lo_put(77, 0, 'x')", "table large objects has as many rows, with other values"),
            ("SELECT lo_unlink(77)", "table large objects is missing, large object 77 is missing"),
            (
                "REFRESH MATERIALIZED VIEW mv WITH NO DATA",
                "content of materialized view public.mv is missing",
            ),
            ("DROP EXTENSION citext", "comment on extension citext is missing, extension citext is missing"),
            ("DROP TABLE other", "table public.other is missing"),
            ("CREATE TABLE more (id int)", "unexpected table public.more, unexpected table public.more"),
        ],
    );
}

const MYSQL: &str = "
CREATE TABLE other (id int PRIMARY KEY);
INSERT INTO other VALUES (1);
CREATE TABLE orders (id int PRIMARY KEY AUTO_INCREMENT, n int DEFAULT 4, t varchar(20) COMMENT 'old', o int, b blob,
    CONSTRAINT few CHECK (n > 0), KEY by_n (n), CONSTRAINT fk FOREIGN KEY (o) REFERENCES other (id)) COMMENT = 'it';
INSERT INTO orders (n, t, b) VALUES (1, 'a''b', x'00ff'), (2, 'x, (y)', NULL), (3, 'z;', ''), (4, 'q', 'q');
CREATE VIEW v AS SELECT n FROM orders WHERE n > 2;
CREATE FUNCTION twice (a int) RETURNS int DETERMINISTIC RETURN 2 * (a);
CREATE PROCEDURE pr () SELECT 'a';
CREATE TRIGGER tr BEFORE INSERT ON orders FOR EACH ROW SET NEW.n = 1;
CREATE EVENT ev ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' DO DELETE FROM orders;
CREATE TABLE parts (a int) PARTITION BY RANGE (a) (PARTITION p1 VALUES LESS THAN (5), PARTITION p2 VALUES LESS THAN (9));
";

const MYSQL_CHANGES: &[(&str, &str)] = &[
    ("DELETE FROM orders WHERE id = 4", "table orders has 3 rows instead of 4"),
    ("UPDATE orders SET t = 'x, (z)' WHERE id = 2", "table orders has as many rows, with other values"),
    ("UPDATE orders SET b = x'00fe' WHERE id = 1", "table orders has as many rows, with other values"),
    // As many of each value, in other rows.
    ("UPDATE orders SET n = 5 - n WHERE id IN (2, 3)", "table orders has as many rows, with other values"),
    ("ALTER TABLE orders DROP CONSTRAINT few", "check constraint few on orders is missing"),
    ("ALTER TABLE orders DROP FOREIGN KEY fk", "foreign key fk on orders is missing"),
    ("ALTER TABLE orders DROP KEY by_n, ADD KEY by_n (n, t)", "index by_n on orders is not the same"),
    ("ALTER TABLE orders DROP KEY by_n", "index by_n on orders is missing"),
    ("ALTER TABLE orders ALTER n SET DEFAULT 5", "table orders is not the same"),
    ("ALTER TABLE orders MODIFY t varchar(20) COMMENT 'new'", "table orders is not the same"),
    ("ALTER TABLE orders COMMENT 'new'", "table orders is not the same"),
    ("ALTER TABLE orders AUTO_INCREMENT = 77", "next number of orders is not the same"),
    ("CREATE OR REPLACE VIEW v AS SELECT n FROM orders WHERE n > 3", "view v is not the same"),
    (
        "CREATE USER somebody; CREATE OR REPLACE DEFINER = somebody VIEW v AS SELECT n FROM orders WHERE n > 3",
        "view v is not the same",
    ),
    (
        "DROP FUNCTION twice; CREATE FUNCTION twice (a int) RETURNS int DETERMINISTIC RETURN 2 * a",
        "function twice is not the same",
    ),
    ("DROP FUNCTION twice", "function twice is missing"),
    (
        "SET sql_mode = 'ANSI'; DROP PROCEDURE pr; CREATE PROCEDURE pr () SELECT 'a'",
        "procedure pr is not the same",
    ),
    ("DROP PROCEDURE pr", "procedure pr is missing"),
    (
        "DROP TRIGGER tr; CREATE TRIGGER tr BEFORE INSERT ON orders FOR EACH ROW SET NEW.n = 2",
        "trigger tr is not the same",
    ),
    ("DROP TRIGGER tr", "trigger tr is missing"),
    ("ALTER EVENT ev DISABLE", "event ev is not the same"),
    ("DROP EVENT ev", "event ev is missing"),
    ("ALTER TABLE parts DROP PARTITION p2", "table parts is not the same"),
    ("DROP VIEW v", "view v is missing"),
    ("DROP TABLE other", "table other is missing"),
    ("CREATE TABLE more (id int)", "unexpected table more, unexpected table more"),
];

#[test]
#[ignore = "needs Docker"]
fn each_change_in_mysql_is_named() {
    each_change_is_named(MYSQL_9_7, MYSQL, MYSQL_CHANGES);
}

#[test]
#[ignore = "needs Docker"]
fn each_change_in_mariadb_is_named() {
    let made = format!(
        "{MYSQL}CREATE SEQUENCE seq;\nCREATE TABLE old (a int) WITH SYSTEM VERSIONING;\nINSERT INTO old VALUES (1);\n"
    );
    let own = [
        ("SELECT SETVAL(seq, 4000)", "sequence seq is not the same"),
        ("DROP SEQUENCE seq", "sequence seq is missing"),
        ("UPDATE old SET a = 2", "table old has 2 rows instead of 1"),
        (
            "ALTER TABLE old DROP SYSTEM VERSIONING",
            "table old has 1 rows instead of 2, table old is not the same",
        ),
    ];
    each_change_is_named(MARIADB_11_8, &made, &[MYSQL_CHANGES, &own].concat());
}
