use super::super::support::docker::Step;
use super::*;

#[tokio::test]
async fn a_wrong_password_is_told_before_the_night() {
    let world = World::new(|asked| match asked.asks_for_databases() {
        true => {
            let said = "psql: error: FATAL:  password authentication failed for user \"postgres\"\n";
            let steps = vec![Step::Stderr(said.into()), Step::Trailer(2), Step::AwaitRelease];
            Script::plays(steps, Some(2))
        }
        false => play(asked),
    });
    let world = world.await;
    database(&world);
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stdout);
    let login = item(&items(&ended), "login");
    assert_is(&login, "failure", "refused");
    assert_eq!(login["target"], "shop");
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_database_that_the_labels_name_and_the_server_lacks_is_told() {
    let world = World::new(play).await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.databases": "shop, blog" });
    world.docker.container("shop", labels, &["POSTGRES_PASSWORD=x"]);
    world.docker.set_image("shop", "postgres:17");
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 1);
    assert_is(
        &item(&items(&ended), "databases"),
        "failure",
        r#"names "blog", and the server has no such database"#,
    );
}

#[tokio::test]
async fn labels_that_are_wrong_or_missing_are_told() {
    let world = world_with(FakeS3::start().await).await;
    world.docker.container("wrong", json!({ "dumpcar.enable": "true", "dumpcar.shedule": "off" }), &[]);
    world.docker.container("half", json!({ "dumpcar.keep-last": "3" }), &[]);
    world.docker.container("forgotten", json!({}), &[]);
    world.docker.set_image("forgotten", "mariadb:11");
    world.docker.container("meant", json!({ "dumpcar.enable": "false" }), &[]);
    world.docker.set_image("meant", "mysql:8");
    world.docker.container("web", json!({}), &[]);
    let stopped = json!({ "Status": "exited", "Running": false });
    world.docker.container_in_state("down", json!({ "dumpcar.enable": "true" }), &[], stopped);
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 1);
    let found = items(&ended);
    let of = |target: &str| found.iter().find(|item| item["target"] == target).unwrap();
    assert_is(of("wrong"), "failure", "dumpcar.shedule");
    assert_is(of("down"), "failure", "container down is exited: `docker start down`");
    let unlabelled = item(&found, "unlabelled");
    assert_is(&unlabelled, "warning", "forgotten (image mariadb:11) looks like a database and has no label");
    let half = found.iter().find(|item| item["text"].as_str().unwrap().contains("container half")).unwrap();
    assert_is(half, "warning", "but not dumpcar.enable=true");
    // The others work, and are looked at.
    assert_is(of("shop"), "ok", "image postgres:17");
    let named = world.run(&["check", "shop", "--json"]).await;
    assert_eq!(named.status, 0, "{}", named.stdout);
}

#[tokio::test]
async fn growth_is_reckoned_from_the_last_backup_and_the_rules() {
    let world = world_with(FakeS3::start().await).await.set("DUMPCAR_KEEP_LAST", "3");
    world.store_backup(
        "shop",
        "2026-01-01T23-00-00Z",
        "postgresql",
        &[Object::database("shop", "none", &[7; 2048])],
    );
    let found = items(&world.run(&["check", "--json"]).await);
    let growth = item(&found, "growth");
    assert_is(&growth, "ok", "the last backup took ");
    assert_is(&growth, "ok", "has 2.0 KiB; the rules keep 3 of its kind, about 6.0 KiB after ");
}

#[tokio::test]
async fn a_target_without_a_schedule_is_told() {
    let world = world_with(FakeS3::start().await).await.set("DUMPCAR_SCHEDULE", "off");
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 3);
    assert_is(
        &item(&items(&ended), "next run"),
        "warning",
        "set DUMPCAR_SCHEDULE, or the label dumpcar.schedule",
    );
}

#[tokio::test]
async fn nothing_to_back_up_is_told() {
    let world = World::new(play).await;
    for args in [&["check", "--json"][..], &["check", "nobody", "--json"]] {
        let ended = world.run(args).await;
        assert_eq!(ended.status, 4, "{}", ended.stdout);
        let words =
            if args.len() == 2 { "there is nothing to back up" } else { "no container is the target nobody" };
        assert_is(&item(&items(&ended), "targets"), "warning", words);
    }
}

#[tokio::test]
async fn what_tools_print_is_shown_without_passwords() {
    let world = World::new(|asked| match asked.snippet().contains("--version") {
        true => Script::ends(b"pg_dump with canary-password\n", 0),
        false => {
            let said = b"WARNING: canary-password is weak\n".to_vec();
            let steps =
                vec![Step::Stderr(said), Step::Stdout(SURVEY.into()), Step::Trailer(0), Step::AwaitRelease];
            Script::plays(steps, Some(0))
        }
    });
    let world = world.await;
    database(&world);
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stdout);
    let found = items(&ended);
    assert_is(&item(&found, "tool"), "ok", "pg_dump with ***");
    assert_is(&item(&found, "note"), "warning", "the client says: WARNING: *** is weak");
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("canary"));
}

#[tokio::test]
async fn a_backup_that_nearly_takes_too_long_is_told() {
    let world = world_with(FakeS3::start().await).await;
    world.store_backup(
        "shop",
        "2026-01-01T23-00-00Z",
        "postgresql",
        &[Object::database("shop", "none", b"x")],
    );
    let key = "shop/2026-01-01T23-00-00Z/manifest.json";
    let mut manifest: Value = serde_json::from_slice(&world.read(key)).unwrap();
    manifest["started"] = "2026-01-01T23:00:00Z".into();
    manifest["finished"] = "2026-01-01T23:50:00Z".into();
    world.write(key, manifest.to_string().as_bytes());
    for (timeout, mark) in [("1h", "warning"), ("2h", "ok")] {
        let shown = world.start_with(&["check", "--json"], &[("DUMPCAR_TIMEOUT", timeout)]);
        let found = items(&super::super::support::world::finish(shown).await);
        assert_is(&item(&found, "growth"), mark, "the last backup took 50m");
    }
}
