//! Whoever may write to the bucket decides what a drill executes. It finds nothing, reaches nothing, fills nothing.

use serde_json::{Value, json};

use super::drill::{Image, comes_back, replace_dump, result};
use super::support::docker::{Container, api, docker, holds_within, tools, unique, until};
use super::support::servers::{MARIADB_11_8, MYSQL_9_7, POSTGRESQL_17, Product, Server};
use super::support::world::World;

/// Reads every environment there is, and lets the server's own error carry it out.
const THIEF: &str = r"--
-- PostgreSQL database dump
--
CREATE TABLE loot (line text);
COPY loot FROM PROGRAM '{ env; tr ''\000'' ''\n'' </proc/1/environ; } | grep CANARY || true';
SELECT cast(encode(convert_to(coalesce(string_agg(line, ' '), ''), 'UTF8'), 'hex') AS integer) FROM loot;
--
-- PostgreSQL database dump complete
--
";

#[test]
#[ignore = "needs Docker"]
fn a_planted_dump_finds_no_secret_and_the_bucket_gets_no_word_of_a_tool() {
    let world = World::new();
    let labels = world.labels(&[("name", "source"), ("compression", "none"), ("databases", "shop")]);
    let secrets = ["-e", "POSTGRES_PASSWORD=pw-CANARY-1", "-e", "APP_API_TOKEN=tok-CANARY-2"];
    let args: Vec<&str> = labels.iter().map(String::as_str).chain(secrets).collect();
    let source = Server::with(POSTGRESQL_17, "pw-CANARY-1", &args).wait();
    source.sql("CREATE DATABASE shop;\n");
    world.back_up();
    replace_dump(&world, |_| THIEF.to_owned());
    let ended = world.run(&["drill", "source", "--json"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let in_bucket = result(&world).to_string();
    // CANARY
    assert!(!in_bucket.contains("43414e415259") && !in_bucket.contains("invalid input"), "{in_bucket}");
    // It ran, and found nothing. Here its words may be read.
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let detail = report["results"][0]["problem"].as_str().unwrap();
    assert!(detail.contains(r#"invalid input syntax for type integer: """#), "{detail}");
    assert_eq!(result(&world)["problem"], json!({ "kind": "load_failed", "object": "shop.sql" }));
    let listed = String::from_utf8(world.run(&["list"]).stdout).unwrap();
    assert!(listed.contains("FAILED in its drill: does not load"), "{listed}");
}

/// What logs in is no account of the backup: that gets back a password that nobody knows here.
fn an_account_of_the_backup_locks_nobody_out(product: Product, grant: &str) {
    let world = World::new();
    let labels = [("name", "source"), ("user", "keeper"), ("password-file", "/tmp/keeper")];
    let source = Server::target(&world, product, "secret", &labels);
    source.sql(&format!(
        "CREATE USER keeper@localhost IDENTIFIED BY 'kept'; GRANT ALL ON *.* TO keeper@localhost{grant};
         CREATE DATABASE shop; CREATE TABLE shop.orders (id int); INSERT INTO shop.orders VALUES (1);\n"
    ));
    source.container.exec(&["sh", "-c", "printf kept >/tmp/keeper"]);
    world.back_up();
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(result(&world)["rows"], 1);
}

#[test]
#[ignore = "needs Docker"]
fn an_account_of_a_mariadb_backup_locks_nobody_out() {
    an_account_of_the_backup_locks_nobody_out(MARIADB_11_8, "");
}

#[test]
#[ignore = "needs Docker"]
fn an_account_of_a_mysql_backup_locks_nobody_out() {
    an_account_of_the_backup_locks_nobody_out(MYSQL_9_7, " WITH GRANT OPTION");
}

/// A backup of its own of each kind, changed into what nobody here has made.
#[test]
#[ignore = "needs Docker"]
fn what_only_a_manifest_says_is_not_run() {
    let world = World::new();
    let labels = [("name", "source"), ("command", "echo hello"), ("restore-command", "cat >/tmp/restored")];
    let source = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    world.back_up();
    let manifest = world.manifests().pop().unwrap();
    let folder = format!("source/{}", manifest["stamp"].as_str().unwrap());
    let write = |name: &str, value: &str| {
        let mut changed = manifest.clone();
        changed[name] = value.into();
        world.write(&format!("{folder}/manifest.json"), &serde_json::to_vec(&changed).unwrap());
    };
    let refused = |why: &str| {
        let ended = world.run(&["drill", "source"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(world.plain(&ended.stderr).contains(why), "{}", ended.stderr);
        assert!(!world.keys().iter().any(|key| key.ends_with("/drill.json")), "{:?}", world.keys());
    };
    write("image_id", &tools());
    refused("not a manifest");
    // Its target is not here, or has another command.
    write("restore_command", "cat >/tmp/of-the-manifest");
    drop(source);
    refused("no restore command: a drill takes that of the label dumpcar.restore-command");
    let _other = world.custom("source", "echo hello");
    refused("no restore command: a drill takes that of the label dumpcar.restore-command");
}

/// A restore that writes without end, as far as anything lets it.
fn endless(world: &World, file: &str) -> Container {
    let command = format!("cat >/dev/null; dd if=/dev/zero of={file} bs=1M");
    let labels = [("name", "source"), ("command", "echo hello"), ("restore-command", command.as_str())];
    world.target(&tools(), &labels, &[], &["sleep", "infinity"])
}

#[test]
#[ignore = "needs Docker"]
fn a_restore_without_end_does_not_fill_the_disk() {
    let world = World::new();
    for file in ["/big", "/var/tmp/big", "/tmp/big"] {
        let _source = endless(&world, file);
        world.back_up();
        let ended = world.run(&["drill"]);
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("drill inconclusive"), "{}", ended.stderr);
        let why = if file == "/tmp/big" { "1073741824 bytes" } else { "or with DUMPCAR_DRILL_DISK anywhere" };
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    // Where it may write, it is ended.
    let world = world.set("DUMPCAR_DRILL_DISK", "1GiB");
    let _source = endless(&world, "/big");
    world.back_up();
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("and may write 1.0 GiB (DUMPCAR_DRILL_DISK)"), "{}", ended.stderr);
    assert_eq!(world.scratch(), "");
}

/// As if the machine had no memory to lend.
fn without_memory() -> World {
    let half = api("/info")["MemTotal"].as_u64().unwrap() / 2;
    World::new().set("DUMPCAR_DRILL_MEMORY", &format!("{}MiB", half >> 20))
}

#[test]
#[ignore = "needs Docker"]
fn without_memory_the_data_goes_to_a_disk_that_is_allowed() {
    let refusing = without_memory();
    let _source = Server::target(&refusing, POSTGRESQL_17, "secret", &[("name", "source")]);
    refusing.back_up();
    let ended = refusing.run(&["drill"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("set DUMPCAR_DRILL_DISK"), "{}", ended.stderr);
    for product in [POSTGRESQL_17, MYSQL_9_7] {
        comes_back(&without_memory().set("DUMPCAR_DRILL_DISK", "8GiB"), product);
    }
}

#[test]
#[ignore = "needs Docker"]
fn a_drill_that_may_not_go_on_ends() {
    let world = World::new().set("DUMPCAR_DRILL_TIMEOUT", "3s");
    let labels =
        [("name", "source"), ("command", "echo hello"), ("restore-command", "sleep 600"), ("timeout", "1h")];
    let _source = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    world.back_up();
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("not done after 3s (DUMPCAR_DRILL_TIMEOUT)"), "{}", ended.stderr);
    assert_eq!(world.scratch(), "");
}

/// A custom command may need a variable. That it fails without says nothing about the backup.
#[test]
#[ignore = "needs Docker"]
fn a_custom_server_has_the_variables_of_its_label() {
    let world = World::new();
    let restore = r#"cat >/dev/null; [ "$NEEDED" = yes ] && [ -z "$OTHER" ]"#;
    let labels = [("name", "source"), ("command", "echo hello"), ("restore-command", restore)];
    let variables = ["-e", "NEEDED=yes", "-e", "OTHER=CANARY"];
    let start = |labels: &[(&str, &str)]| world.target(&tools(), labels, &variables, &["sleep", "infinity"]);
    let source = start(&labels);
    world.back_up();
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("drill inconclusive"), "{}", ended.stderr);
    assert!(
        world.plain(&ended.stderr).contains("dumpcar.drill.env, which lacks NEEDED, OTHER"),
        "{}",
        ended.stderr
    );
    drop(source);
    let _source = start(&[&labels[..], &[("drill.env", "NEEDED")]].concat());
    let ended = world.run(&["drill"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

/// Labels in one's own image are an ordinary thing. The drill's server has the image, and is no target.
#[test]
#[ignore = "needs Docker"]
fn an_image_that_opts_in_makes_no_target_of_the_drill() {
    let world = World::new().set("DUMPCAR_SCHEDULE", "off");
    let base = Container::run(&[&tools(), "true"]);
    let name = unique();
    let label = format!("LABEL {0}.enable=true {0}.name=source", world.prefix);
    docker(&["commit", "--change", &label, &base.id, &name]);
    let image = Image(name);
    let labels = [
        ("command", "echo hello"),
        ("restore-command", "cat >/tmp/restored"),
        ("drill", "every 1m"),
        // Longer than the daemon takes to look.
        ("drill.query", "sleep 8; cat /tmp/restored"),
    ];
    let source = world.target(&image.0, &labels, &[], &["sleep", "infinity"]);
    world.back_up();
    let daemon = world.start(&[]);
    until("the daemon is healthy", || world.run(&["healthcheck"]).status == 0);
    let is_drilled = || daemon.log().contains("drill: the backup was restored and checked");
    assert!(holds_within(std::time::Duration::from_secs(150), is_drilled), "{}", daemon.log());
    assert_eq!(world.run(&["healthcheck"]).status, 0, "{}", daemon.log());
    daemon.signal("TERM");
    let ended = daemon.end();
    assert!(
        !ended.stderr.contains("misconfigured") && !ended.stderr.contains("dumpcar-drill-"),
        "{}",
        ended.stderr
    );
    drop(source);
}

/// A container with the label of a drill that was killed, and another name.
#[test]
#[ignore = "needs Docker"]
fn only_what_is_named_like_a_drill_is_swept() {
    let world = World::new();
    let labels = [
        ("name", "source"),
        ("command", "echo hello"),
        ("restore-command", "cat >/tmp/restored"),
        ("drill.query", "sleep 60"),
    ];
    let _source = world.target(&tools(), &labels, &[], &["sleep", "infinity"]);
    world.back_up();
    let mut drill = world.start(&["drill"]);
    let scratch = world.await_scratch();
    let label = format!("{}.scratch", world.prefix);
    let own = docker(&["inspect", "-f", &format!("{{{{index .Config.Labels {label:?}}}}}"), &scratch]);
    drill.kill();
    let victim = Container::run(&["--label", &format!("{label}={own}"), &tools(), "sleep", "infinity"]);
    world.back_up();
    let left = world.scratch();
    assert!(victim.id.starts_with(&left) && !left.is_empty(), "{left}");
}
