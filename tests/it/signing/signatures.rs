use dumpcar::signing::Namespace;
use serde_json::json;

use super::{
    DUMP, NEW, OLD, OTHER, OWN, PLANTED, listed, plant, private_key, public_key, rows, sign, signing,
    ssh_keygen, stored, world,
};
use crate::support::docker::Script;
use crate::support::s3::FakeS3;
use crate::support::world::World;

#[tokio::test]
async fn a_backup_is_signed_and_ssh_keygen_agrees() {
    let world = world().await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let keys = world.keys();
    let names: Vec<&str> = keys.iter().map(|key| key.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["dump.dump.xz", "manifest.json", "manifest.json.sig"], "{keys:?}");
    let asked = world.s3.asked();
    let written = asked.iter().filter(|asked| asked.operation() == "PutObject" && !asked.is_of_a_record());
    let written: Vec<String> =
        written.map(|asked| asked.path.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(written, ["dump.dump.xz", "manifest.json.sig", "manifest.json"], "the manifest comes last");
    for command in [&["list", "shop"][..], &["verify"], &["cat", "shop"]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 0, "{command:?}: {}", ended.stderr);
        assert!(!ended.stdout.contains("unsigned") && !ended.stderr.contains("WARN"), "{ended:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("signers"), format!("dumpcar {}\n", public_key(OWN))).unwrap();
    std::fs::write(path("sig"), world.read(&keys[2])).unwrap();
    let (signers, signature) = (path("signers"), path("sig"));
    let verify =
        ["-Y", "verify", "-f", &signers, "-I", "dumpcar", "-n", "dumpcar-manifest", "-s", &signature];
    let manifest = world.read(&keys[1]);
    if let Some((holds, said)) = ssh_keygen(&verify, &manifest).await {
        assert!(holds, "{said}");
        let (holds, _) = ssh_keygen(&verify, &[&manifest[..], b" "].concat()).await.unwrap();
        assert!(!holds);
    }
}

/// A backup that `ssh-keygen` signed by hand, as the documentation says.
#[tokio::test]
async fn a_signature_of_ssh_keygen_counts() {
    let world = world().await;
    plant(&world, OLD);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("manifest.json"), world.read(&format!("shop/{OLD}/manifest.json"))).unwrap();
    std::fs::write(path("key"), private_key(OWN)).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (key, file) = (path("key"), path("manifest.json"));
    let Some((is_done, said)) =
        ssh_keygen(&["-Y", "sign", "-f", &key, "-n", "dumpcar-manifest", &file], b"").await
    else {
        return;
    };
    assert!(is_done, "{said}");
    world.write(&format!("shop/{OLD}/manifest.json.sig"), &std::fs::read(path("manifest.json.sig")).unwrap());
    assert_eq!(listed(&world).await, [(OLD.to_owned(), "good".to_owned())]);
}

#[tokio::test]
async fn whatever_no_trusted_key_has_signed_is_listed_and_not_used() {
    let world = world().await;
    let (manifest, signature) =
        (format!("shop/{NEW}/manifest.json"), format!("shop/{NEW}/manifest.json.sig"));
    let altered = |world: &World| {
        let text = String::from_utf8(world.read(&manifest)).unwrap();
        let changed = text.replace("\"instance\":\"h\"", "\"instance\":\"i\"");
        assert_ne!(changed, text);
        world.write(&manifest, changed.as_bytes());
    };
    type Change<'a> = &'a dyn Fn(&World);
    let cases: [(&str, Change<'_>, &str); 7] = [
        (
            "no signature",
            &|world| std::fs::remove_file(world.s3.path(&format!("{}/{signature}", world.prefix()))).unwrap(),
            "has no signature",
        ),
        ("a byte of the manifest", &altered, "is not what was signed"),
        ("another key", &|world| sign(world, NEW, OTHER, Namespace::Manifest), "is signed by SHA256:"),
        ("another kind", &|world| sign(world, NEW, OWN, Namespace::Drill), "was made for something else"),
        (
            "another backup's",
            &|world| world.write(&signature, &world.read(&format!("shop/{OLD}/manifest.json.sig"))),
            "is not what was signed",
        ),
        (
            "rubbish",
            &|world| world.write(&signature, b"-----BEGIN SSH SIGNATURE-----"),
            "is not one of an Ed25519 key",
        ),
        (
            "a very long one",
            &|world| world.write(&signature, &vec![b'A'; 100_000]),
            "is not one of an Ed25519 key",
        ),
    ];
    for (what, change, reason) in cases {
        stored(&world, OLD);
        stored(&world, NEW);
        change(&world);
        let states = [(NEW.to_owned(), "unsigned".to_owned()), (OLD.to_owned(), "good".to_owned())];
        assert_eq!(listed(&world).await, states, "{what}");
        let table = world.run(&["list"]).await.stdout;
        let told = format!("{NEW} is unsigned: ");
        let line =
            table.lines().find(|line| line.starts_with(&told)).unwrap_or_else(|| panic!("{what}: {table}"));
        assert!(line.contains(reason), "{what}: {line}");
        let execs = world.docker.execs().len();
        for command in ["cat", "restore", "drill"] {
            let ended = world.run(&[command, "shop", "--at", NEW]).await;
            assert_eq!(ended.status, 1, "{what}: {command}: {}", ended.stderr);
            assert!(ended.stderr.contains(reason) && ended.stdout.is_empty(), "{what}: {command}: {ended:?}");
        }
        assert_eq!(world.docker.execs().len(), execs, "{what}: nothing was begun");
        // The newest that is signed is read all the same.
        let ended = world.run(&["verify", "--json"]).await;
        let found: Vec<_> = rows(&ended).iter().map(|row| row["state"].clone()).collect();
        assert_eq!((found, ended.status), (vec![json!("unsigned"), json!("ok")], 3), "{what}");
        let ended = world.run(&["cat", "shop"]).await;
        assert_eq!((ended.status, ended.stdout.as_bytes()), (0, DUMP), "{what}: {}", ended.stderr);
        let said = format!("the newest backup, {NEW}, is unsigned: ");
        assert_eq!(ended.stderr.matches(&said).count(), 1, "{what}: {}", ended.stderr);
    }
}

/// A signature says which backup it is of: the manifest names it.
#[tokio::test]
async fn a_signed_backup_that_was_copied_to_another_folder_is_not_that_backup() {
    let world = world().await;
    stored(&world, OLD);
    for name in ["manifest.json", "manifest.json.sig", "dump.dump"] {
        world.write(&format!("shop/{PLANTED}/{name}"), &world.read(&format!("shop/{OLD}/{name}")));
    }
    assert_eq!(listed(&world).await[0], (PLANTED.to_owned(), "unreadable".to_owned()));
    let ended = world.run(&["cat", "shop", "--at", PLANTED]).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_written_takes_its_signature_with_it() {
    // Where nothing is on record, no sweep removes what the run has left.
    for (refused, prune) in
        ["/manifest.json", "/manifest.json.sig"].into_iter().flat_map(|at| [(at, "true"), (at, "false")])
    {
        let s3 = FakeS3::with_faults(move |asked| {
            (asked.operation() == "PutObject" && asked.path.ends_with(refused))
                .then_some((403, "AccessDenied"))
        });
        let world = signing(World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop"));
        let world = world.set("DUMPCAR_PRUNE", prune);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1, "{refused}: {}", ended.stderr);
        assert_eq!(world.keys(), Vec::<String>::new(), "{refused}, {prune}");
    }
}

/// As `docs/operations.md` has it: whatever tool copies the objects, the history goes on.
#[tokio::test]
async fn a_bucket_that_was_copied_is_as_good_as_the_first_one() {
    let (old, new) = (world().await, world().await);
    for stamp in [OLD, NEW] {
        stored(&old, stamp);
    }
    assert_eq!(old.run(&["backup"]).await.status, 0);
    for key in old.keys() {
        new.write(&key, &old.read(&key));
    }
    assert_eq!(listed(&new).await, listed(&old).await);
    let verified = new.run(&["verify", "--all"]).await;
    assert_eq!(verified.status, 0, "{}", verified.stdout);
    let ended = new.set("DUMPCAR_KEEP_LAST", "2").set("DUMPCAR_KEEP_DAILY", "0").run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("backup committed")[0]["pruned"], 2, "they count: {}", ended.stderr);
}
