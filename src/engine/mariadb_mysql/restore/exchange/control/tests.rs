use super::*;
use crate::engine::mariadb_mysql::flavour::Flavour;
use crate::engine::mariadb_mysql::restore::exchange::Exchange;

const RUN: &str = "0123456789abcdef";

fn run() -> RunId {
    RUN.parse().unwrap()
}

/// Each line a word, and names: `table shop a`.
fn inventory(lines: &[&str]) -> Inventory {
    let line = |line: &&str| {
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |all, word| format!("{all} {}", hex::encode_upper(word)))
    };
    let said: Vec<_> = lines.iter().map(line).collect();
    Exchange(Flavour::Mariadb).parse_inventory(said.join("\n").as_bytes()).unwrap()
}

fn staged() -> Staged {
    let mut staged = Staged::new("shop", true, &run(), 0);
    "staged".clone_into(&mut staged.staged);
    "replaced".clone_into(&mut staged.replaced);
    staged
}

const BEFORE: [&str; 12] = [
    "options shop latin1 latin1_bin",
    "options staged utf8mb4 utf8mb4_bin",
    "table shop a",
    "table shop b",
    "table staged b",
    "table staged c",
    "object VIEW shop v",
    "object VIEW staged v",
    "object TRIGGER shop t",
    "object FUNCTION staged f",
    "default staged c x nextval(`staged`.`s`)",
    "key crm visits in_ shop a `x` `id` CASCADE RESTRICT",
];

fn control() -> (Control, String) {
    let staged = staged();
    let new = Definitions {
        objects: b"new objects;\n".to_vec(),
        views: b"new views;\n".to_vec(),
        keys: b"new keys;\n".to_vec(),
    };
    let old =
        Definitions { objects: b"old objects;\n".to_vec(), views: b"no views;\n".to_vec(), keys: Vec::new() };
    let sides = [Side { staged: &staged, options: None, old, new: &new }];
    let control = Control::new(&sides, &inventory(&BEFORE), &run());
    let written = control.write(&run(), &sides, &inventory(&BEFORE));
    (control, written)
}

fn places(sql: &str) -> Vec<String> {
    let sql = sql.trim_start_matches("RENAME TABLE ").trim_end_matches(";\n");
    let names = sql.replace('`', "").replace(&format!("dumpcar_replaced_{RUN}_"), "");
    names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn everything_moves_in_one_statement_and_the_marker_with_it() {
    let (control, _) = control();
    let before = inventory(&BEFORE);
    assert_eq!(
        places(&control.rename(Way::Forward, &run(), &before, Stage::Before)),
        [
            "shop.v TO shop.view0",
            "shop.a TO replaced.a",
            "shop.b TO replaced.b",
            "staged.b TO shop.b",
            "staged.c TO shop.c",
            "00.exchange_before TO 00.exchange_after"
        ]
    );
    assert_eq!(control.rename(Way::Back, &run(), &before, Stage::Before), "");
    let kept = format!("object VIEW shop dumpcar_replaced_{RUN}_view0");
    let after =
        ["table replaced a", "table replaced b", "table shop b", "table shop c", &kept, "object VIEW shop v"];
    assert_eq!(control.rename(Way::Forward, &run(), &inventory(&after), Stage::After), "");
    assert_eq!(
        places(&control.rename(Way::Back, &run(), &inventory(&after), Stage::After)),
        [
            "shop.c TO staged.c",
            "shop.b TO staged.b",
            "replaced.b TO shop.b",
            "replaced.a TO shop.a",
            "shop.view0 TO shop.v",
            "00.exchange_after TO 00.exchange_before"
        ]
    );
}

#[test]
fn what_is_kept_gets_a_place_that_goes_if_everything_goes_back() {
    let kept = staged().keeping(Some("shop_before_x"));
    assert!(kept.keeps_old && kept.replaced == "shop_before_x");
    let new = Definitions::default();
    let sides = [Side { staged: &kept, options: None, old: Definitions::default(), new: &new }];
    let inventory = inventory(&BEFORE);
    let control = Control::new(&sides, &inventory, &run());
    assert!(
        places(&control.rename(Way::Forward, &run(), &inventory, Stage::Before))
            .contains(&"shop.a TO shop_before_x.a".to_owned())
    );
    let written = control.write(&run(), &sides, &inventory);
    let undo = hex::encode_upper("DROP DATABASE IF EXISTS `shop_before_x`;\n");
    let at = |text: &str| written.find(text).unwrap_or_else(|| panic!("{text}: {written}"));
    // Whoever comes next after a kill at any of these statements takes it away.
    let made = "CREATE DATABASE `shop_before_x` CHARACTER SET latin1 COLLATE latin1_bin;";
    assert!(at("exchange_before") < at(&undo) && at(&undo) < at(made));
    assert!(written.contains(&format!("'back', '', x'{undo}'")));
}

/// A server without an atomic `RENAME` was killed in the middle of it.
#[test]
fn what_was_moved_already_is_not_moved_again() {
    let (control, _) = control();
    let half = inventory(&["table replaced a", "table shop b", "table staged b", "table staged c"]);
    assert_eq!(
        places(&control.rename(Way::Forward, &run(), &half, Stage::Before)),
        [
            "shop.b TO replaced.b",
            "staged.b TO shop.b",
            "staged.c TO shop.c",
            "00.exchange_before TO 00.exchange_after"
        ]
    );
    assert_eq!(places(&control.rename(Way::Back, &run(), &half, Stage::Before)), ["replaced.a TO shop.a"]);
}

#[test]
fn a_table_that_somebody_makes_meanwhile_costs_neither_the_old_content_nor_the_new() {
    let (control, _) = control();
    // The server refuses it, and everything goes back.
    let made =
        inventory(&["table shop a", "table shop b", "table shop c", "table staged b", "table staged c"]);
    let forward = places(&control.rename(Way::Forward, &run(), &made, Stage::Before));
    assert!(forward.contains(&"staged.c TO shop.c".to_owned()), "{forward:?}");
    assert_eq!(places(&control.rename(Way::Back, &run(), &made, Stage::Before)), [""; 0]);
    // The old one has its place back.
    let made =
        inventory(&["table replaced a", "table replaced b", "table shop a", "table shop b", "table shop c"]);
    let back = places(&control.rename(Way::Back, &run(), &made, Stage::After));
    let aside = back.iter().position(|one| one.starts_with("shop.a TO 00.in_the_way_")).unwrap();
    assert_eq!(back[aside + 1], "replaced.a TO shop.a");
}

#[test]
fn old_views_stay_and_all_else_is_dropped_and_made_again() {
    let (control, written) = control();
    let clear = control.clear(&inventory(&BEFORE));
    for gone in [
        "TRIGGER IF EXISTS `shop`.`t`",
        "VIEW IF EXISTS `staged`.`v`",
        "FUNCTION IF EXISTS `staged`.`f`",
        "ALTER TABLE `crm`.`visits` DROP FOREIGN KEY `in_`",
    ] {
        assert!(clear.contains(gone), "{clear}");
    }
    assert!(!clear.contains("`shop`.`v`"), "{clear}");
    let kept = format!("dumpcar_replaced_{RUN}_view0");
    let after = [&format!("object VIEW shop {kept}"), "object VIEW shop v"];
    assert_eq!(control.clear(&inventory(&after)), "DROP VIEW IF EXISTS `shop`.`v`;\n");
    assert_eq!(
        control.end(&run(), Way::Back),
        format!("DROP TABLE dumpcar_replaced_{RUN}_00.exchange_before;\n")
    );
    let end = control.end(&run(), Way::Forward);
    assert_eq!(
        end,
        format!(
            "DROP VIEW IF EXISTS `shop`.`{kept}`;\nDROP TABLE dumpcar_replaced_{RUN}_00.exchange_after;\n"
        )
    );
    // Until the last line is there, nothing has begun.
    assert!(written.trim_end().lines().last().unwrap().contains(".exchange_before "), "{written}");
    let key = "ALTER TABLE `crm`.`visits` ADD CONSTRAINT `in_` FOREIGN KEY (`x`) REFERENCES `shop`.`a` (`id`) ON UPDATE CASCADE;\n";
    let forward = String::from_utf8(control.definitions(Way::Forward)).unwrap();
    let parts = [
        "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "ALTER TABLE `c` ALTER COLUMN `x` SET DEFAULT nextval(`shop`.`s`);\n",
        "new objects;\n",
        "new views;\n",
        "new keys;\n",
        key,
    ];
    let places: Vec<_> = parts.iter().map(|part| forward.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {forward}");
    let back = String::from_utf8(control.definitions(Way::Back)).unwrap();
    let parts = ["ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_bin", "old objects;\n", key];
    let places: Vec<_> = parts.iter().map(|part| back.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {back}");
    assert!(!back.contains("views"), "{back}");
}
