use super::*;

/// A proxy that is not to pass something on.
async fn refusing(call: Call) -> World {
    let world = world_with(FakeS3::start().await).await.set("DUMPCAR_DRILL_SCHEDULE", "@weekly");
    world
        .docker
        .faults(move |asked, _| (asked == call).then_some(Fault::Page(403, "<html>Forbidden</html>")));
    world
}

#[tokio::test]
async fn a_proxy_that_refuses_a_request_is_told_with_its_variable() {
    for (call, subject, mark, request, variables) in [
        (Call::Version, "engine", "failure", "GET /version", "VERSION=1"),
        (Call::List, "containers", "failure", "GET /containers/json", "CONTAINERS=1"),
        (Call::Inspect, "containers", "failure", "GET /containers/{id}/json", "CONTAINERS=1"),
        (Call::Events, "events", "warning", "GET /events", "EVENTS=1"),
        (Call::Info, "engine's name", "warning", "GET /info", "INFO=1"),
        (Call::CreateExec, "exec", "failure", "POST /containers/{id}/exec", "CONTAINERS=1 and POST=1"),
        (Call::StartExec, "exec", "failure", "POST /exec/{id}/start", "EXEC=1 and POST=1"),
        (Call::Image, "own containers", "failure", "GET /images/{image}/json", "IMAGES=1"),
        (Call::Create, "own containers", "failure", "POST /containers/create", "CONTAINERS=1 and POST=1"),
        (Call::Start, "own containers", "failure", "POST /containers/{id}/start", "CONTAINERS=1 and POST=1"),
        (Call::Logs, "own containers", "failure", "GET /containers/{id}/logs", "CONTAINERS=1"),
        (Call::Remove, "own containers", "failure", "DELETE /containers/{id}", "CONTAINERS=1 and POST=1"),
    ] {
        let world = refusing(call).await;
        let ended = world.run(&["check", "--json"]).await;
        let found = items(&ended);
        let cure = format!("let the proxy pass `{request}` on: {variables}");
        assert_is(&item(&found, subject), mark, &cure);
        assert_eq!(ended.status, if mark == "failure" { 1 } else { 3 }, "{call:?}: {}", ended.stdout);
        // The store is looked at all the same.
        assert_is(&item(&found, "s3:DeleteObject"), "ok", "");
        let made = world.docker.requests().iter().filter(|one| one.contains("/containers/create")).count();
        assert!(call != Call::Remove || made == 0, "{call:?}: what cannot be removed is not made");
        let names = world.docker.names();
        assert_eq!(names, ["shop"], "{call:?}");
    }
}

#[tokio::test]
async fn a_proxy_without_upgrades_is_told() {
    let world = world_with(FakeS3::start().await).await;
    world.docker.faults(|call, _| (call == Call::StartExec).then_some(Fault::NoUpgrade));
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 1);
    assert_is(&item(&items(&ended), "exec"), "failure", "does not pass on `Upgrade: tcp`");
    assert_is(&item(&items(&ended), "login"), "untried", "see Docker above");
}

#[tokio::test]
async fn a_container_for_drills_is_made_and_removed() {
    let world = world_with(FakeS3::start().await).await.set("DUMPCAR_DRILL_SCHEDULE", "@weekly");
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stdout);
    let found = items(&ended);
    assert_is(&item(&found, "own containers"), "ok", "can be made, started and removed");
    assert_is(&item(&found, "next run"), "ok", "; next drill 20");
    let requests = world.docker.requests();
    assert_eq!(requests.iter().filter(|one| one.contains("/containers/create")).count(), 1, "{requests:?}");
    assert_eq!(world.docker.names(), ["shop"]);
}

#[tokio::test]
async fn without_docker_the_store_is_checked_all_the_same() {
    for docker in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"] {
        let world = world_with(FakeS3::start().await).await.set("DOCKER_HOST", docker);
        let ended = world.run(&["check", "--json"]).await;
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        let found = items(&ended);
        assert_is(&item(&found, "engine"), "failure", "Docker does not answer at ");
        assert_is(&item(&found, "s3:DeleteObject"), "ok", "");
        assert!(found.iter().all(|item| item["area"] != "targets"), "{found:#?}");
        assert_nothing_left(&world);
    }
}

#[tokio::test]
async fn labels_of_a_service_that_no_container_has_are_told_on_a_manager() {
    let world = world_with(FakeS3::start().await).await;
    let service = |name: &str, given: Value| {
        json!({ "ID": "x", "Spec": {
            "Name": name, "Labels": { "dumpcar.enable": "true", "dumpcar.keep-last": "3" },
            "TaskTemplate": { "ContainerSpec": { "Labels": given } },
        } })
    };
    let both = json!({ "dumpcar.enable": "true", "dumpcar.keep-last": "3" });
    world.docker.manages_swarm(vec![service("blog_db", json!({})), service("shop_db", both)]);
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stdout);
    let swarm = item(&items(&ended), "swarm");
    assert_is(&swarm, "warning", "service blog_db has dumpcar.enable, dumpcar.keep-last under `deploy:`");
    assert_is(&swarm, "warning", "move them from `deploy.labels` to `labels` of the service blog_db");
    world.docker.faults(|call, _| (call == Call::Services).then_some(Fault::Refuse(403, "no")));
    let refused = items(&world.run(&["check", "--json"]).await);
    assert_is(&item(&refused, "swarm"), "warning", "let the proxy pass `GET /services` on: SERVICES=1");
    // Any other engine is not asked.
    let world = world_with(FakeS3::start().await).await;
    let found = items(&world.run(&["check", "--json"]).await);
    assert!(found.iter().all(|item| item["subject"] != "swarm"));
    assert_eq!(world.docker.calls(Call::Services), 0);
}

#[tokio::test]
async fn a_stop_removes_the_container_that_was_made() {
    let world = world_with(FakeS3::start().await).await.set("DUMPCAR_DRILL_SCHEDULE", "@weekly");
    world.docker.faults(|call, count| match (call, count) {
        // It is made, and whoever asked does not hear of it.
        (Call::Create, _) => Some(Fault::DoneInSilence),
        // The first is of none, for the right to it. By the second, Docker is not done.
        (Call::Remove, 2) => Some(Fault::Refuse(404, "No such container")),
        _ => None,
    });
    let child = world.start(&["check", "--json"]);
    until("a container is made", || world.docker.names().len() == 2).await;
    signal(&child, "TERM");
    let ended = super::super::support::world::finish(child).await;
    assert_eq!(ended.status, 143, "{}", ended.stderr);
    assert_eq!(world.docker.names(), ["shop"]);
    assert_nothing_left(&world);
}
