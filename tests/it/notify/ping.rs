use std::sync::atomic::Ordering;

use serde_json::json;

use super::breakable;
use crate::support::receiver::{FakeReceiver, Got, Reply};

/// Path and `rid` of each ping.
fn signals(got: &[Got]) -> Vec<(String, Option<String>)> {
    got.iter()
        .map(|one| {
            let (path, query) = one.target.split_once('?').unwrap_or((&one.target, ""));
            (path.to_owned(), query.strip_prefix("rid=").map(str::to_owned))
        })
        .collect()
}

#[tokio::test]
async fn a_run_of_all_targets_is_pinged_from_its_start_to_its_end() {
    let (world, is_broken) = breakable().await;
    let service = FakeReceiver::answering(|_, _| {
        Reply::Says(200, vec![("ping-body-limit", "20".to_owned())], "OK".into())
    })
    .await;
    let world = world.custom("shop").custom("blog").set("DUMPCAR_PING_URL", &service.url("/ping/c4n4ry"));
    let daemon = world.daemon();
    let got = service.gets(2).await;
    let [(start, begun), (end, ended)] = &signals(&got)[..] else { panic!("{got:?}") };
    assert_eq!((start.as_str(), end.as_str()), ("/ping/c4n4ry/start", "/ping/c4n4ry"));
    assert_eq!(begun, ended);
    let rid = begun.as_ref().unwrap();
    assert_eq!(rid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    is_broken.store(true, Ordering::Relaxed);
    daemon.tell("USR1");
    let got = service.gets(4).await;
    assert_eq!(signals(&got)[3].0, "/ping/c4n4ry/fail");
    assert_ne!(signals(&got)[3].1.as_ref(), Some(rid));
    // As much as the service keeps: the last words.
    assert!(got[3].body.len() == 20 && got[3].body.ends_with("nothing on stderr"), "{}", got[3].body);
    let ended = daemon.stop().await;
    assert_eq!((ended.status, service.got().len()), (0, 4), "{}", ended.stderr);
    assert!(!ended.stderr.contains("c4n4ry"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_label_names_a_url_for_one_target() {
    let (world, is_broken) = breakable().await;
    let (service, kuma) = (FakeReceiver::start().await, FakeReceiver::start().await);
    let label = |name: &str, url: String| {
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.ping": url });
        world.docker.container(name, labels, &[]);
    };
    label("shop", service.url("/uuid"));
    label("blog", kuma.url("/api/push/TOKEN?status=up&msg=OK&ping="));
    let world = world.custom("wiki");
    let daemon = world.daemon();
    let got = signals(&service.gets(2).await);
    assert_eq!(got.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["/uuid/start", "/uuid"]);
    assert_eq!(got[0].1, got[1].1);
    let up = kuma.gets(1).await;
    assert!(up[0].method == "GET" && up[0].target.starts_with("/api/push/TOKEN?status=up&msg="), "{up:?}");
    daemon.logs("backup committed", 3).await;
    // By hand, and it fails: the daemon tells that as well.
    is_broken.store(true, Ordering::Relaxed);
    assert_eq!(world.run(&["backup", "shop", "blog"]).await.status, 1);
    assert_eq!(signals(&service.gets(3).await)[2], ("/uuid/fail".to_owned(), None));
    assert!(kuma.gets(2).await[1].target.starts_with("/api/push/TOKEN?status=down&msg="));
    // One that is gone when it is due is a failure, too.
    world.docker.remove("shop");
    daemon.tell("USR1");
    assert_eq!(signals(&service.gets(4).await)[3].0, "/uuid/fail");
    assert_eq!(daemon.stop().await.status, 0);
}

#[tokio::test]
async fn a_check_that_the_service_does_not_know_is_told_with_the_cure() {
    for (status, cure) in
        [(404, "the service does not know this URL"), (409, "several checks have this slug")]
    {
        let (world, _) = breakable().await;
        let service = FakeReceiver::answering(move |_, _| Reply::status(status, "not found")).await;
        let world = world.custom("shop").set("DUMPCAR_PING_URL", &service.url("/c4n4ry"));
        let daemon = world.daemon();
        let message = "a message was not delivered; further ones are tried, and not logged until one is";
        daemon.logs(message, 1).await;
        service.gets(2).await;
        let ended = daemon.stop().await;
        let told = ended.logged(message);
        assert_eq!(told.len(), 1, "{}", ended.stderr);
        assert_eq!(told[0]["receiver"], format!("ping {}", service.place()));
        assert!(told[0]["reason"].as_str().unwrap().contains(cure), "{told:?}");
        assert!(!ended.stderr.contains("c4n4ry"), "{}", ended.stderr);
        assert_eq!(ended.status, 0);
    }
}
