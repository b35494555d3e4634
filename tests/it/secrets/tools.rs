use serde_json::json;

use super::{TARGET_ENV, assert_leaves_nothing, assert_says_nothing};
use crate::support::docker::{ExecRequest, Script, Step};
use crate::support::world::{Ended, World};

/// What the program says when a tool fails and prints this on standard error, wherever a tool can fail.
async fn told_by_a_tool(said: &'static str, env: &[&str]) -> Vec<Ended> {
    let fails = |exec: &ExecRequest, what: &str| exec.argv.iter().any(|word| word.contains(what));
    let play = move |exec: &ExecRequest| {
        let failing = vec![Step::Stderr(said.into()), Step::Trailer(3), Step::AwaitRelease];
        if fails(exec, "dump-it") || fails(exec, "pg_catalog.pg_database") {
            Script::plays(failing, Some(3))
        } else if fails(exec, "cut-it") {
            Script::plays(vec![Step::Stdout(b"x".to_vec()), Step::Stderr(said.into())], Some(1))
        } else if fails(exec, "lose-it") {
            Script::plays(
                vec![Step::Stdout(format!("exec failed: {said}").into_bytes()), Step::Stderr(said.into())],
                Some(126),
            )
        } else if fails(exec, "information_schema") {
            // A survey that says something else than it was asked.
            Script::ends(said.as_bytes(), 0)
        } else {
            Script::ends(b"x", 0)
        }
    };
    let mut all = Vec::new();
    for labels in [
        json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "cut-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "lose-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.before": "dump-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.command": "x", "dumpcar.after": "dump-it" }),
        json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgresql" }),
        json!({ "dumpcar.enable": "true", "dumpcar.engine": "mariadb" }),
    ] {
        let world = World::new(play).await.set("DUMPCAR_LOG", "trace");
        world.docker.container("shop", labels, env);
        let ended = world.run(&["backup", "--json"]).await;
        assert_ne!(ended.status, 0, "{}", ended.stderr);
        assert_leaves_nothing(&world);
        all.push(ended);
    }
    all
}

#[tokio::test]
async fn a_tool_that_prints_a_password_is_quoted_without_it() {
    let said = "FATAL: no login as app with c4n4ry-postgres, c4n4ry-mysql-user or c4n4ry-token\n";
    for ended in told_by_a_tool(said, &TARGET_ENV).await {
        assert_says_nothing("a tool that prints passwords", &ended);
        assert!(ended.stderr.contains("no login as app with ***"), "{}", ended.stderr);
    }
}

/// A password may be a word, or the name of something: our own sentences keep theirs.
#[tokio::test]
async fn a_password_that_is_a_word_changes_no_sentence_of_ours() {
    let said = "pg_dump: error: FATAL:  password authentication failed for user \"postgres\"\n";
    for password in ["postgres", "shop", "password", "database", "user"] {
        let play = move |_: &ExecRequest| {
            Script::plays(vec![Step::Stderr(said.into()), Step::Trailer(1), Step::AwaitRelease], Some(1))
        };
        let world = World::new(play).await;
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgresql" });
        let env = format!("POSTGRES_PASSWORD={password}");
        world.docker.container("shop", labels, &[&env]);
        let reason = world.run(&["backup"]).await.reason();
        let start =
            "list its databases: the server refused user \"postgres\" with the password in POSTGRES_PASSWORD";
        assert!(reason.starts_with(start), "{password}: {reason}");
        assert!(reason.contains("***") == said.contains(password), "{password}: {reason}");
    }
}

#[tokio::test]
async fn a_password_that_a_quotation_cuts_in_two_is_not_quoted_either() {
    // The cut is made after 300 characters.
    for lead in 270..300 {
        let said: &'static str = format!("{} c4n4ry-postgres is refused\n", "x".repeat(lead)).leak();
        let play = move |_: &ExecRequest| {
            Script::plays(vec![Step::Stderr(said.into()), Step::Trailer(3), Step::AwaitRelease], Some(3))
        };
        let world = World::new(play).await;
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
        world.docker.container("shop", labels, &TARGET_ENV);
        let ended = world.run(&["backup"]).await;
        assert_says_nothing(&format!("a cut after {lead} characters and a password"), &ended);
        assert!(ended.stderr.contains("xxxx"), "{}", ended.stderr);
    }
}

/// The password itself is in no variable that Dumpcar sees, only in a file inside the container.
#[tokio::test]
async fn a_login_in_an_address_is_never_quoted() {
    let said =
        "FATAL: cannot reach postgresql://app:c4n4ry-from-a-file@db:5432/shop?password=c4n4ry-again now\n";
    for ended in told_by_a_tool(said, &[]).await {
        assert_says_nothing("a tool that prints an address with a login", &ended);
        assert!(ended.stderr.contains("@db:5432/shop"), "{}", ended.stderr);
    }
}
