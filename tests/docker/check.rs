use serde_json::Value;

use super::support::servers::{POSTGRESQL_17, Server};
use super::support::world::{Ended, World};

fn items(ended: &Ended) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(&ended.stdout).unwrap();
    answer["items"].as_array().unwrap().clone()
}

/// The text of the only item of a subject, which has this mark.
fn text(items: &[Value], subject: &str, mark: &str) -> String {
    let found: Vec<_> = items.iter().filter(|item| item["subject"] == subject).collect();
    assert_eq!(found.len(), 1, "{subject}: {items:#?}");
    assert_eq!(found[0]["mark"], mark, "{:#}", found[0]);
    found[0]["text"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_real_server_and_a_real_store_are_checked_and_nothing_is_left() {
    let world = World::new();
    let server = Server::target(&world, POSTGRESQL_17, "secret", &[("name", "shop")]);
    server.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i");
    // Of this target only: other tests have databases as well.
    let ended = world.run(&["check", "shop", "--json"]);
    assert_ne!(ended.status, 1, "{}", String::from_utf8_lossy(&ended.stdout));
    let found = items(&ended);
    assert!(found.iter().all(|item| item["mark"] != "failure"), "{found:#?}");
    for right in ["s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:PutObject (parts)", "s3:DeleteObject"]
    {
        text(&found, right, "ok");
    }
    assert!(text(&found, "exec", "ok").contains("with a stream in both directions"));
    assert!(text(&found, "tool", "ok").starts_with("pg_dump (PostgreSQL) 17."));
    assert!(text(&found, "login", "ok").contains("lets in user "));
    assert!(text(&found, "databases", "ok").contains("postgres "));
    text(&found, "clock", "ok");
    assert!(text(&found, "growth", "ok").contains("an estimate of "));
    world.assert_nothing_is_stored();

    world.back_up();
    let found = items(&world.run(&["check", "shop", "--json"]));
    assert!(text(&found, "growth", "ok").starts_with("the last backup took "));
}
