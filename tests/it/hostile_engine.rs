use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::docker::{IMAGE_ID, Script, id_of};
use super::support::hostile::lies::{diversions, excerpt, floods, with, without};
use super::support::hostile::verdicts::Verdicts;
use super::support::hostile::{NASTY, Siege};
use super::support::peak::Peak;
use super::support::witness::{Heard, Lie, Witness};
use super::support::world::{World, until};

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

/// What a drill is told of images and of the container it makes.
#[tokio::test]
async fn a_drill_that_is_lied_to_asks_for_nothing_else() {
    let (honest, mut verdicts) = (Siege::quiet().await, Verdicts::default());
    let (_, base) = verdicts.run_watched(&honest, &["drill", "pg"], "json", &[0]).await;
    let image = |value: Value| Lie::answer(200, value.to_string());
    let of_the_image = [
        image(json!({ "Id": "red-img:1" })),
        image(json!({ "Id": "../images/get?names=x" })),
        image(json!({ "Id": NASTY })),
        image(
            json!({ "Id": IMAGE_ID, "Config": { "Volumes": { "/../../etc": {}, NASTY: {}, "x": {}, "/": {} } } }),
        ),
        image(json!({})),
    ];
    let of_the_container = [
        Lie::answer(201, json!({ "Id": "../victim" }).to_string()),
        Lie::answer(201, json!({ "Id": format!("{}/kill?x=", id_of("victim")) }).to_string()),
        Lie::answer(201, json!({ "Id": "" }).to_string()),
        Lie::answer(201, json!({ "Id": NASTY }).to_string()),
        Lie::answer(201, json!({}).to_string()),
    ];
    let is_of_image = |heard: &Heard| heard.target.contains("/images/");
    let is_creation = |heard: &Heard| path(heard).ends_with("/containers/create");
    let lies = of_the_image.map(|lie| (is_of_image as fn(&Heard) -> bool, lie)).into_iter();
    let lies = lies.chain(of_the_container.map(|lie| (is_creation as fn(&Heard) -> bool, lie)));
    let more = diversions().into_iter().chain(floods()).map(|(_, lie)| lie);
    for (is_it, lie) in lies
        .chain(more.flat_map(|lie| [(is_of_image as fn(&Heard) -> bool, lie.clone()), (is_creation, lie)]))
    {
        let what = format!("{:?}", excerpt(&lie));
        let mut siege = Siege::quiet().await;
        siege.witness =
            Witness::lying(siege.world.docker.socket(), move |heard, _| is_it(heard).then(|| lie.clone()));
        let world = siege.world.set("DOCKER_HOST", &siege.witness.host());
        let (ended, most) = world.run_watched(&["drill", "pg"], "json").await;
        let ended = verdicts.ended(&what, ended);
        verdicts.harmless(&what, &ended, true);
        verdicts.expect(&what, [0, 1].contains(&ended.status), || format!("status {}", ended.status));
        let strangers = siege.witness.strangers(&[]);
        verdicts.expect(&what, strangers.is_empty(), || format!("{strangers:?}"));
        verdicts.cheap(&what, base, most);
        for heard in siege.witness.heard().iter().filter(|heard| is_creation(heard)) {
            let body: Value = serde_json::from_slice(&heard.body).unwrap();
            verdicts.expect(&what, body["Image"] == IMAGE_ID, || format!("the image is {}", body["Image"]));
            let folders: Vec<&String> = body["HostConfig"]["Tmpfs"].as_object().unwrap().keys().collect();
            let is_plain = |path: &&String| {
                path.starts_with('/') && !path.contains("..") && !path.contains(char::is_control)
            };
            verdicts.expect(&what, folders.iter().all(is_plain), || format!("{folders:?}"));
        }
    }
    verdicts.end();
}
