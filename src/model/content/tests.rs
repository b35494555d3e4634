mod differences;

use proptest::prelude::*;

use super::*;

const POSTGRESQL: &str = "\
-- Made with: CREATE DATABASE shop ENCODING 'UTF8';
DO 'ALTER DATABASE shop OWNER TO shop';
--
-- PostgreSQL database dump
--

\\restrict aaaa

-- Dumped from database version 17.6
SET statement_timeout = 0;

--
-- Name: clean(text); Type: FUNCTION; Schema: public; Owner: shop
--

CREATE FUNCTION public.clean(text) RETURNS text
    LANGUAGE sql
    AS $_$

--
-- not a header
--
SELECT 1 $_$;


ALTER FUNCTION public.clean(text) OWNER TO shop;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: orders; Type: TABLE; Schema: public; Owner: shop
--

CREATE TABLE public.orders (
    id integer NOT NULL,
    status text DEFAULT 'a, (b'::text NOT NULL,
    CONSTRAINT orders_status_check CHECK ((status <> 'x'::text))
);


ALTER TABLE public.orders OWNER TO shop;

--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.orders (id, status) FROM stdin;
1\ta
\\\\.\t2
\\\\restrict\t2
\\.


--
-- Data for Name: we; Type: TABLE DATA; ird; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.\"we; Type: TABLE DATA; ird\" (id) FROM stdin;
\\.


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('424242', 131072);
SELECT pg_catalog.lowrite(0, '\\x00ff');
SELECT pg_catalog.lo_close(0);

SELECT pg_catalog.lo_open('424243', 131072);
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: orders_id_seq; Type: SEQUENCE SET; Schema: public; Owner: shop
--

SELECT pg_catalog.setval('public.orders_id_seq', 7, true);


--
-- Name: TABLE orders; Type: ACL; Schema: public; Owner: shop
--

GRANT SELECT ON TABLE public.orders TO a;
GRANT SELECT ON TABLE public.orders TO b;


--
-- PostgreSQL database dump complete
--

\\unrestrict aaaa
";

const MYSQL: &str = "\
/*M!999999\\- enable the sandbox mode */
-- MySQL dump 10.13
-- Host: localhost    Database: shop
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;

--
-- Table structure for table `orders`
--

DROP TABLE IF EXISTS `orders`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `orders` (
  `id` int NOT NULL AUTO_INCREMENT,
  `VAL(` varchar(9) COLLATE utf8mb4_bin DEFAULT 'a; (',
  PRIMARY KEY (`id`),
  KEY `val` (`VAL(`),
  CONSTRAINT `few` CHECK ((`id` > 0)),
  CONSTRAINT `one` FOREIGN KEY (`id`) REFERENCES `od``d` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=6 DEFAULT CHARSET=utf8mb4;

--
-- Dumping data for table `orders`
--

LOCK TABLES `orders` WRITE;
/*!40000 ALTER TABLE `orders` DISABLE KEYS */;
INSERT INTO `orders` VALUES (1,'a(b),(\\'c'),(2,'it''s; ('),(3,_binary 'x\\\\');
INSERT INTO `orders` (`id`, `VAL(`) VALUES
(4,'(VALUES'),
(5,NULL);
UNLOCK TABLES;
/*!50003 SET sql_mode              = 'ANSI' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `t1` BEFORE INSERT ON `orders` FOR EACH ROW BEGIN
INSERT INTO `log` VALUES (1);
END */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;

--
-- Table structure for table `od``d`
--

CREATE TABLE `od``d` (
  `id` int
);

--
-- Final view structure for view `v`
--

/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 VIEW `v` AS select (1) AS `1` */;
-- Dump completed on 2026-11-23 23:00:00
";

fn content(dialect: Dialect, dump: &str, piece: usize) -> Content {
    let mut counter = Counter::new(dialect);
    dump.as_bytes().chunks(piece).for_each(|piece| counter.take(piece));
    counter.end()
}

fn postgresql(dump: &str) -> Content {
    content(Dialect::Postgresql, dump, 100)
}

fn mysql(dump: &str) -> Content {
    content(Dialect::Mysql, dump, 100)
}

fn rows_of(content: &Content) -> Vec<(&str, u64)> {
    content.rows_of.iter().map(|(name, rows)| (&**name, rows.rows)).collect()
}

fn objects(content: &Content) -> Vec<String> {
    let named = content.definitions.0.iter().flat_map(|(kind, group)| match group {
        definitions::Group::Named(objects) => {
            objects.keys().map(|name| format!("{kind} {name}")).collect::<Vec<_>>()
        }
        definitions::Group::Summed(sums) => vec![format!("{kind} {}", sums.count)],
    });
    named.collect()
}

#[test]
fn everything_is_found_however_the_dump_is_split() {
    for piece in [1, 2, 3, 7, 64, 10_000] {
        let found = content(Dialect::Postgresql, POSTGRESQL, piece);
        assert_eq!(
            rows_of(&found),
            [("large objects", 2), ("public.orders", 3), ("public.we; Type: TABLE DATA; ird", 0)]
        );
        assert_eq!(found, content(Dialect::Postgresql, POSTGRESQL, 1_000_000), "{piece}");
        let found = content(Dialect::Mysql, MYSQL, piece);
        assert_eq!(rows_of(&found), [("od`d", 0), ("orders", 5)]);
        assert_eq!(found, content(Dialect::Mysql, MYSQL, 1_000_000), "{piece}");
        assert_eq!((found.tables, found.rows), (2, 5));
    }
    assert_eq!(
        objects(&postgresql(POSTGRESQL)),
        [
            "check constraint orders_status_check on public.orders",
            "default of status on public.orders",
            "encoding and locale of the database",
            "function public.clean(text)",
            "privileges on table public.orders",
            "settings of the database",
            "table public.orders",
            "value of sequence public.orders_id_seq",
        ]
    );
    assert_eq!(
        objects(&mysql(MYSQL)),
        [
            "check constraint few on orders",
            "foreign key one on orders",
            "index PRIMARY on orders",
            "index val on orders",
            "next number of orders",
            "table od`d",
            "table orders",
            "trigger t1",
            "view v",
        ]
    );
}

/// These numbers are in manifests, which outlive the program.
#[test]
fn a_content_stays_what_it_is() {
    insta::assert_snapshot!("postgresql", pretty(&postgresql(POSTGRESQL)));
    insta::assert_snapshot!("mysql", pretty(&mysql(MYSQL)));
    for content in [postgresql(POSTGRESQL), mysql(MYSQL)] {
        assert!(content.adds_up());
        let json = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content);
        let mut without = content.clone();
        without.forget_names();
        assert!(without.adds_up() && without.named_bytes() == 0);
        let json = serde_json::to_string(&without).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), without);
        assert_eq!(said(&content.differences(&without)), [""; 0]);
        assert_eq!(without.definitions.count(), content.definitions.count());
    }
    assert!(serde_json::from_str::<Fingerprint>("\"+123456789abcdef\"").is_err());
}

fn pretty(content: &Content) -> String {
    serde_json::to_string_pretty(content).unwrap()
}

fn said(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn what_differs_from_dump_to_dump_does_not_count() {
    let other = POSTGRESQL.replace("aaaa", "bbbb").replace("17.6", "17.7");
    assert_eq!(postgresql(POSTGRESQL), postgresql(&other));
    let other = MYSQL.replace("23:00:00", "23:00:01").replace("10.13", "10.14");
    assert_eq!(mysql(MYSQL), mysql(&other));
    // The same words in a row are a row's.
    let other = POSTGRESQL.replace("\\\\restrict", "\\\\restrict2");
    assert_eq!(
        said(&postgresql(POSTGRESQL).differences(&postgresql(&other))),
        ["table public.orders has as many rows, with other values"]
    );
}

#[test]
fn a_character_set_that_the_collation_implies_does_not_count() {
    let explicit = MYSQL.replace("COLLATE utf8mb4_bin", "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    let other = MYSQL.replace("COLLATE utf8mb4_bin", "COLLATE utf8mb4_general_ci");
    assert_eq!(mysql(&explicit), mysql(MYSQL));
    assert_ne!(mysql(&other), mysql(MYSQL));
}

#[test]
fn neither_the_order_of_rows_nor_that_of_columns_matters() {
    let copy = |lines: &str| {
        postgresql(&format!(
            "--\n-- Data for Name: t; Type: TABLE DATA; Schema: s; Owner: o\n--\n\nCOPY s.t {lines}\\.\n"
        ))
    };
    let one = copy("(a, b) FROM stdin;\n1\tx\n2\ty\n");
    assert_eq!(one, copy("(b, a) FROM stdin;\ny\t2\nx\t1\n"));
    for other in [
        "(a, b) FROM stdin;\n1\ty\n2\tx\n",
        "(b, a) FROM stdin;\n1\tx\n2\ty\n",
        "(a, b) FROM stdin;\nx\t1\n2\ty\n",
    ] {
        assert_ne!(one, copy(other), "{other}");
    }
    let grants = POSTGRESQL.replace("TO a;", "TO c;").replace("TO b;", "TO a;").replace("TO c;", "TO b;");
    assert_eq!(postgresql(&grants), postgresql(POSTGRESQL));
    let insert = |rows: &str| {
        mysql(&format!(
            "-- Table structure for table `t`\nCREATE TABLE `t` (\n  `a` int,\n  `b` int\n);\nINSERT INTO `t` {rows};\n"
        ))
    };
    let one = insert("(`a`, `b`) VALUES (1,2),(3,4)");
    assert_eq!(one, insert("(`b`, `a`) VALUES (4,3),(2,1)"));
    assert_ne!(one, insert("(`a`, `b`) VALUES (1,4),(3,2)"));
}

/// A child of an altered table has its columns in another order after a reload.
#[test]
fn the_order_of_columns_counts_where_nothing_is_inherited() {
    let table = |columns: &str, tail: &str| {
        postgresql(&format!(
            "--\n-- Name: t; Type: TABLE; Schema: s; Owner: o\n--\n\nCREATE TABLE s.t (\n    {columns}\n){tail};\n"
        ))
    };
    assert_ne!(table("a integer,\n    b text", ""), table("b text,\n    a integer", ""));
    let tail = "\nINHERITS (s.p)";
    assert_eq!(table("a integer,\n    b text", tail), table("b text,\n    a integer", tail));
    assert_ne!(table("a integer,\n    b text", tail), table("b text", tail));
}

proptest! {
    /// A line longer than what is kept of one, and every way to cut it.
    #[test]
    fn long_lines_count_like_short_ones(values in prop::collection::vec("[a-z'();]{0,9000}", 1..6), piece in 1usize..30_000) {
        let rows: Vec<_> = values.iter().map(|value| format!("(1,'{}')", value.replace('\'', "''"))).collect();
        let dump = format!("CREATE TABLE `t` (\n);\nINSERT INTO `t` VALUES {};\nINSERT INTO `t` VALUES (2);\n", rows.join(","));
        let counted = content(Dialect::Mysql, &dump, piece);
        prop_assert_eq!(counted.rows, values.len() as u64 + 1);
        prop_assert_eq!(counted, content(Dialect::Mysql, &dump, dump.len()));
    }

    #[test]
    fn pieces_make_no_difference(cuts in prop::collection::vec(1usize..90, 1..20), from in 0usize..3000) {
        for (dialect, dump) in [(Dialect::Postgresql, POSTGRESQL), (Dialect::Mysql, MYSQL)] {
            let dump = &dump.as_bytes()[from.min(dump.len())..];
            let (mut rest, mut counter) = (dump, Counter::new(dialect));
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*cut).min(rest.len()));
                counter.take(piece);
                rest = behind;
            }
            let mut whole = Counter::new(dialect);
            whole.take(dump);
            prop_assert_eq!(counter.end(), whole.end());
        }
    }
}
