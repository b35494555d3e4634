//! What is on the pages.

use std::time::{Duration, Instant};

use super::html::{tokens, words};
use super::*;
use crate::model::target::TargetName;
use crate::report::{Condition, Target};

fn shown(status: &Status) -> String {
    words(&overview(status, &about(), now()))
}

fn one(target: Target) -> Status {
    Status { targets: [(fixtures::name("shop"), target)].into(), ..Status::default() }
}

fn detail(status: &Status, name: &str) -> String {
    words(&target(&fixtures::name(name), status, &about(), now()).unwrap())
}

#[test]
fn the_headline_says_how_it_is() {
    let failed = fixtures::problem(one(fixtures::failing("no disk")), "shop", "no disk");
    let two = Status { targets: fixtures::healthy().targets, ..failed.clone() };
    let two = Status { targets: two.targets.into_iter().chain(failed.targets.clone()).collect(), ..two };
    for (status, headline) in [
        (fixtures::empty(), "No target yet"),
        (fixtures::healthy(), "All 4 targets are backed up"),
        (one(fixtures::good("custom", "", 5)), "The target is backed up"),
        (one(fixtures::fresh()), "Waiting for the first backup"),
        (failed, "The target needs attention"),
        (two, "1 of 5 targets needs attention"),
        (fixtures::failed(), "4 of 7 targets need attention"),
        (fixtures::problem(fixtures::healthy(), "(verify)", "damaged"), "Dumpcar needs attention"),
        (
            fixtures::problem(Status::default(), "(dumpcar)", "Docker does not answer"),
            "Dumpcar needs attention",
        ),
    ] {
        let page = shown(&status);
        assert!(
            page.contains(&format!(
                "Skip to the content Dumpcar on docker-host s3://backups/docker-host {headline} "
            )),
            "{headline}: {page}"
        );
    }
}

#[test]
fn what_is_wrong_comes_first_and_the_worst_before_the_rest() {
    let page = overview(&fixtures::failed(), &about(), now());
    let links: Vec<String> = tokens(&page)
        .iter()
        .filter_map(|token| token.get("href")?.strip_prefix(TARGETS).map(str::to_owned))
        .collect();
    let wrong = ["billing", "old-shop", "vaultwarden", "wiki"];
    let rows = ["billing", "old-shop", "vaultwarden", "wiki", "cache", "intranet", "shop-db"];
    assert_eq!(links, [wrong.as_slice(), rows.as_slice()].concat());
    let text = words(&page);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("What is wrong") < at("cannot log in as postgres") && at("cannot log in") < at("Running now"));
    assert!(at("Running now backup of shop-db dumping shop 700.0 MiB read, for 0s") < at("Targets Target"));
    // A verification is of no target.
    let text = shown(&fixtures::problem(fixtures::failed(), "(verify)", "damaged: shop"));
    assert!(text.contains("What is wrong verification damaged: shop"), "{text}");
}

#[test]
fn a_target_is_told_in_a_row() {
    let text = shown(&fixtures::healthy());
    let row = "wiki good · mariadb 11.4.4 Last good backup 7h ago took 11.0s Last 30 days Size 58.0 MiB -1% \
               Last drill ok, 1 remark 6d ago Next backup in 16h 2026-11-28 23:00 +01:00";
    assert!(text.contains(row), "{text}");
    let foot = "Times and days are those of Europe/Berlin. Dumpcar 0.1.0 · 42 backups in the bucket · schedule 0 23 * * * \
                · verified 2d ago , all good · next verification in 4d";
    assert!(text.contains(foot), "{text}");
}

#[test]
fn a_target_has_a_word_for_how_it_is() {
    let with = |problem: Option<&str>, target: Target| match problem {
        Some(problem) => fixtures::problem(one(target), "shop", problem),
        None => one(target),
    };
    let good = || fixtures::good("custom", "", 5);
    let is = |condition| Target { condition, ..good() };
    let unread = Target { recent: Vec::new(), uncounted: vec![fixtures::unreadable(0)], ..good() };
    let noted = |problem: &str| {
        let ended = crate::report::Ended { at: fixtures::night(0), problem: Some(problem.to_owned()) };
        Target { backed_up: Some(ended), ..good() }
    };
    for (status, word) in [
        (with(None, good()), "good"),
        (with(None, fixtures::fresh()), "no backup yet"),
        (with(None, is(Condition::Unavailable("paused".into()))), "not running"),
        (with(None, is(Condition::Gone)), "no container"),
        (with(Some("typo"), is(Condition::Misconfigured("typo".into()))), "misconfigured"),
        (with(Some("disappeared"), is(Condition::Gone)), "no container"),
        (with(Some("no disk"), fixtures::failing("no disk")), "failed"),
        (with(Some("small"), fixtures::doubtful("suspicious: small")), "suspicious"),
        (with(Some("view"), fixtures::doubtful("incomplete: view")), "incomplete"),
        (with(Some("no good backup in time"), good()), "overdue"),
        (with(Some("no good backup yet"), fixtures::fresh()), "overdue"),
        (with(Some("unreadable"), unread), "not counted"),
        (with(Some("clean up: denied"), noted("clean up: denied")), "good, with a problem"),
        (fixtures::problem(one(good()), "(drill) shop", "no memory"), "drill inconclusive"),
    ] {
        let page = detail(&status, "shop");
        assert!(page.contains(&format!("All targets shop {word} ")), "{word}: {page}");
    }
}

#[test]
fn a_target_that_is_not_there_has_no_page() {
    let name: TargetName = "nobody".parse().unwrap();
    assert_eq!(target(&name, &fixtures::healthy(), &about(), now()), None);
}

#[test]
fn the_page_of_a_target_has_all_its_backups_and_what_becomes_of_them() {
    let text = detail(&fixtures::healthy(), "shop-db");
    for part in [
        "Last good backup 7h ago 2026-11-27 23:00 +01:00",
        "Next drill in 22h",
        "Schedule every 6h (Europe/Berlin)",
        "Keeps last 7, daily 7, monthly 12",
        "Server postgresql 17.6 Image postgresql:17.6 Databases 3 Made by docker-host",
        "Last 30 days: 29 good, 1 without a run",
        "2026-11-21T22-00-00Z with 3 databases, 41 tables, 1,284,113 rows, restored and compared in 1m 14s",
        r"docker compose exec dumpcar \ dumpcar restore shop-db --at 2026-11-27T22-00-00Z",
        "Started State Size Took Content Retention Restore 2026-11-27 23:00 +01:00 7h ago State good",
        "stays: newest, last 1 of 7, daily 1 of 7 (2026-11-27)",
        "dumpcar restore shop-db --at 2026-11-21T22-00-00Z",
        "And 14 older backups: dumpcar list shop-db shows all",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // There are older ones, so none of these is the oldest of a month.
    assert!(!text.contains("oldest"), "{text}");
}

#[test]
fn what_no_rule_wants_goes_and_what_does_not_count_stays() {
    let mut target = fixtures::good("custom", "", 500);
    target.recent = fixtures::nights(9, 500);
    target.uncounted = vec![fixtures::unreadable(3)];
    let text = detail(&one(target.clone()), "shop");
    assert_eq!(text.matches("goes: no rule wants it").count(), 2, "{text}");
    assert!(
        text.contains(
            "unreadable not a manifest Size Took Content Retention stays: not counted Restore not possible"
        ),
        "{text}"
    );
    target.condition = Condition::Gone;
    let text = detail(&one(target.clone()), "shop");
    assert!(
        text.contains("no container here serves the target: nothing is deleted.") && !text.contains("goes:"),
        "{text}"
    );
    // A server that is new has no roles.
    assert!(text.contains("--at 2026-11-27T22-00-00Z --to CONTAINER --globals"), "{text}");
    target.condition = Condition::Ready;
    let about = About { prunes: false, ..about() };
    let text = words(&super::target(&fixtures::name("shop"), &one(target), &about, now()).unwrap());
    assert!(text.contains("DUMPCAR_PRUNE is false: nothing is ever deleted."), "{text}");
}

#[test]
fn runs_without_a_backup_are_told() {
    let text = detail(&one(fixtures::failing("no disk")), "shop");
    assert!(text.contains("Runs without a backup Since Dumpcar was started. 2026-11-27 23:03 +01:00 no disk 2026-11-26 23:03 +01:00 no disk"), "{text}");
}

#[test]
fn who_has_no_target_is_told_how_to_make_one() {
    let about = About { label_prefix: "backup".to_owned(), group: Some("a".to_owned()), ..about() };
    let page = overview(&fixtures::empty(), &about, now());
    assert!(
        page.contains("    labels:\n      backup.enable: &#34;true&#34;\n      backup.group: a\n"),
        "{page}"
    );
    assert!(!page.contains("What is wrong"), "{page}");
}

/// The bound is that of a release, ten times over for a build without optimization on a machine with other work.
#[test]
fn two_hundred_targets_are_quick() {
    let status = fixtures::many(200);
    let about = about();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let page = overview(&status, &about, now());
        best = best.min(began.elapsed());
        assert!(page.len() < 700_000, "{}", page.len());
    }
    assert!(best < Duration::from_millis(500), "{best:?}");
}
