/// A daemon that is lied to.
mod daemon;
/// A drill that is lied to.
mod drill;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::docker::{Script, id_of};
use super::support::hostile::NASTY;
use super::support::hostile::lies::{diversions, excerpt, floods, with, without};
use super::support::hostile::verdicts::Verdicts;
use super::support::witness::{Heard, Lie, Witness};
use super::support::world::World;

/// A host with the targets `shop` and `blog`, whose engine lies, and a container `victim` that is nobody's business.
struct Den {
    world: World,
    witness: Witness,
}

impl Den {
    async fn new(liar: impl Fn(&Heard, usize) -> Option<Lie> + Send + Sync + 'static) -> Self {
        let world = World::new(|_| Script::ends(b"-- a dump\n", 0)).await.custom("shop").custom("blog");
        world.docker.container("victim", json!({}), &[]);
        let witness = Witness::lying(world.docker.socket(), liar);
        let world = world
            .set("DOCKER_HOST", &witness.host())
            .set("DUMPCAR_COMPRESSION", "none")
            .set("DUMPCAR_CATCH_UP", "false")
            .set("DUMPCAR_TIMEOUT", "40s")
            .set("DUMPCAR_STALL_TIMEOUT", "10s");
        Self { world, witness }
    }
}

fn path(heard: &Heard) -> &str {
    heard.target.split('?').next().unwrap()
}

fn is_list(heard: &Heard) -> bool {
    path(heard).ends_with("/containers/json")
}

fn is_inspect_of(heard: &Heard, name: &str) -> bool {
    path(heard).ends_with(&format!("/containers/{}/json", id_of(name)))
}

fn is_exec_in(heard: &Heard, name: &str) -> bool {
    path(heard).ends_with(&format!("/containers/{}/exec", id_of(name)))
}

async fn honest_peak() -> u64 {
    let den = Den::new(|_, _| None).await;
    let (ended, most) = den.world.run_watched(&["backup"], "json").await;
    let ended = ended.unwrap();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    most
}

/// A backup with an engine that tells this lie about some requests; `blog` must be backed up with `statuses`.
async fn lied_to(
    what: &str,
    statuses: &[i32],
    base: u64,
    verdicts: &mut Verdicts,
    liar: impl Fn(&Heard, usize) -> Option<Lie> + Send + Sync + 'static,
) {
    let den = Den::new(liar).await;
    let started = Instant::now();
    let (ended, most) = den.world.run_watched(&["backup"], "json").await;
    let ended = verdicts.ended(what, ended);
    let elapsed = started.elapsed();
    verdicts.expect(what, statuses.contains(&ended.status), || {
        format!("status {}: {}", ended.status, ended.stderr)
    });
    let is_made =
        den.world.keys().iter().any(|key| key.starts_with("blog/") && key.ends_with("/manifest.json"));
    let is_wanted = statuses.iter().all(|status| [0, 3].contains(status));
    verdicts.expect(what, is_made || !is_wanted, || "blog was not backed up".to_owned());
    verdicts.cheap(what, base, most);
    verdicts.harmless(what, &ended, true);
    verdicts.innocent(what, &den.witness, &[]);
    verdicts.expect(what, elapsed < Duration::from_secs(45), || format!("{elapsed:?}"));
}

#[tokio::test]
async fn a_lie_about_one_container_costs_that_one() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    let said = |value: Value| Lie::answer(200, value.to_string());
    let lies = [
        ("another id", said(with("shop", "/Id", id_of("victim")))),
        ("a path for an id", said(with("shop", "/Id", "../victim/kill?x="))),
        ("the name for an id", said(with("shop", "/Id", "shop"))),
        ("no id", said(without("shop", "Id"))),
        ("an id that is a number", said(with("shop", "/Id", 1))),
        ("no state", said(without("shop", "State"))),
        ("no status", said(with("shop", "/State", json!({})))),
        ("an unknown status", said(with("shop", "/State/Status", "dancing"))),
        ("a strange status", said(with("shop", "/State/Status", NASTY))),
        ("labels that are none", said(with("shop", "/Config/Labels", json!(["dumpcar.enable"])))),
        (
            "a strange label",
            said(with(
                "shop",
                "/Config/Labels",
                json!({ "dumpcar.enable": "true", format!("dumpcar.{NASTY}"): NASTY }),
            )),
        ),
        ("a strange value", said(with("shop", "/Config/Labels/dumpcar.enable", NASTY))),
        (
            "a strange engine",
            said(with(
                "shop",
                "/Config/Labels",
                json!({ "dumpcar.enable": "true", "dumpcar.engine": NASTY }),
            )),
        ),
        (
            "an image of no engine",
            said(with("shop", "/Config", json!({ "Image": NASTY, "Labels": { "dumpcar.enable": "true" } }))),
        ),
    ];
    for (what, lie) in lies.into_iter().chain(diversions()) {
        let what = format!("inspect: {what}");
        lied_to(&what, &[3], base, &mut verdicts, move |heard, _| {
            is_inspect_of(heard, "shop").then(|| lie.clone())
        })
        .await;
    }
    verdicts.end();
}

#[tokio::test]
async fn strange_words_about_a_container_are_only_words() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    for (what, place, value) in [
        ("name", "/Name", json!(NASTY)),
        ("path", "/Name", json!("/../../x")),
        ("no name", "/Name", json!("")),
        ("long name", "/Name", json!("x".repeat(1_000_000))),
        ("image", "/Config/Image", json!(NASTY)),
        ("image id", "/Image", json!(NASTY)),
        ("image id with a path", "/Image", json!("../images/get?names=x")),
        ("no configuration", "/Config", json!({})),
        ("environment", "/Config/Env", json!([NASTY, "=", "", "A=b", format!("{NASTY}={NASTY}")])),
        (
            "state",
            "/State",
            json!({ "Status": "running", "StartedAt": NASTY, "Health": { "Status": "healthy" } }),
        ),
    ] {
        let said = with("shop", place, value);
        lied_to(what, &[0, 3], base, &mut verdicts, move |heard, _| {
            is_inspect_of(heard, "shop").then(|| Lie::answer(200, said.to_string()))
        })
        .await;
    }
    verdicts.end();
}

#[tokio::test]
async fn a_flood_about_one_container_costs_that_one() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    for (what, lie) in floods() {
        let what = format!("inspect: {what}");
        lied_to(&what, &[3], base, &mut verdicts, move |heard, _| {
            is_inspect_of(heard, "shop").then(|| lie.clone())
        })
        .await;
    }
    verdicts.end();
}

#[tokio::test]
async fn an_exec_that_is_none_costs_its_own_target() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    let id = "0123456789abcdef".repeat(4);
    let ids = [
        json!({ "Id": "../containers/x/kill" }),
        json!({ "Id": format!("../containers/{}/kill?x=", id_of("victim")) }),
        json!({ "Id": "" }),
        json!({ "Id": "." }),
        json!({ "Id": NASTY }),
        json!({ "Id": id.split_at(63).0 }),
        json!({ "Id": id.to_uppercase() }),
        json!({ "Id": format!("{id}?x=") }),
        json!({ "Id": format!("{id}\n") }),
        json!({ "Id": 1 }),
        json!({}),
    ];
    let lies = ids.iter().map(|said| ("an id", Lie::answer(201, said.to_string())));
    for (what, lie) in lies.chain(diversions()).chain(floods()) {
        let what = format!("create an exec: {what} {}", excerpt(&lie));
        lied_to(&what, &[3], base, &mut verdicts, move |heard, _| {
            is_exec_in(heard, "shop").then(|| lie.clone())
        })
        .await;
    }
    verdicts.end();
}

/// Neither the stream of a command nor what is said of its end.
#[tokio::test]
async fn a_command_that_is_lied_about_costs_its_own_target() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    for (what, lie) in diversions().into_iter().chain(floods()) {
        let told = lie.clone();
        // The first command of the first target there is.
        lied_to(&format!("start an exec: {what}"), &[1, 3], base, &mut verdicts, move |heard, nth| {
            let is_first = heard.target.contains(&format!("/exec/{:064x}/start", 0)) && nth == 1;
            is_first.then(|| told.clone())
        })
        .await;
        // It is only a second witness.
        lied_to(&format!("inspect an exec: {what}"), &[0, 3], base, &mut verdicts, move |heard, _| {
            heard.target.contains(&format!("/exec/{:064x}/json", 0)).then(|| lie.clone())
        })
        .await;
    }
    verdicts.end();
}

#[tokio::test]
async fn a_list_with_lies_in_it_still_has_the_honest_ones() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    let labels = || json!({ "dumpcar.enable": "true", "dumpcar.command": "x" });
    let id = id_of("nobody");
    for (what, liar) in [
        ("a path", json!({ "Id": "../x", "Names": ["/x"], "Labels": labels() })),
        ("another call", json!({ "Id": "../volumes/prune?x=", "Names": ["/x"], "Labels": labels() })),
        ("short", json!({ "Id": id.split_at(63).0, "Names": ["/x"], "Labels": labels() })),
        ("long", json!({ "Id": format!("{id}0"), "Names": ["/x"], "Labels": labels() })),
        ("upper case", json!({ "Id": id.to_uppercase(), "Names": ["/x"], "Labels": labels() })),
        ("a name", json!({ "Id": "victim", "Names": ["/victim"], "Labels": labels() })),
        ("nothing", json!({ "Id": "", "Names": ["/x"], "Labels": labels() })),
        ("none", json!({ "Names": ["/x"], "Labels": labels() })),
        ("null", json!({ "Id": null, "Names": ["/x"], "Labels": labels() })),
        ("strange", json!({ "Id": NASTY, "Names": [NASTY], "Labels": labels() })),
        (
            "strange labels",
            json!({ "Id": "x", "Names": [NASTY], "Labels": { format!("dumpcar.{NASTY}"): NASTY } }),
        ),
    ] {
        let one =
            |name: &str| json!({ "Id": id_of(name), "Names": [format!("/{name}")], "Labels": labels() });
        let said = json!([liar, one("shop"), one("blog")]).to_string();
        lied_to(what, &[0, 3], base, &mut verdicts, move |heard, _| {
            is_list(heard).then(|| Lie::answer(200, said.clone()))
        })
        .await;
    }
    verdicts.end();
}

#[tokio::test]
async fn a_list_that_is_none_ends_with_an_error() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    for (what, lie) in diversions().into_iter().chain(floods()) {
        let what = format!("list: {what}");
        lied_to(&what, &[1, 4], base, &mut verdicts, move |heard, _| is_list(heard).then(|| lie.clone()))
            .await;
    }
    verdicts.end();
}

/// What the engine is called stands in the record of a run.
#[tokio::test]
async fn an_engine_without_a_proper_name_still_has_its_backups() {
    let (base, mut verdicts) = (honest_peak().await, Verdicts::default());
    let names =
        [json!({ "ID": NASTY }), json!({ "ID": "x".repeat(1_000_000) }), json!({ "ID": 1 }), json!({})];
    let lies = names.iter().map(|said| ("a name", Lie::answer(200, said.to_string())));
    for (what, lie) in lies.chain(diversions()).chain(floods()) {
        lied_to(&format!("info: {what}"), &[0], base, &mut verdicts, move |heard, _| {
            path(heard).ends_with("/info").then(|| lie.clone())
        })
        .await;
    }
    verdicts.end();
}
