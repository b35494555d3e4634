use proptest::prelude::*;

use super::*;
use crate::model::compression::Compression;
use crate::model::manifest::Sha256;

const MIB: u64 = 1024 * 1024;

fn object(kind: ObjectKind, database: Option<&str>, plain_bytes: u64) -> ManifestObject {
    ManifestObject {
        name: database.unwrap_or("x").to_owned(),
        kind,
        database: database.map(str::to_owned),
        options: None,
        format: "sql".into(),
        encoding: Compression::Xz(None).into(),
        plain_bytes,
        plain_sha256: Sha256([0; 32]),
        stored_bytes: plain_bytes / 7,
        stored_sha256: Sha256([0; 32]),
        content: None,
    }
}

fn databases(sizes: &[(&str, u64)]) -> Vec<ManifestObject> {
    sizes.iter().map(|(name, size)| object(ObjectKind::Database, Some(name), *size)).collect()
}

fn all(_: ObjectKind, _: Option<&str>) -> bool {
    true
}

fn percent(percent: u8) -> ShrinkAlert {
    percent.to_string().parse().unwrap()
}

/// What shrank, with the default alert.
fn found(good: &[(&str, u64)], new: &[(&str, u64)]) -> Vec<Shrunk> {
    compare(ShrinkAlert::default(), Origin::Here, &databases(good), &databases(new), all)
}

fn shrunk(name: &str, was: u64, now: Option<u64>) -> Shrunk {
    Shrunk { what: What::Database(name.into()), measure: Measure::Bytes, was, now }
}

#[test]
fn a_percentage_is_read_with_and_without_its_sign() {
    for (text, shown) in
        [("50", "50%"), ("50%", "50%"), ("7 %", "7%"), ("1", "1%"), ("99%", "99%"), ("Off", "off")]
    {
        assert_eq!(text.parse::<ShrinkAlert>().unwrap().to_string(), shown, "{text}");
    }
    for text in ["", "0", "0%", "100", "100%", "-1", "50%%", "%", "0.5", "half", "on", "none", "300"] {
        assert_eq!(text.parse::<ShrinkAlert>(), Err(ShrinkAlertError), "{text}");
    }
    assert_eq!(ShrinkAlert::default(), percent(50));
}

#[test]
fn a_database_that_shrinks_by_more_than_the_percentage_is_found() {
    assert_eq!(found(&[("shop", 4 * MIB)], &[("shop", 2 * MIB)]), []);
    assert_eq!(
        found(&[("shop", 4 * MIB)], &[("shop", 2 * MIB - 1)]),
        [shrunk("shop", 4 * MIB, Some(2 * MIB - 1))]
    );
    // Whatever the others do.
    assert_eq!(
        found(&[("shop", MIB), ("crm", MIB)], &[("shop", 1), ("crm", 100 * MIB), ("new", 9 * MIB)]),
        [shrunk("shop", MIB, Some(1))]
    );
}

#[test]
fn a_database_that_has_gone_has_shrunk_to_nothing() {
    let good = [("shop", MIB), ("crm", MIB)];
    assert_eq!(found(&good, &[("shop", MIB)]), [shrunk("crm", MIB, None)]);
    assert_eq!(found(&good, &[]), [shrunk("crm", MIB, None), shrunk("shop", MIB, None)]);
}

#[test]
fn what_the_labels_no_longer_ask_for_has_not_been_lost() {
    let good = databases(&[("shop", MIB), ("crm", 100 * MIB)]);
    let new = databases(&[("shop", MIB)]);
    let wants_shop = |_: ObjectKind, name: Option<&str>| name == Some("shop");
    assert_eq!(compare(ShrinkAlert::default(), Origin::Here, &good, &new, wants_shop), []);
}

#[test]
fn tiny_databases_count_only_together() {
    assert_eq!(found(&[("a", FLOOR - 1)], &[("a", 1)]), []);
    assert_eq!(found(&[("a", FLOOR)], &[("a", 1)]), [shrunk("a", FLOOR, Some(1))]);
    let good = [("a", FLOOR / 2), ("b", FLOOR / 2), ("c", FLOOR / 2)];
    assert_eq!(found(&good, &[("a", FLOOR / 2), ("b", FLOOR / 2)]), []);
    assert_eq!(
        found(&good, &[("a", FLOOR / 2)]),
        [Shrunk { what: What::Total, measure: Measure::Bytes, was: FLOOR / 2 * 3, now: Some(FLOOR / 2) }]
    );
}

#[test]
fn a_custom_dump_is_compared_with_a_custom_dump() {
    let dump = |size| [object(ObjectKind::Dump, None, size)];
    assert_eq!(
        compare(ShrinkAlert::default(), Origin::Here, &dump(MIB), &dump(1000), all),
        [Shrunk { what: What::Dump, measure: Measure::Bytes, was: MIB, now: Some(1000) }]
    );
}

#[test]
fn globals_do_not_count() {
    let globals = |size| object(ObjectKind::Globals, None, size);
    let good = [databases(&[("shop", MIB)]), vec![globals(9 * MIB)]].concat();
    assert_eq!(compare(ShrinkAlert::default(), Origin::Here, &good, &databases(&[("shop", MIB)]), all), []);
    // Nor can they hide anything.
    let new = [globals(90 * MIB)];
    assert_eq!(compare(ShrinkAlert::default(), Origin::Here, &good, &new, all), [shrunk("shop", MIB, None)]);
}

#[test]
fn absurd_numbers_are_no_reason_to_panic() {
    let good = [("a", u64::MAX), ("b", u64::MAX)];
    assert_eq!(found(&good, &good), []);
    assert_eq!(found(&good, &[("a", u64::MAX), ("b", 0)]), [shrunk("b", u64::MAX, Some(0))]);
}

/// A small database with so many tables and rows.
fn with_rows(tables: u64, rows: u64) -> [ManifestObject; 1] {
    let content = Some(Content { tables, rows, ..Content::default() });
    [ManifestObject { content, ..object(ObjectKind::Database, Some("shop"), 4000) }]
}

#[test]
fn a_small_database_without_a_table_left_has_lost_everything() {
    let alert = ShrinkAlert::default();
    for origin in [Origin::Here, Origin::Elsewhere] {
        let what = What::Database("shop".into());
        assert_eq!(
            compare(alert, origin, &with_rows(3, 10), &with_rows(0, 0), all),
            [Shrunk { what, measure: Measure::Tables, was: 3, now: Some(0) }]
        );
        // It had nothing that could be lost.
        assert_eq!(compare(alert, origin, &with_rows(3, 0), &with_rows(0, 0), all), []);
        assert_eq!(compare(ShrinkAlert::OFF, origin, &with_rows(3, 10), &with_rows(0, 0), all), []);
        // Nothing is known of one of them.
        for (good, new) in [(with_rows(3, 10), None), (with_rows(0, 0), Some(10))] {
            let unknown = [object(ObjectKind::Database, Some("shop"), 4000)];
            let (good, new) = if new.is_none() { (good.to_vec(), unknown) } else { (unknown.to_vec(), good) };
            assert_eq!(compare(alert, origin, &good, &new, all), []);
        }
    }
}

#[test]
fn a_few_rows_come_and_go_but_not_on_another_host() {
    let alert = ShrinkAlert::default();
    let found = |origin, now| compare(alert, origin, &with_rows(3, 10), &with_rows(3, now), all);
    assert_eq!(found(Origin::Here, 0), []);
    assert_eq!(found(Origin::Elsewhere, 5), []);
    let what = What::Database("shop".into());
    assert_eq!(found(Origin::Elsewhere, 4), [Shrunk { what, measure: Measure::Rows, was: 10, now: Some(4) }]);
}

#[test]
fn nothing_is_too_small_to_be_missed_on_another_host() {
    let elsewhere = |good: &[(&str, u64)], new: &[(&str, u64)]| {
        compare(ShrinkAlert::default(), Origin::Elsewhere, &databases(good), &databases(new), all)
    };
    assert_eq!(elsewhere(&[("a", 1000), ("b", 10)], &[("a", 1000)]), [shrunk("b", 10, None)]);
    assert_eq!(elsewhere(&[("a", 1000)], &[("a", 499)]), [shrunk("a", 1000, Some(499))]);
    assert_eq!(elsewhere(&[("a", 1000)], &[("a", 500), ("b", 1)]), []);
    assert_eq!(elsewhere(&[("a", 0)], &[]), []);
    let dump = |size| [object(ObjectKind::Dump, None, size)];
    assert_eq!(compare(ShrinkAlert::default(), Origin::Elsewhere, &dump(900), &dump(90), all).len(), 1);
}

fn backup() -> impl Strategy<Value = Vec<ManifestObject>> {
    let size = prop_oneof![0..2 * FLOOR, 0..1000 * FLOOR];
    prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c", "d", "e"]), size, 0..6).prop_map(
        |sizes| {
            let mut objects = databases(&sizes.into_iter().collect::<Vec<_>>());
            objects.push(object(ObjectKind::Globals, None, 10 * FLOOR));
            objects
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_is_suspicious_when_it_is_off(good in backup(), new in backup()) {
        prop_assert_eq!(compare(ShrinkAlert::OFF, Origin::Here, &good, &new, all), []);
    }

    #[test]
    fn what_stays_or_grows_is_never_suspicious(
        mut new in backup(), more in prop::collection::vec(0..FLOOR, 6), alert in 1u8..100,
    ) {
        let good = new.clone();
        new.iter_mut().zip(more).for_each(|(object, more)| object.plain_bytes += more);
        prop_assert_eq!(compare(percent(alert), Origin::Here, &good, &new, all), []);
    }

    /// Against the words of the documentation, counted in another way.
    #[test]
    fn it_is_suspicious_exactly_if_one_or_the_sum_shrank_too_far(
        good in backup(), new in backup(), alert in 1u8..100,
    ) {
        let size = |objects: &[ManifestObject], name: &str| -> u64 {
            objects.iter().filter(|o| o.database.as_deref() == Some(name)).map(|o| o.plain_bytes).sum()
        };
        let names = ["a", "b", "c", "d", "e"];
        let too_far = |was: u64, now: u64| {
            was >= FLOOR && was > now && (was - now) * 100 > was * u64::from(alert)
        };
        let sum = |objects: &[ManifestObject]| names.iter().map(|name| size(objects, name)).sum();
        let expected = too_far(sum(&good), sum(&new))
            || names.iter().any(|name| too_far(size(&good, name), size(&new, name)));
        prop_assert_eq!(!compare(percent(alert), Origin::Here, &good, &new, all).is_empty(), expected);
    }

    #[test]
    fn a_higher_percentage_finds_no_more(
        good in backup(), new in backup(), (low, high) in (1u8..100, 1u8..100).prop_map(|(a, b)| (a.min(b), a.max(b))),
    ) {
        let of = |alert| !compare(percent(alert), Origin::Here, &good, &new, all).is_empty();
        prop_assert!(of(low) || !of(high));
    }

    #[test]
    fn neither_order_nor_compression_matters(
        good in backup(), (new, mut other) in backup().prop_flat_map(|new| (Just(new.clone()), Just(new).prop_shuffle())),
    ) {
        for object in &mut other {
            object.encoding = Compression::None.into();
            object.stored_bytes = object.plain_bytes;
        }
        let alert = ShrinkAlert::default();
        prop_assert_eq!(compare(alert, Origin::Here, &good, &new, all), compare(alert, Origin::Here, &good, &other, all));
    }
}
