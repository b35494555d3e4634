//! What lies between here and the store: a proxy, and a line that others use as well.

use std::time::Instant;

use super::support::docker::Script;
use super::support::forward::ForwardProxy;
use super::support::world::{Ended, World, finish_in_time, noise};

/// A store that only the proxy can find.
async fn behind(scheme: &str) -> World {
    let world = World::new(|_| Script::ends(b"-- a dump\n", 0)).await.custom("shop");
    let port = world.s3.endpoint.rsplit(':').next().unwrap().to_owned();
    world.set("AWS_ENDPOINT_URL", &format!("{scheme}://s3.example.test:{port}"))
}

fn login(proxy: &ForwardProxy) -> String {
    format!("http://me:hunter2@127.0.0.1:{}", proxy.port)
}

/// What the program says, without a login.
fn said(ended: &Ended) -> String {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains("hunter2") && !said.contains("me:"), "{said}");
    said
}

#[tokio::test]
async fn a_backup_goes_through_a_proxy_in_either_spelling() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "AWS_PROXY_URL"] {
        let proxy = ForwardProxy::start(None).await;
        let world = behind("http").await.set(name, &login(&proxy)).set("NO_PROXY", "example.com, .internal");
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{name}: {}", said(&ended));
        let heads = proxy.heads();
        assert!(!heads.is_empty(), "{name}");
        // "me:hunter2"
        let has_login =
            |head: &String| head.to_ascii_lowercase().contains("proxy-authorization: basic bwu6ahvudgvymg==");
        assert!(heads.iter().all(has_login), "{heads:?}");
        assert_eq!(world.manifests().len(), 1);
        let shown = world.run(&["config"]).await;
        let is_shown = name == "AWS_PROXY_URL" || said(&shown).contains(&format!("127.0.0.1:{}", proxy.port));
        assert!(is_shown, "{}", shown.stdout);
    }
}

#[tokio::test]
async fn an_exception_is_asked_directly() {
    let proxy = ForwardProxy::start(None).await;
    for no in ["example.test", ".example.test", "other,s3.example.test", "*"] {
        let world = behind("http").await.set("HTTP_PROXY", &login(&proxy)).set("no_proxy", no);
        // Which goes wrong: nobody else knows that name.
        let ended = world.run(&["list"]).await;
        assert!(
            said(&ended).contains("check AWS_ENDPOINT_URL, DNS and the network"),
            "{no}: {}",
            ended.stderr
        );
        assert_eq!(proxy.heads(), [""; 0], "{no}");
    }
    // What is here is not elsewhere.
    let world = World::new(|_| Script::ends(b"-- a dump\n", 0))
        .await
        .custom("shop")
        .set("HTTP_PROXY", &login(&proxy));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!(proxy.heads(), [""; 0]);
}

#[tokio::test]
async fn a_tunnel_leads_to_the_store() {
    let proxy = ForwardProxy::start(None).await;
    let world =
        behind("https").await.set("HTTPS_PROXY", &login(&proxy)).set("HTTP_PROXY", "http://127.0.0.1:9");
    let ended = world.run(&["list"]).await;
    let heads = proxy.heads();
    assert!(heads[0].starts_with("CONNECT s3.example.test:"), "{heads:?}");
    // As this one does.
    assert!(said(&ended).contains("does not speak https there"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_or_refuses_is_named() {
    let (locked, closed) = (
        ForwardProxy::start(Some("407 Proxy Authentication Required")).await,
        ForwardProxy::start(Some("403 Forbidden")).await,
    );
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let case = |scheme: &'static str, name: &'static str, port: u16| async move {
        let world = behind(scheme).await.set(name, &format!("http://me:hunter2@127.0.0.1:{port}"));
        said(&world.run(&["list"]).await).replace(&format!(":{port}"), ":PORT")
    };
    let (one, two, three, four, five, six) = tokio::join!(
        case("http", "HTTP_PROXY", unused),
        case("https", "HTTPS_PROXY", unused),
        case("http", "HTTP_PROXY", locked.port),
        case("https", "https_proxy", locked.port),
        case("http", "ALL_PROXY", closed.port),
        case("https", "HTTPS_PROXY", closed.port),
    );
    for (said, wanted) in [
        (one, "the proxy 127.0.0.1:PORT (HTTP_PROXY) between here and http://s3.example.test"),
        (two, "the proxy 127.0.0.1:PORT (HTTPS_PROXY) between here and https://s3.example.test"),
        (three, "the proxy 127.0.0.1:PORT wants a login: put it into HTTP_PROXY"),
        (four, "the proxy 127.0.0.1:PORT wants a login: put it into https_proxy"),
        (five, "(or the proxy 127.0.0.1:PORT refuses, which ALL_PROXY puts in between)"),
        (six, "the proxy 127.0.0.1:PORT (HTTPS_PROXY) makes no connection to https://s3.example.test"),
    ] {
        let said = said.replace("user:password@", "");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

/// What a metadata service gives out is for nobody else.
#[tokio::test]
async fn nobody_is_asked_for_keys_through_a_proxy() {
    let proxy = ForwardProxy::start(Some("403 Forbidden")).await;
    let world = behind("http")
        .await
        .unset("AWS_ENDPOINT_URL")
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY")
        .set("ALL_PROXY", &login(&proxy));
    let ended = world.run(&["list"]).await;
    assert!(said(&ended).contains("there are no keys: set AWS_ACCESS_KEY_ID"), "{}", ended.stderr);
    assert!(proxy.heads().iter().all(|head| !head.contains("169.254")), "{:?}", proxy.heads());
}

#[tokio::test]
async fn a_wrong_proxy_is_a_wrong_setting() {
    let world = behind("http").await.set("HTTPS_PROXY", "socks5://me:hunter2@127.0.0.1:1080");
    let ended = world.run(&["list"]).await;
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(said(&ended).contains("HTTPS_PROXY: must be the URL of an HTTP proxy"), "{}", ended.stderr);
}

const MIB: usize = 1 << 20;
const EACH: usize = 12 * MIB;

/// Two targets, whose dumps have 24 MiB together.
async fn two() -> World {
    let dump = noise(EACH);
    let steps = move |_: &_| Script::ends(&dump, 0);
    World::new(steps)
        .await
        .custom("one")
        .custom("two")
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_PARALLEL", "2")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
        // Shorter than what follows takes.
        .set("DUMPCAR_STALL_TIMEOUT", "2s")
}

async fn timed(world: &World, args: &[&str]) -> (f64, u64) {
    let start = Instant::now();
    let (ended, most) = world.run_watched(args, "json").await;
    let ended = ended.unwrap();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    (start.elapsed().as_secs_f64(), most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_kept_by_all_targets_together_in_both_directions() {
    // What else it takes, on a machine that has other things to do.
    let free = two().await;
    let (overhead, most_free) = timed(&free, &["backup"]).await;
    let kept = 5.1..=6.9 + 2.0 * overhead;
    let world = two().await.set("DUMPCAR_UPLOAD_LIMIT", "4MiB").set("DUMPCAR_DOWNLOAD_LIMIT", "4MiB");
    let (seconds, most) = timed(&world, &["backup"]).await;
    assert!(kept.contains(&seconds), "24 MiB took {seconds} s, and {overhead} s without a limit");
    assert!(most < most_free + most_free / 4, "{most} KiB instead of {most_free}");
    assert_eq!(world.manifests().len(), 2);
    let (seconds, most) = timed(&world, &["verify"]).await;
    assert!(kept.contains(&seconds), "24 MiB took {seconds} s, and {overhead} s without a limit");
    assert!(most < most_free + most_free / 4, "{most} KiB instead of {most_free}");
}

#[tokio::test]
async fn a_limit_goes_through_a_proxy_as_well() {
    let proxy = ForwardProxy::start(None).await;
    let world = behind("http").await.set("HTTP_PROXY", &login(&proxy)).set("DUMPCAR_UPLOAD_LIMIT", "5MiB");
    let child = world.start(&["backup"]);
    let ended = finish_in_time(child).await.unwrap();
    assert_eq!(ended.status, 0, "{}", said(&ended));
    assert!(!proxy.heads().is_empty());
}
