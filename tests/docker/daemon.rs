use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::support::docker::{Container, docker, until};
use super::support::servers::{MARIADB_11_8, POSTGRESQL_17, Server};
use super::support::sidecar::{Sidecar, logged};
use super::support::world::{World, timed};

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_image_backs_up_by_itself_and_is_healthy_until_a_target_fails() {
    let world = World::new().set("DUMPCAR_SCHEDULE", "every 1m").set("DUMPCAR_COMPRESSION", "none");
    let sidecar = Sidecar::new(&world);
    let _shop = world.custom("shop", "echo dump");
    let daemon = sidecar.daemon(&[]);
    until("the target is planned", || logged(&daemon, "planned", "shop") == 1);
    assert!(world.keys().is_empty(), "nothing is due yet");
    until("the scheduled backup is there", || world.manifests().len() == 1);
    until("it says so", || logged(&daemon, "backup committed", "shop") == 1);
    assert_eq!(daemon.exec(&["/dumpcar", "healthcheck"]), "healthy");

    // One that comes later is found, and backed up when asked to.
    let blog = world.custom("blog", "test -e /tmp/good && echo dump");
    until("it is found", || logged(&daemon, "target found", "blog") == 1);
    blog.exec(&["touch", "/tmp/good"]);
    docker(&["kill", "-s", "USR1", &daemon.id]);
    until("both are backed up", || {
        logged(&daemon, "backup committed", "blog") == 1 && logged(&daemon, "backup committed", "shop") >= 2
    });
    assert_eq!(daemon.exec(&["/dumpcar", "healthcheck"]), "healthy");

    blog.exec(&["rm", "/tmp/good"]);
    docker(&["kill", "-s", "USR1", &daemon.id]);
    until("one failed", || logged(&daemon, "backup failed", "blog") >= 1);
    until("the health check says so", || {
        let report = std::process::Command::new("docker")
            .args(["exec", &daemon.id, "/dumpcar", "healthcheck"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&report.stdout).into_owned();
        report.status.code() == Some(1) && said.starts_with("blog: ") && said.contains("exit status 1")
    });
    assert_stops(&daemon);
}

/// Within Docker's ten seconds, in order.
fn assert_stops(daemon: &Container) {
    let ((), took) = timed(|| drop(docker(&["stop", "-t", "10", &daemon.id])));
    println!("stopped after {took:?}");
    assert_eq!(daemon.inspect("{{.State.ExitCode}}"), "0", "{}", daemon.logs());
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_stopped_daemon_leaves_nothing_half_done() {
    let world = World::new().set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let sidecar = Sidecar::new(&world);
    let target = world.custom("t", "cat /dev/zero");
    let daemon = sidecar.daemon(&["-e", "DUMPCAR_ON_START=true"]);
    until("an upload has begun", || world.bucket.unfinished_uploads() > 0);
    assert_stops(&daemon);
    world.assert_nothing_is_stored();
    until("the dump has gone", || target.processes() == ["sleep infinity"]);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_image_needs_no_root_but_the_sockets_group() {
    let world = World::new();
    let sidecar = Sidecar::new(&world);
    let _target = world.custom("t", "echo dump");
    let owner = fs::metadata(&sidecar.socket).unwrap();
    let group = std::os::unix::fs::MetadataExt::gid(&owner).to_string();

    let refused = sidecar.back_up(&["--user", "65534:65534"]).unwrap_err();
    let told = "Docker at unix:///var/run/docker.sock may not be used by this process (uid 65534): ";
    let cure = match group.as_str() {
        "0" => "run as root (user: ".to_owned(),
        group => format!("the socket belongs to the group {group}: run as root, or add group_add: "),
    };
    assert!(refused.contains(&format!("{told}{cure}")), "{refused}");
    world.assert_nothing_is_stored();

    sidecar.back_up(&["--user", "65534:65534", "--group-add", &group]).unwrap();
    assert_eq!(world.manifests().len(), 1);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn passwords_in_files_are_read_inside_the_target() {
    let world = World::new();
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("password");
    fs::write(&file, "it's a\\ \"secret\" $HOME\n").unwrap();
    fs::set_permissions(secrets.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let mount = format!("{}:/run/secrets/password:ro", file.to_str().unwrap());
    let password = "it's a\\ \"secret\" $HOME";
    for (product, variable) in
        [(POSTGRESQL_17, "POSTGRES_PASSWORD_FILE"), (MARIADB_11_8, "MARIADB_ROOT_PASSWORD_FILE")]
    {
        let variable = format!("{variable}=/run/secrets/password");
        let labels = world.labels(&[("name", product.variable)]);
        let mut args: Vec<_> = labels.iter().map(String::as_str).collect();
        // Without it the image lets everybody in who is in the container.
        args.extend(["-v", &mount, "-e", &variable, "-e", "POSTGRES_INITDB_ARGS=--auth=scram-sha-256"]);
        let _server = Server::with(product, password, &args).wait();
        world.back_up();
    }
    assert_eq!(world.manifests().len(), 2);
}
