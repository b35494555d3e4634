//! The status page of a real daemon.

use super::*;

fn stamps(world: &World) -> Vec<String> {
    world.manifests().iter().map(|manifest| manifest["stamp"].as_str().unwrap().to_owned()).collect()
}

fn page_of(address: SocketAddr, target: &str) -> String {
    get(address, &format!("/targets/{target}"), "")
}

/// What somebody does by hand is shown as well, what was pruned no longer, and a new process shows the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_what_is_done() {
    let address = free_address();
    let world = world(address).await.set("DUMPCAR_KEEP_LAST", "1");
    let daemon = ready(&world, address).await;
    let page = get(address, "/", "");
    assert!(page.contains("Waiting for the first backup") && page.contains("targets/shop"), "{page}");
    assert_eq!(status(&page_of(address, "nobody")), 404);
    daemon.tell("USR1");
    daemon.logs("backup committed", 1).await;
    until("it is shown", || get(address, "/", "").contains("The target is backed up")).await;
    let first = stamps(&world);
    let page = page_of(address, "shop");
    let restore = |stamp: &str| format!("dumpcar restore shop --at {stamp}");
    assert!(page.contains("stays: newest, last 1 of 1") && page.contains(&restore(&first[0])), "{page}");

    assert_eq!(world.run(&["backup"]).await.status, 0);
    let second = stamps(&world);
    assert!(second.len() == 1 && second != first, "{second:?}");
    until("the other one is shown", || page_of(address, "shop").contains(&restore(&second[0]))).await;
    until("the first one is not", || !page_of(address, "shop").contains(&restore(&first[0]))).await;
    daemon.stop().await;

    let daemon = ready(&world, address).await;
    let page = page_of(address, "shop");
    for shown in [
        restore(&second[0]).as_str(),
        "stays: newest, last 1 of 1",
        "<dd>last 1</dd>",
        "<dd>custom</dd>",
        "manual",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    daemon.stop().await;
}
