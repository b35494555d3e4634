use std::sync::atomic::Ordering;

use super::{DUMP, breakable};
use crate::support::docker::Script;
use crate::support::smtp::FakeMailServer;
use crate::support::tls::{Authority, Flaw};
use crate::support::world::{Ended, World, until};

/// Sends the test message to that URL; `authority` is trusted.
async fn test(url: &str, authority: Option<&Authority>) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(|_| Script::ends(DUMP, 0)).await.set("DUMPCAR_INSTANCE", "nas");
    let mut world = world.set("DUMPCAR_NOTIFY_URLS", url).set("DUMPCAR_LOG", "trace");
    if let Some(authority) = authority {
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).unwrap();
        world = world.set("DUMPCAR_S3_CA_FILE", ca.to_str().unwrap());
    }
    let ended = world.run(&["notify", "--test"]).await;
    assert!(!ended.stdout.contains("c4n4ry") && !ended.stderr.contains("c4n4ry"), "{ended:?}");
    // `c4n4ry-password` as it is sent.
    assert!(!ended.stdout.contains("YzRuNHJ5") && !ended.stdout.contains("M0bjRyeS"), "{ended:?}");
    ended
}

const ADDRESSES: &str = "from=dumpcar@example.com&to=me@example.com,you@example.com";

#[tokio::test]
async fn a_failure_comes_as_one_mail_that_says_what_it_is() {
    let server = FakeMailServer::start(None, None, None).await;
    let (world, is_broken) = breakable().await;
    is_broken.store(true, Ordering::Relaxed);
    let url = format!("smtp://localhost:{}?{ADDRESSES}&tls=off", server.port);
    let world = world.custom("shop").set("DUMPCAR_NOTIFY_URLS", &url);
    let daemon = world.daemon();
    until("a mail comes", || !server.letters().is_empty()).await;
    assert_eq!(daemon.stop().await.status, 0);
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.hello.as_str(), letter.is_encrypted, &letter.login), ("nas", false, &None));
    assert!(letter.from.contains("<dumpcar@example.com>"), "{}", letter.from);
    assert_eq!(letter.to.len(), 2, "{:?}", letter.to);
    assert_eq!(letter.header("Subject").unwrap(), "[dumpcar nas] shop: backup failed");
    assert_eq!(letter.header("Auto-Submitted").unwrap(), "auto-generated");
    assert!(letter.header("Message-ID").unwrap().ends_with("@example.com>"));
    assert!(letter.header("Content-Type").unwrap().starts_with("text/plain"));
    assert!(
        letter.body().starts_with("shop: backup failed: dump the target: exit status 1"),
        "{}",
        letter.body()
    );
}

#[tokio::test]
async fn a_password_goes_through_tls_only() {
    let authority = Authority::new();
    let (acceptor, _) = authority.acceptor("localhost", Flaw::None);
    let login = "c4n4ry-user:c4n4ry-password";
    let start_tls = FakeMailServer::start(Some(acceptor), Some(login), None).await;
    let url = format!("smtp://{login}@localhost:{}?{ADDRESSES}", start_tls.port);
    let ended = test(&url, Some(&authority)).await;
    assert_eq!(ended.status, 0, "{}", ended.stdout);
    assert!(ended.stdout.contains("250 queued as 4711"), "{}", ended.stdout);
    let letter = &start_tls.letters()[0];
    assert!(letter.is_encrypted && letter.login.as_deref() == Some(login), "{letter:?}");
    // From the first byte.
    let plain = FakeMailServer::start(None, Some(login), None).await;
    let (port, _) = authority.before(plain.port, "localhost", Flaw::None).await;
    let ended = test(&format!("smtps://{login}@localhost:{port}?{ADDRESSES}"), Some(&authority)).await;
    assert_eq!((ended.status, plain.letters().len()), (0, 1), "{}", ended.stdout);
    // A certificate that nobody trusts.
    let ended = test(&format!("smtps://{login}@localhost:{port}?{ADDRESSES}"), None).await;
    assert_eq!((ended.status, plain.letters().len()), (1, 1), "{}", ended.stdout);
    // A server, or somebody in between, that offers no STARTTLS.
    let ended = test(&format!("smtp://{login}@localhost:{}?{ADDRESSES}", plain.port), Some(&authority)).await;
    assert_eq!((ended.status, plain.letters().len()), (1, 1), "{}", ended.stdout);
    assert!(ended.stdout.contains("tls=off if the server is in a network of your own"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_server_that_refuses_is_quoted_without_the_password() {
    let authority = Authority::new();
    let (acceptor, _) = authority.acceptor("localhost", Flaw::None);
    let server = FakeMailServer::start(Some(acceptor), Some("other:login"), None).await;
    let url = format!("smtp://c4n4ry-user:c4n4ry-password@localhost:{}?{ADDRESSES}", server.port);
    let ended = test(&url, Some(&authority)).await;
    assert_eq!((ended.status, server.letters().len()), (1, 0), "{}", ended.stdout);
    assert!(ended.stdout.contains("NOT SENT") && ended.stdout.contains("535"), "{}", ended.stdout);
    let server = FakeMailServer::start(None, None, Some("550 no such user here")).await;
    let ended = test(&format!("smtp://localhost:{}?{ADDRESSES}&tls=off", server.port), None).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stdout.contains("550") && ended.stdout.contains("no such user here"), "{}", ended.stdout);
}
