use std::path::Path;

use super::support::docker::Script;
use super::support::forward::ForwardProxy;
use super::support::tls::{Authority, Flaw};
use super::support::world::{World, noise};

/// A store behind TLS, under this name; what has signed it, and the certificate it shows.
async fn secure(name: &str, flaw: Flaw) -> (World, Authority, String) {
    let dump = noise(12_000_000);
    let world = World::new(move |_| Script::ends(&dump, 0)).await.custom("shop");
    let plain = world.s3.endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let authority = Authority::new();
    let (port, shown) = authority.before(plain, name, flaw).await;
    let world = world
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
        .set("AWS_ENDPOINT_URL", &format!("https://{name}:{port}"));
    (world, authority, shown)
}

fn trusting(world: World, folder: &Path, pem: &str) -> World {
    let path = folder.join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    world.set("DUMPCAR_S3_CA_FILE", path.to_str().unwrap())
}

#[tokio::test]
async fn each_flaw_of_a_certificate_is_told_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    for (flaw, wanted) in [
        (Flaw::IsAuthority, "(CaUsedAsEndEntity): it is an authority's own and no server's"),
        (Flaw::Expired, "it has expired: renew it, or set this host's clock"),
        (Flaw::NotYet, "it is not valid yet: set this host's clock"),
    ] {
        let (world, authority, shown) = secure("localhost", flaw).await;
        let trusted = if flaw == Flaw::IsAuthority { shown } else { authority.pem() };
        let ended = trusting(world, folder.path(), &trusted).run(&["list"]).await;
        assert_eq!(ended.status, 1, "{flaw:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{flaw:?}: {}", ended.stderr);
    }
    let (world, authority, _) = secure("localhost", Flaw::None).await;
    let ended = world.run(&["list"]).await;
    let wanted = "nobody who is trusted has signed it: put its authority's into DUMPCAR_S3_CA_FILE";
    assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    let world = trusting(world, folder.path(), &authority.pem());
    assert_eq!(world.run(&["list"]).await.status, 4, "there is no backup yet");
    assert_eq!(world.run(&["backup"]).await.status, 0);

    let (world, authority, _) = secure("other.example.test", Flaw::None).await;
    let elsewhere = world.env().iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1.clone();
    let world = trusting(world, folder.path(), &authority.pem())
        .set("AWS_ENDPOINT_URL", &elsewhere.replace("other.example.test", "localhost"));
    let ended = world.run(&["list"]).await;
    assert!(ended.stderr.contains("it is for another name: correct AWS_ENDPOINT_URL"), "{}", ended.stderr);
}

/// Also with the sender that keeps a limit, which makes its own connections.
#[tokio::test]
async fn a_large_dump_goes_through_a_tunnel_in_tls() {
    let folder = tempfile::tempdir().unwrap();
    for limit in [None, Some("20MiB")] {
        let proxy = ForwardProxy::start(None).await;
        let (world, authority, _) = secure("s3.example.test", Flaw::None).await;
        let world = trusting(world, folder.path(), &authority.pem())
            .set("HTTPS_PROXY", &format!("http://me:hunter2@127.0.0.1:{}", proxy.port));
        let world = match limit {
            Some(limit) => world.set("DUMPCAR_UPLOAD_LIMIT", limit),
            None => world,
        };
        for args in [&["backup"][..], &["list"], &["verify"]] {
            let ended = world.run(args).await;
            assert_eq!(ended.status, 0, "{limit:?} {args:?}: {}", ended.stderr);
        }
        let heads = proxy.heads();
        assert!(!heads.is_empty() && heads.iter().all(|head| head.starts_with("CONNECT s3.example.test:")));
        assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains("proxy-authorization:")));
        assert!(world.s3.asked().iter().any(|asked| asked.operation() == "UploadPart"));
    }
}
