use super::{REDIS_7_0, REDIS_8_0, Server, VALKEY_8_1, VALKEY_9_1};
use crate::support::world::World;

/// However people say what the password is.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_password_is_found_where_people_put_it() {
    let world = World::new();
    let configuration =
        "cat >/tmp/redis.conf <<'X'\nrequirepass wrong\nrequirepass \"from a file\"\nport 6380\nX\n";
    let file = format!("{configuration}exec docker-entrypoint.sh redis-server /tmp/redis.conf");
    let from_variable = r#"exec docker-entrypoint.sh redis-server --requirepass "$REDIS_PASSWORD""#;
    let _servers = [
        Server::start(
            &world,
            REDIS_7_0,
            &[("name", "argument")],
            &[],
            &["redis-server", "--requirepass", "s3cret pass"],
        ),
        Server::start(
            &world,
            REDIS_7_0,
            &[("name", "variable")],
            &["-e", "REDIS_PASSWORD=s3cret", "--entrypoint", "sh"],
            &["-c", from_variable],
        ),
        Server::start(
            &world,
            VALKEY_8_1,
            &[("name", "flags")],
            &["-e", "VALKEY_EXTRA_FLAGS=--requirepass s3cret"],
            &[],
        ),
        Server::start(&world, REDIS_8_0, &[("name", "none")], &[], &["--save", "60", "1"]),
        file_server(&world, &file),
    ];
    let ended = world.back_up();
    assert_eq!(world.manifests().len(), 5);
    assert!(!ended.stderr.contains("s3cret") && !ended.stderr.contains("from a file"), "{}", ended.stderr);
}

fn file_server(world: &World, script: &str) -> Server {
    let labels = [("name", "file"), ("port", "6380")];
    let args = ["--tmpfs", "/data", "--entrypoint", "sh"];
    let container =
        world.target(&REDIS_7_0.image(), &labels, &args, &["-c", script, "redis-server", "/tmp/redis.conf"]);
    let server = Server { product: REDIS_7_0, container };
    crate::support::docker::until("the server answers", || {
        server.container.try_exec(&["redis-cli", "-p", "6380", "ping"]).is_ok()
    });
    server
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_wrong_login_and_one_with_too_few_rights_are_told_apart() {
    let world = World::new();
    let server = Server::start(
        &world,
        VALKEY_9_1,
        &[("name", "t"), ("user", "backup"), ("password-file", "/tmp/password")],
        &[],
        &[],
    );
    server.container.exec(&["sh", "-c", "printf 'bad\\n' >/tmp/password"]);
    server.ask(&["ACL", "SETUSER", "backup", "on", ">g00d pw", "+info", "+ping"]);
    let refused = world.refused(1);
    assert!(
        refused.contains(r#"the server refused user "backup" with the password in /tmp/password"#),
        "{refused}"
    );
    server.container.exec(&["sh", "-c", "printf 'g00d pw\\n' >/tmp/password"]);
    let denied = world.refused(1);
    assert!(denied.contains(r#"user "backup" may not do all of it"#) && denied.contains("+sync"), "{denied}");
    // The least that a backup needs.
    server.ask(&["ACL", "SETUSER", "backup", "+sync", "+psync", "+replconf"]);
    world.back_up();
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_server_on_a_socket_alone_and_one_on_another_port_are_found() {
    let world = World::new();
    let socket = ["redis-server", "--port", "0", "--unixsocket", "/tmp/redis.sock"];
    let args = ["--tmpfs", "/data"];
    let _servers = [
        world.target(&REDIS_7_0.image(), &[("name", "socket")], &args, &socket),
        world.target(&REDIS_7_0.image(), &[("name", "port")], &args, &["--port", "7001"]),
    ];
    crate::support::docker::until("both answer", || world.run(&["backup"]).status == 0);
    let nobody = World::new();
    let _server = nobody.target(&REDIS_7_0.image(), &[("name", "t"), ("port", "7002")], &args, &[]);
    let refused = nobody.refused(1);
    assert!(
        refused.contains("nothing listens where the server was looked for, 127.0.0.1, port 7002"),
        "{refused}"
    );
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn labels_that_name_databases_are_refused() {
    let world = World::new();
    let _server =
        world.target(&REDIS_7_0.image(), &[("name", "t"), ("databases", "0")], &["--tmpfs", "/data"], &[]);
    let refused = world.refused(1);
    assert!(
        refused.contains("have no effect on redis, which is dumped as a whole: remove them"),
        "{refused}"
    );
}
