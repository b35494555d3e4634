//! What applications have made by themselves and changed for years comes back, and a drill says so.

use serde_json::Value;

use super::drill::{replace_object, result};
use super::support::random::drills;
use super::support::servers::{
    MARIADB_10_11, MARIADB_11_8, MYSQL_9_7, POSTGRESQL_15, POSTGRESQL_17, Product, Server,
};
use super::support::world::World;

/// The remarks of the newest drill, without the words that are the same in each.
fn remarks(world: &World) -> Vec<String> {
    let result = result(world);
    let remarks = result["remarks"].as_array().cloned().unwrap_or_default();
    let told = |remark: &Value| {
        let object = &remark["object"];
        format!(
            "{} {}",
            object["type"].as_str().unwrap_or("more"),
            object["name"].as_str().unwrap_or_default()
        )
    };
    remarks.iter().map(told).collect()
}

/// Objects that PostgreSQL prints in another way after a reload, and always in this one from then on.
const PRINTED_DIFFERENTLY: [&str; 33] = [
    "check constraint few on public.split",
    "check constraint few on public.split_ab",
    "check constraint few on public.split_c",
    "check constraint few on public.split_few",
    "check constraint few on public.split_rest",
    "check constraint late on public.orders",
    "check constraint orders_n_check on public.orders",
    "check constraint orders_status_check on public.orders",
    "constraint once on public.booked",
    "default of k on public.generated",
    "domain public.grade",
    "function public.is_atomic(character varying)",
    "function public.is_few(character varying, boolean)",
    "index public.between_orders",
    "index public.counted_status_idx",
    "index public.open_orders",
    "index public.split_ab_k_idx",
    "index public.split_c_k_idx",
    "index public.split_few_k_idx",
    "index public.split_k_idx",
    "index public.split_rest_k_idx",
    "materialized view public.counted",
    "policy own on public.orders",
    "policy reading on public.orders",
    "publication public.some_rows generated",
    "rule delete_editable on public.editable",
    "rule nothing on public.orders",
    "statistics public.expressed",
    "trigger watched on public.orders",
    "view public.a_few",
    "view public.joined",
    "view public.odd ones",
    "view public.with_q",
];

/// What is changed in a backup behind its manifest's back, and how that is told.
type Bad = (&'static str, fn(&str) -> String, &'static str);

/// An expression that PostgreSQL prints differently after a reload: no remark hides that it is another one.
const BAD_POSTGRESQL: Bad = (
    "grown.sql",
    |dump| {
        dump.replace(
            "ARRAY['new'::character varying, 'paid'::character varying])",
            "ARRAY['new'::character varying, 'sold'::character varying])",
        )
    },
    "check constraint orders_status_check on public.orders is not the same",
);
const BAD_MYSQL: Bad = (
    "globals.sql",
    |globals| {
        globals.lines().filter(|line| !line.contains("tables_priv")).map(|line| format!("{line}\n")).collect()
    },
    "globals.sql is not what its manifest describes: grant REPLACE INTO mysql.tables_priv",
);

fn a_grown_database_comes_back(product: Product, remarked: &[&str], (object, change, told): Bad) {
    let world = World::new();
    let labels = [("name", "source"), ("compression", "none")];
    let source = Server::target(&world, product, "secret", &labels);
    source.fill_grown();
    world.back_up();
    for _ in 0..drills() {
        let ended = world.run(&["drill", "source"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let shown = String::from_utf8([ended.stdout, world.run(&["list"]).stdout].concat()).unwrap();
        let verdict = match remarked.len() {
            0 => "ok ".to_owned(),
            remarks => format!("ok, {remarks} remarks "),
        };
        assert_eq!(shown.matches(&verdict).count(), 2, "{shown}");
        assert_eq!(remarks(&world), remarked);
    }
    replace_object(&world, object, change);
    let ended = world.run(&["drill", "source"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert_eq!(world.scratch(), "");
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_postgresql_15_comes_back() {
    a_grown_database_comes_back(POSTGRESQL_15, &PRINTED_DIFFERENTLY, BAD_POSTGRESQL);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_postgresql_17_comes_back() {
    a_grown_database_comes_back(POSTGRESQL_17, &PRINTED_DIFFERENTLY, BAD_POSTGRESQL);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_mariadb_10_11_comes_back() {
    a_grown_database_comes_back(MARIADB_10_11, &[], BAD_MYSQL);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_mariadb_11_8_comes_back() {
    a_grown_database_comes_back(MARIADB_11_8, &[], BAD_MYSQL);
}

#[test]
#[ignore = "needs Docker"]
fn a_grown_database_of_mysql_9_7_comes_back() {
    a_grown_database_comes_back(MYSQL_9_7, &[], BAD_MYSQL);
}
