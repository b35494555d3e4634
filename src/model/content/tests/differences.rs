//! What two contents do not have in common, in words.

use super::*;

fn changed(whole: &Content, dialect: Dialect, dump: &str) -> Vec<String> {
    let other = content(dialect, dump, 100);
    let Comparison { differences, doubts } = whole.compare(&other, dialect);
    let doubts = doubts.iter().map(|object| format!("? {object}"));
    said(&differences).into_iter().chain(doubts).collect()
}

#[test]
fn differences_name_what_is_missing() {
    let whole = postgresql(POSTGRESQL);
    for (from, to, told) in [
        ("1\ta\n", "", "table public.orders has 2 rows instead of 3"),
        ("1\ta\n", "1\tb\n", "table public.orders has as many rows, with other values"),
        ("\\x00ff", "\\x00fe", "table large objects has as many rows, with other values"),
        ("-- not a header\n", "-- nor a header\n", "function public.clean(text) is not the same"),
        ("$_$\n\n--", "$_$\n--", "function public.clean(text) is not the same"),
        ("7, true", "8, true", "value of sequence public.orders_id_seq is not the same"),
        ("TO b;\n", "TO c;\n", "privileges on table public.orders is not the same"),
        ("<> 'x'", "= 'x'", "check constraint orders_status_check on public.orders is not the same"),
        ("'a, (b'", "'a, b'", "default of status on public.orders is not the same"),
        (" DEFAULT 'a, (b'::text", "", "default of status on public.orders is missing"),
        ("id integer NOT NULL", "id integer", "table public.orders is not the same"),
        ("text) OWNER TO shop", "text) OWNER TO x", "function public.clean(text) is not the same"),
        (
            "TABLE; Schema: public; Owner: shop",
            "TABLE; Schema: public; Owner: x",
            "table public.orders has another owner",
        ),
        ("OWNER TO shop'", "OWNER TO x'", "settings of the database is not the same"),
        ("'UTF8'", "'LATIN1'", "encoding and locale of the database is not the same"),
        (
            "((status <> 'x'::text))",
            "(((status) <> ('x')::text))",
            "? check constraint orders_status_check on public.orders",
        ),
    ] {
        assert!(POSTGRESQL.contains(from), "{from}");
        assert_eq!(changed(&whole, Dialect::Postgresql, &POSTGRESQL.replace(from, to)), [told], "{from}");
    }
    let whole = mysql(MYSQL);
    for (from, to, told) in [
        ("(5,NULL)", "(6,NULL)", "table orders has as many rows, with other values"),
        ("(4,'(VALUES'),\n", "", "table orders has 4 rows instead of 5"),
        ("  KEY `val` (`VAL(`),\n", "", "index val on orders is missing"),
        ("`id` > 0", "`id` > 1", "check constraint few on orders is not the same"),
        ("(`id` > 0)", "(((`id`)) > 0)", "? check constraint few on orders"),
        ("AUTO_INCREMENT=6", "AUTO_INCREMENT=7", "next number of orders is not the same"),
        ("'ANSI'", "''", "trigger t1 is not the same"),
        ("VALUES (1);\nEND", "VALUES (1);\r\nEND", "trigger t1 is not the same"),
        ("(1) AS `1`", "1 AS `1`", "? view v"),
        ("select (1)", "select (2)", "view v is not the same"),
        (" NOT NULL AUTO", " AUTO", "table orders is not the same"),
    ] {
        assert!(MYSQL.contains(from), "{from}");
        assert_eq!(changed(&whole, Dialect::Mysql, &MYSQL.replace(from, to)), [told], "{from}");
    }
    let (before, rest) = MYSQL.split_once("--\n-- Table structure for table `orders`").unwrap();
    let (_, after) = rest.split_once("UNLOCK TABLES;\n").unwrap();
    let without = format!("{before}--\n-- Dumping data for table `x`\n--\n{after}");
    assert_eq!(changed(&whole, Dialect::Mysql, &without), ["table orders is missing"]);
}

/// Only the first are told in full.
#[test]
fn many_differences_are_counted() {
    let many = |last| {
        (0..last)
            .map(|n| {
                format!("--\n-- Table structure for table `t{n:04}`\n--\nCREATE TABLE `t{n:04}` (\n);\n")
            })
            .collect::<String>()
    };
    let differences = said(&mysql(&many(50)).differences(&mysql("")));
    assert_eq!(differences.len(), 6);
    assert_eq!(differences[5], "and 45 more");
}

/// Without names there are only numbers, and these have to do.
#[test]
fn what_is_not_named_is_compared_all_the_same() {
    let table = |n: usize, value: u64| {
        format!(
            "--\n-- Table structure for table `t{n}`\n--\n\nCREATE TABLE `t{n}` (\n  `a` int,\n  KEY `k` (`a`)\n);\nINSERT INTO `t{n}` VALUES ({value});\n"
        )
    };
    let dump = |last: usize| (0..last).map(|n| table(n, 7)).collect::<String>();
    let most = MOST_OBJECTS / 2 + 2;
    let many = mysql(&dump(most));
    assert!(many.rows_of.is_empty() && many.adds_up());
    assert_eq!((many.tables, many.rows), (most as u64, most as u64));
    assert_eq!(many.differences(&mysql(&dump(most))), []);
    let told = |dump: String| said(&many.differences(&mysql(&dump)));
    assert!(told(dump(most - 1)).contains(&format!("{} tables instead of {most}", most - 1)));
    let other = dump(most).replacen("VALUES (7)", "VALUES (8)", 1);
    assert_eq!(told(other), ["as many tables and rows, with other values"]);
    let moved = dump(most).replacen("`t5` VALUES (7)", "`t5` VALUES (8)", 1).replacen(
        "`t6` VALUES (7)",
        "`t6` VALUES (6)",
        1,
    );
    assert_eq!(told(moved), ["as many tables and rows, with other values"]);
    let other = dump(most).replacen("KEY `k` (`a`)", "KEY `k` (`b`)", 1);
    assert_eq!(told(other).len(), 1, "an index differs");
    let json = serde_json::to_string(&many).unwrap();
    assert!(json.len() < 1024 * 1024, "{}", json.len());
}

/// The restored dump chose these names. One may be a secret that it has read.
#[test]
fn only_the_log_names_what_the_manifest_does_not() {
    let whole = mysql(MYSQL);
    let one = whole.differences(&mysql(&format!(
        "{MYSQL}--\n-- Table structure for table `pw-CANARY`\n--\nCREATE TABLE `pw-CANARY` (\n);\n"
    )));
    assert_eq!(said(&one), ["unexpected table pw-CANARY", "unexpected table pw-CANARY"]);
    assert!(!serde_json::to_string(&one).unwrap().contains("CANARY"));
    // What the manifest does not name is not named because the dump does.
    let mut without = whole.clone();
    without.forget_names();
    let dump = whole.clone().named_like(&without);
    let told = dump.differences(&mysql(&MYSQL.replace("`val`", "`pw-CANARY`")));
    assert!(!told.is_empty() && !serde_json::to_string(&told).unwrap().contains("val"), "{told:?}");
}

#[test]
fn a_text_is_settled_by_a_second_reload_only() {
    let [made, first, other] =
        ["select (1)", "select 1", "select ((1))"].map(|text| mysql(&MYSQL.replace("select (1)", text)));
    let Comparison { doubts, .. } = made.compare(&first, Dialect::Mysql);
    assert_eq!(doubts.len(), 1);
    let reloaded = |first: &Content, again: &Content| first.reloaded(again, &doubts[0]);
    assert_eq!(reloaded(&first, &first), Reloaded::Same);
    assert_eq!(reloaded(&first, &other), Reloaded::Different);
    assert_eq!(reloaded(&first, &Content::default()), Reloaded::Missing);
    // Of a kind that is not named.
    let [mut sums, mut others] = [first, other];
    sums.forget_names();
    others.forget_names();
    let Comparison { doubts, .. } = sums.compare(&others, Dialect::Mysql);
    assert_eq!(sums.reloaded(&sums, &doubts[0]), Reloaded::Same);
    assert_eq!(sums.reloaded(&others, &doubts[0]), Reloaded::Different);
    assert_eq!(sums.reloaded(&Content::default(), &doubts[0]), Reloaded::Missing);
}

/// Nothing in a manifest tells a password, or lets one be guessed.
#[test]
fn grants_are_told_and_passwords_do_not_count() {
    const GLOBALS: &str = "-- made at night\nCREATE USER IF NOT EXISTS `app`@`%` IDENTIFIED BY PASSWORD '*AB';\n\
        GRANT SELECT ON `shop`.* TO `app`@`%` IDENTIFIED BY PASSWORD '*AB';\n\
        REPLACE INTO mysql.tables_priv (Host, Db) VALUES ('%', 'shop');\nALTER ROLE x WITH LOGIN PASSWORD 'md5';\n";
    let of = |text: &str| content(Dialect::Globals, text, 7);
    assert_eq!(
        of(GLOBALS),
        of(&GLOBALS.replace("*AB", "*CD").replace("md5", "scram").replace("night", "day"))
    );
    for (from, to, told) in [
        (
            "GRANT SELECT ON `shop`.* TO `app`@`%` IDENTIFIED BY PASSWORD '*AB';\n",
            "",
            "grant GRANT SELECT ON `shop`.* TO `app`@`%` is missing",
        ),
        ("WITH LOGIN", "WITH NOLOGIN", "account ALTER ROLE x is not the same"),
        (
            "CREATE USER IF NOT EXISTS `app`@`%` IDENTIFIED BY PASSWORD '*AB';\n",
            "",
            "account CREATE USER `app`@`%` is missing",
        ),
    ] {
        assert_eq!(said(&of(GLOBALS).differences(&of(&GLOBALS.replace(from, to)))), [told]);
    }
}
