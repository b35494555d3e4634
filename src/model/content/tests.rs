use proptest::prelude::*;

use super::*;

const POSTGRESQL: &str = "\
--
-- PostgreSQL database dump
--

\\restrict aaaa

-- Dumped from database version 17.6
CREATE TABLE public.orders (id integer);
--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.orders (id) FROM stdin;
1
\\\\restrict 2
-- Dumped from 3
\\.


--
-- Data for Name: we; Type: TABLE DATA; ird; Type: TABLE DATA; Schema: public; Owner: shop
--

COPY public.\"we; Type: TABLE DATA; ird\" (id) FROM stdin;
\\.


--
-- PostgreSQL database dump complete
--

\\unrestrict aaaa
";

const MYSQL: &str = "\
-- MySQL dump 10.13
-- Host: localhost    Database: shop
CREATE TABLE `orders` (
  `id` int NOT NULL
) ENGINE=InnoDB;
INSERT INTO `orders` VALUES (1,'a(b),(\\'c'),(2,'it''s; ('),(3,_binary 'x\\\\');
INSERT INTO `orders` (`id`, `VAL(`) VALUES
(4,'(VALUES'),
(5,NULL);
CREATE TABLE `od``d` (
  `id` int
);
-- Dump completed on 2026-11-23 23:00:00
";

fn content(dialect: Dialect, dump: &str, piece: usize) -> Content {
    let mut counter = Counter::new(dialect);
    dump.as_bytes().chunks(piece).for_each(|piece| counter.take(piece));
    counter.end()
}

fn rows_of(content: &Content) -> Vec<(&str, u64)> {
    content.rows_of.iter().map(|(name, rows)| (name.as_str(), *rows)).collect()
}

#[test]
fn tables_and_rows_are_counted_however_the_dump_is_split() {
    for piece in [1, 2, 3, 7, 64, 10_000] {
        let postgresql = content(Dialect::Postgresql, POSTGRESQL, piece);
        assert_eq!(rows_of(&postgresql), [("public.orders", 3), ("public.we; Type: TABLE DATA; ird", 0)]);
        assert_eq!(postgresql, content(Dialect::Postgresql, POSTGRESQL, 1_000_000), "{piece}");
        let mysql = content(Dialect::Mysql, MYSQL, piece);
        assert_eq!(rows_of(&mysql), [("od`d", 0), ("orders", 5)]);
        assert_eq!(mysql, content(Dialect::Mysql, MYSQL, 1_000_000), "{piece}");
        assert_eq!((mysql.tables, mysql.rows), (2, 5));
    }
}

#[test]
fn what_differs_from_dump_to_dump_does_not_count() {
    let other = POSTGRESQL.replace("aaaa", "bbbb").replace("17.6", "17.7");
    assert_eq!(content(Dialect::Postgresql, POSTGRESQL, 100), content(Dialect::Postgresql, &other, 100));
    let other = MYSQL.replace("23:00:00", "23:00:01").replace("10.13", "10.14");
    assert_eq!(content(Dialect::Mysql, MYSQL, 100), content(Dialect::Mysql, &other, 100));
    // The same words in a row are a row's.
    let other = POSTGRESQL.replace("-- Dumped from 3", "-- Dumped from 4");
    assert_ne!(content(Dialect::Postgresql, POSTGRESQL, 100), content(Dialect::Postgresql, &other, 100));
}

#[test]
fn a_character_set_that_the_collation_implies_does_not_count() {
    let [explicit, implied, other] = [
        "  `a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,\n",
        "  `a` text COLLATE utf8mb4_bin,\n",
        "  `a` text COLLATE utf8mb4_general_ci,\n",
    ];
    for piece in [1, 7, 100] {
        assert_eq!(content(Dialect::Mysql, explicit, piece), content(Dialect::Mysql, implied, 100));
        assert_ne!(content(Dialect::Mysql, explicit, piece), content(Dialect::Mysql, other, 100));
    }
}

#[test]
fn the_order_of_lines_does_not_count() {
    let [a, b] = ["GRANT a TO b;\nGRANT c TO d;\n", "GRANT c TO d;\nGRANT a TO b;\n"];
    assert_eq!(content(Dialect::Postgresql, a, 9), content(Dialect::Postgresql, b, 9));
}

/// These bytes are in manifests, which outlive the program.
#[test]
fn a_fingerprint_stays_what_it_is() {
    let content = content(Dialect::Postgresql, "a\nb\n", 9);
    assert_eq!((content.lines, format!("{:?}", content.fingerprint).as_str()), (2, "3e203dd2636ed25e"));
    let json = serde_json::to_string(&content.fingerprint).unwrap();
    assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), content.fingerprint);
    assert!(serde_json::from_str::<Fingerprint>("\"+123456789abcdef\"").is_err());
}

fn said(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn differences_name_what_is_missing() {
    let whole = content(Dialect::Mysql, MYSQL, 100);
    let told = |dump: &str| said(&whole.differences(&content(Dialect::Mysql, dump, 100)));
    assert_eq!(told(MYSQL), [""; 0]);
    let without = MYSQL.replace("CREATE TABLE `od``d` (\n  `id` int\n);\n", "");
    assert_eq!(told(&without), ["table od`d is missing"]);
    let fewer = MYSQL.replace("(4,'(VALUES'),\n", "");
    assert_eq!(told(&fewer), ["table orders has 4 rows instead of 5"]);
    let other = MYSQL.replace("(5,NULL)", "(6,NULL)");
    assert_eq!(
        told(&other),
        ["as many tables and rows, but some of them, or a definition, are not the same"]
    );
    assert_eq!(told("-- nothing\n").len(), 2);
    let many = |last| (0..last).map(|n| format!("CREATE TABLE `t{n:03}` (\n);\n")).collect::<String>();
    let content = |last| content(Dialect::Mysql, &many(last), 100);
    let differences = said(&content(50).differences(&content(0)));
    assert_eq!(differences.len(), 6);
    assert_eq!(differences[5], "and 45 more");
    // Without names there are only numbers.
    assert_eq!(said(&content(1002).differences(&content(1001))), ["1001 tables instead of 1002"]);
}

/// The restored dump chose these names. One may be a secret that it has read.
#[test]
fn only_the_log_names_a_table_that_the_manifest_does_not() {
    let whole = content(Dialect::Mysql, MYSQL, 100);
    let told = |dump: String| whole.differences(&content(Dialect::Mysql, &dump, 100));
    let one = told(format!("{MYSQL}CREATE TABLE `pw-CANARY` (\n);\n"));
    assert_eq!(said(&one), ["unexpected table pw-CANARY"]);
    assert_eq!(serde_json::to_string(&one).unwrap(), r#"[{"kind":"tables_unexpected","tables":1}]"#);
    let two = told(format!("{MYSQL}CREATE TABLE `b` (\n);\nCREATE TABLE `a` (\n);\n"));
    assert_eq!(said(&two), ["2 unexpected tables, the first is a"]);
}

proptest! {
    /// A line longer than what is kept of one, and every way to cut it.
    #[test]
    fn long_lines_count_like_short_ones(values in prop::collection::vec("[a-z'();]{0,9000}", 1..6), piece in 1usize..30_000) {
        let rows: Vec<_> = values.iter().map(|value| format!("(1,'{}')", value.replace('\'', "''"))).collect();
        let dump = format!("CREATE TABLE `t` (\nINSERT INTO `t` VALUES {};\nINSERT INTO `t` VALUES (2);\n", rows.join(","));
        let counted = content(Dialect::Mysql, &dump, piece);
        prop_assert_eq!(counted.rows, values.len() as u64 + 1);
        prop_assert_eq!(counted, content(Dialect::Mysql, &dump, dump.len()));
    }
}
