use std::path::Path;
use std::process::{Command, Stdio};

use super::support::docker::tools;
use super::support::engine::Engine;
use super::support::world::World;

fn openssl(folder: &Path, line: &str) {
    let status = Command::new("openssl")
        .args(line.split(' ').map(|word| word.replace('~', " ")))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "openssl {line}");
}

fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}-key.pem -out {name}.pem -days 2 -subj /CN={name}"
        ),
    );
}

/// A certificate of this authority, `NAME.pem` with `NAME-key.pem`.
fn signed(folder: &Path, authority: &str, name: &str, extensions: &str) {
    std::fs::write(folder.join("extensions"), extensions).unwrap();
    openssl(
        folder,
        &format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}-key.pem -out {name}.csr -subj /CN={name}"
        ),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}-key.pem -CAcreateserial -days 2 -extfile extensions -out {name}.pem"
        ),
    );
}

/// A folder as Docker's client has it.
fn client(from: &Path, authority: &str, certificate: Option<&str>, key: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: String, to: &str| {
        std::fs::copy(from.join(name), folder.path().join(to)).unwrap();
    };
    copy(format!("{authority}.pem"), "ca.pem");
    if let Some(name) = certificate {
        copy(format!("{name}.pem"), "cert.pem");
    }
    if let Some(name) = key {
        copy(format!("{name}-key.pem"), "key.pem");
    }
    folder
}

#[test]
#[ignore = "needs Docker"]
fn an_engine_in_tls_is_used_with_the_files_of_dockers_client() {
    let made = tempfile::tempdir().unwrap();
    let all = made.path().to_owned();
    let engine = Engine::secured(&tools(), |folder, address| {
        authority(&all, "ca");
        authority(&all, "other");
        signed(&all, "ca", "server", &format!("subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth"));
        for (authority, name) in [("ca", "me"), ("other", "stranger")] {
            signed(&all, authority, name, "extendedKeyUsage=clientAuth");
        }
        for file in ["ca.pem", "server.pem", "server-key.pem"] {
            std::fs::copy(all.join(file), folder.join(file)).unwrap();
        }
    });
    let host = format!("tcp://{}:2376", engine.address());
    let world = World::new().set("DOCKER_HOST", &host);
    let labels = world.labels(&[("name", "t"), ("command", "echo it is me")]);
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let image = tools();
    let id = engine.docker(&[&["run", "-d"], labels.as_slice(), &[&image, "sleep", "infinity"]].concat());

    let right = client(&all, "ca", Some("me"), Some("me"));
    let with = |folder: &Path| {
        let path = folder.to_str().unwrap();
        World::with(world.bucket.server.clone())
            .set("DUMPCAR_LABEL_PREFIX", &world.prefix)
            .set("DOCKER_HOST", &host)
            .set("DOCKER_TLS_VERIFY", "1")
            .set("DOCKER_CERT_PATH", path)
    };
    let good = with(right.path());
    let ended = good.run(&["backup"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let dump = good.run(&["cat", "t"]);
    assert_eq!(String::from_utf8_lossy(&dump.stdout), "it is me\n");

    let missing = client(&all, "ca", Some("me"), None);
    let foreign_key = client(&all, "ca", Some("me"), Some("stranger"));
    let nobody = client(&all, "ca", None, None);
    let stranger = client(&all, "ca", Some("stranger"), Some("stranger"));
    let other = client(&all, "other", Some("me"), Some("me"));
    let empty = tempfile::tempdir().unwrap();
    let text = client(&all, "ca", Some("me"), Some("me"));
    std::fs::write(text.path().join("ca.pem"), "no certificate").unwrap();
    for (folder, wanted) in [
        (&missing, "key.pem: there is no such file"),
        (&foreign_key, "key.pem: it does not belong to cert.pem"),
        (&nobody, "refused the client's certificate (CertificateRequired): cert.pem and key.pem"),
        (&stranger, "refused the client's certificate ("),
        (
            &other,
            "has a certificate that cannot be taken (UnknownIssuer): nobody who is trusted has signed it: put its authority's into ca.pem in DOCKER_CERT_PATH",
        ),
        (&empty, "ca.pem: there is no such file"),
        (&text, "ca.pem: it holds no PEM certificate"),
    ] {
        let ended = with(folder.path()).run(&["backup"]);
        assert!(ended.status != 0 && ended.stderr.contains(wanted), "{wanted}: {}", ended.stderr);
    }
    // The other name of the same machine.
    let elsewhere = with(right.path()).set("DOCKER_HOST", &host.replace(&engine.address(), "localhost"));
    assert_ne!(elsewhere.run(&["backup"]).status, 0);
    // Without TLS.
    let plain = World::with(world.bucket.server.clone())
        .set("DUMPCAR_LABEL_PREFIX", &world.prefix)
        .set("DOCKER_HOST", &host);
    let ended = plain.run(&["backup"]);
    assert!(ended.stderr.contains("speaks TLS: set DOCKER_TLS_VERIFY=1"), "{}", ended.stderr);
    let ended = plain.set("DOCKER_TLS_VERIFY", "1").run(&["backup"]);
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("DOCKER_CERT_PATH: is required with DOCKER_TLS_VERIFY"),
        "{}",
        ended.stderr
    );
    // With TLS, to what does not speak it.
    let other = format!("tcp://127.0.0.1:{}", world.bucket.server.port);
    let ended = with(right.path()).set("DOCKER_HOST", &other).run(&["backup"]);
    let wanted =
        "does not speak TLS there: remove DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or correct the port";
    assert!(ended.status != 0 && ended.stderr.contains(wanted), "{}", ended.stderr);
    // Not where a socket is spoken to.
    let socket = with(empty.path()).set("DOCKER_HOST", &engine.host());
    let ended = socket.run(&["backup"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    drop(engine.try_docker(&["rm", "-fv", &id]));
}
