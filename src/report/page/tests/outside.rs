//! Text from outside acts neither in a browser nor on whoever reads it.

use std::sync::Arc;

use super::html::tokens;
use super::*;
use crate::model::engine::EngineName;
use crate::model::line::Line;
use crate::model::past_backup::{BackupFacts, PastBackup};
use crate::model::past_drill::PastDrill;
use crate::report::{Condition, Ended, Target};

const EVIL: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u{1b}[31m\u{202e}\u{0}\n`a`";

/// Each place that has a text from outside.
fn hostile() -> (Status, About) {
    let facts = BackupFacts {
        engine: EngineName::known("custom"),
        server_version: Line::clean(EVIL),
        image: Line::clean(EVIL),
        instance: Line::clean(EVIL),
        databases: 1,
        rows: None,
    };
    let backup = PastBackup { facts: Some(Arc::new(facts)), ..fixtures::bad(0, 5, EVIL) };
    let ended = || Some(Ended { at: fixtures::night(0), problem: Some(EVIL.to_owned()) });
    let target = Target {
        condition: Condition::Misconfigured(EVIL.to_owned()),
        recent: vec![backup],
        failures: ended().into_iter().collect(),
        drilled: ended(),
        drill: Some(PastDrill {
            remarks: vec![EVIL.to_owned()],
            problem: Some(EVIL.to_owned()),
            ..fixtures::drill()
        }),
        ..fixtures::good("custom", "", 10)
    };
    let mut status = fixtures::running(Status::default(), "evil", EVIL);
    status.targets.insert(fixtures::name("evil"), target);
    for about in ["evil", "(drill) evil", "(verify)", EVIL] {
        status = fixtures::problem(status, about, EVIL);
    }
    status.nothing = Some(EVIL.to_owned());
    status.verified = ended();
    let text = || EVIL.to_owned();
    let about = About {
        version: "0.1.0".to_owned(),
        instance: text(),
        store: text(),
        schedule: text(),
        label_prefix: text(),
        group: Some(text()),
        ..about()
    };
    (status, about)
}

#[test]
fn text_from_outside_is_only_text() {
    let (status, about) = hostile();
    let empty = Status { nothing: Some(EVIL.to_owned()), ..Status::default() };
    let pages = [
        overview(&status, &about, now()),
        target(&fixtures::name("evil"), &status, &about, now()).unwrap(),
        overview(&empty, &about, now()),
    ];
    for page in pages {
        // It is there, and was escaped.
        assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
        let harmful = ["script", "/script", "img"];
        assert!(tokens(&page).iter().all(|token| !harmful.contains(&token.name())), "{page}");
        let acts = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
        assert!(!page.contains(acts), "{page}");
    }
}

/// What a page is given has no secret; nor has it a place for one: the store is shown as it is told.
#[test]
fn a_page_shows_the_settings_it_is_told() {
    let page = overview(&fixtures::healthy(), &about(), now());
    for shown in ["docker-host", "s3://backups/docker-host", "0.1.0", "0 23 * * *", "Europe/Berlin"] {
        assert!(page.contains(shown), "{shown}");
    }
}
