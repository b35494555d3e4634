use std::time::Duration;

use serde_json::{Value, json};

use super::{Den, path};
use crate::support::hostile::NASTY;
use crate::support::hostile::lies::{diversions, floods};
use crate::support::hostile::verdicts::Verdicts;
use crate::support::peak::Peak;
use crate::support::witness::{Heard, Lie};
use crate::support::world::until;

type Liar = dyn Fn(&Heard, usize) -> Option<Lie> + Send + Sync;

/// The daemon says which engine answers, and hears of changes.
#[tokio::test]
async fn a_daemon_outlives_what_it_is_told() {
    let peak_of = async |liar: Box<Liar>| {
        let den = Den::new(liar).await;
        let daemon = den.world.daemon();
        let peak = Peak::of(daemon.pid());
        let asks = || den.witness.heard().iter().filter(|heard| path(heard).ends_with("/events")).count();
        let has_begun = || daemon.count("\"planned\"") == 2 && asks() > 0;
        until("it has begun, or given up", || has_begun() || daemon.count("cannot use Docker") > 0).await;
        if !has_begun() {
            let most = peak.most();
            return (daemon.ended().await, most, 0, den.witness.strangers(&[]));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (most, asks) = (peak.so_far(), asks());
        let ended = daemon.stop().await;
        (ended, most, asks, den.witness.strangers(&[]))
    };
    let (ended, base, ..) = peak_of(Box::new(|_, _| None)).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let mut verdicts = Verdicts::default();
    let event = |value: Value| Lie::Says([Lie::head(), format!("{value}\n").into_bytes()].concat());
    let mut lies = vec![
        (
            "strange words",
            event(
                json!({ "Type": NASTY, "Action": NASTY, "Actor": { "ID": NASTY, "Attributes": { format!("dumpcar.{NASTY}"): NASTY } } }),
            ),
        ),
        ("other types", event(json!({ "Type": 1, "Actor": [], "time": "now" }))),
        (
            "endless events",
            Lie::Endless(
                Lie::head(),
                b"{\"Type\":\"container\",\"Actor\":{\"Attributes\":{\"dumpcar.enable\":\"true\"}}}\n"
                    .to_vec(),
            ),
        ),
    ];
    lies.extend(diversions());
    lies.extend(floods());
    for (what, lie) in lies {
        let liar = move |heard: &Heard, _| path(heard).ends_with("/events").then(|| lie.clone());
        let (ended, most, asks, strangers) = peak_of(Box::new(liar)).await;
        let what = format!("events: {what}");
        verdicts.expect(&what, ended.status == 0 && strangers.is_empty(), || {
            format!("status {}, strange requests {strangers:?}", ended.status)
        });
        verdicts.harmless(&what, &ended, true);
        verdicts.cheap(&what, base, most);
        verdicts.expect(&what, asks < 10, || format!("asked {asks} times in half a second"));
    }
    let version = |value: Value| Lie::answer(200, value.to_string());
    for (what, lie) in [
        ("strange words", version(json!({ "Version": NASTY, "ApiVersion": NASTY, "MinAPIVersion": NASTY }))),
        ("long words", version(json!({ "Version": "x".repeat(1_000_000), "ApiVersion": "1.41" }))),
        ("a text", version(json!(NASTY))),
        ("endless white space", Lie::Endless(Lie::head(), b" ".to_vec())),
    ] {
        let liar = move |heard: &Heard, _| path(heard).ends_with("/version").then(|| lie.clone());
        let (ended, most, ..) = peak_of(Box::new(liar)).await;
        let what = format!("version: {what}");
        // An engine that does not say what it is may be none.
        verdicts.expect(&what, [0, 1].contains(&ended.status), || format!("status {}", ended.status));
        verdicts.harmless(&what, &ended, true);
        verdicts.cheap(&what, base, most);
    }
    verdicts.end();
}
