use std::process::Stdio;

use dumpcar::jobs::prune;
use dumpcar::model::key::BackupKey;
use dumpcar::signing::{Kind, Signer, TrustedSigners, open, private_key_file, seal};
use serde_json::{Value, json};

use super::support::docker::{ExecRequest, Script, Step};
use super::support::s3::FakeS3;
use super::support::stored::Object;
use super::support::world::{Ended, World, finish, until};

const DUMP: &[u8] = b"-- a dump\n";
const OLD: &str = "2026-01-01T23-00-00Z";
const NEW: &str = "2026-01-02T23-00-00Z";
const PLANTED: &str = "2026-01-03T23-00-00Z";
const RUN: &str = "00000000deadbeef";

const OWN: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

fn private_key(seed: [u8; 32]) -> String {
    private_key_file(&seed, 7, "test").expose().to_owned()
}

fn public_key(seed: [u8; 32]) -> String {
    Signer::from_seed(&seed).public_key().to_string()
}

/// A host with a target, that signs and counts nothing but its own.
async fn world() -> World {
    signing(World::new(|_| Script::ends(DUMP, 0)).await.custom("shop"))
}

fn signing(world: World) -> World {
    world.set("DUMPCAR_SIGNING_KEY", &private_key(OWN)).set("DUMPCAR_TRUSTED_SIGNERS", &public_key(OWN))
}

fn sign(world: &World, stamp: &str, seed: [u8; 32], kind: Kind) {
    let manifest = world.read(&format!("shop/{stamp}/manifest.json"));
    let signature = Signer::from_seed(&seed).sign(kind, &manifest).to_armor();
    world.write(&format!("shop/{stamp}/manifest.json.sig"), signature.as_bytes());
}

/// A complete backup, which nobody has signed.
fn plant(world: &World, stamp: &str) {
    world.store_backup("shop", stamp, "custom", &[Object::dump(DUMP)]);
}

fn stored(world: &World, stamp: &str) {
    plant(world, stamp);
    sign(world, stamp, OWN, Kind::Manifest);
}

fn json(ended: &Ended) -> Vec<Value> {
    super::support::world::rows(&ended.stdout)
}

/// Stamps and states that `list shop` shows, newest first.
async fn listed(world: &World) -> Vec<(String, String)> {
    let ended = world.run(&["list", "shop", "--json"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    json(&ended).iter().map(|row| (text(row, "backup"), text(row, "state"))).collect()
}

fn stamps(world: &World) -> Vec<String> {
    let keys = world.keys();
    let manifests = keys.iter().filter_map(|key| key.strip_suffix("/manifest.json"));
    manifests.map(|key| key.strip_prefix("shop/").unwrap().to_owned()).collect()
}

/// `None` where there is no `ssh-keygen`.
async fn ssh_keygen(args: &[&str], stdin: &[u8]) -> Option<(bool, String)> {
    use tokio::io::AsyncWriteExt;
    let mut command = tokio::process::Command::new("ssh-keygen");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    child.stdin.take().unwrap().write_all(stdin).await.unwrap();
    let ended = finish(child).await;
    Some((ended.status == 0, ended.stdout + &ended.stderr))
}

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
        ("another key", &|world| sign(world, NEW, OTHER, Kind::Manifest), "is signed by SHA256:"),
        ("another kind", &|world| sign(world, NEW, OWN, Kind::Drill), "was made for something else"),
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
        let found: Vec<_> = json(&ended).iter().map(|row| row["state"].clone()).collect();
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
async fn unsigned_backups_push_nothing_out_and_nothing_deletes_them() {
    let plan = async |world: &World| {
        let ended = world.run(&["prune", "--dry-run", "--json"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let rows = json(&ended);
        let of = |row: &Value| (row["backup"].as_str().unwrap().to_owned(), row["decision"] == "keep");
        (rows.iter().map(of).collect::<Vec<_>>(), ended)
    };
    let world = world().await.set("DUMPCAR_KEEP_LAST", "2");
    for stamp in ["2025-12-31T23-00-00Z", OLD, NEW] {
        stored(&world, stamp);
    }
    // One that a rule would delete, and three that would push others out.
    let planted = ["2025-12-01T23-00-00Z", PLANTED, "2026-01-04T23-00-00Z", "2026-01-05T23-00-00Z"];
    for stamp in planted {
        plant(&world, stamp);
    }
    let (decisions, ended) = plan(&world).await;
    let kept = [planted[3], planted[2], planted[1], NEW, OLD].map(|stamp| (stamp.to_owned(), true));
    let rest = [("2025-12-31T23-00-00Z".to_owned(), false), (planted[0].to_owned(), true)];
    assert_eq!(decisions, [&kept[..], &rest].concat());
    assert_eq!(ended.stdout.matches("not counted: unsigned: ").count(), 4, "{}", ended.stdout);

    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let left = stamps(&world);
    assert_eq!(left[..5], [planted[0], NEW, planted[1], planted[2], planted[3]], "{left:?}");
    assert_eq!(left.len(), 6, "and the new one: {left:?}");
    let of_pruned: Vec<_> =
        world.keys().into_iter().filter(|key| key.contains(OLD) || key.contains("2025-12-31")).collect();
    assert_eq!(of_pruned, Vec::<String>::new(), "what is pruned goes with its signature");

    // The same bucket, to whoever counts everything.
    let world = world.unset("DUMPCAR_TRUSTED_SIGNERS");
    let kept: Vec<_> =
        plan(&world).await.0.into_iter().filter(|(_, is_kept)| *is_kept).map(|(stamp, _)| stamp).collect();
    assert_eq!((kept.len(), kept[1].as_str()), (2, planted[3]), "{kept:?}");
}

/// The listings of this store have no ETags: to a daemon that remembers what it has read, the manifest looks the same.
#[tokio::test]
async fn a_manifest_that_was_replaced_by_one_of_its_size_no_longer_counts() {
    let world = world().await.set("DUMPCAR_KEEP_LAST", "1");
    stored(&world, OLD);
    stored(&world, NEW);
    let app = world.app();
    let target = app.target(&"shop".parse().unwrap()).await.unwrap();
    let doomed = async || {
        let plan = prune::plan(&app, &target.names(), target.retention, prune::FORESEEN).await.unwrap();
        plan.plan.deleted().map(|stamp| stamp.to_string()).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(doomed().await, [OLD]);
    }
    let key = format!("shop/{NEW}/manifest.json");
    let text = String::from_utf8(world.read(&key)).unwrap();
    world.write(&key, text.replace("\"instance\":\"h\"", "\"instance\":\"i\"").as_bytes());
    assert_eq!(doomed().await, Vec::<String>::new(), "nothing goes because of it");
}

/// What a backup is compared with must not be somebody else's either.
#[tokio::test]
async fn an_unsigned_backup_is_never_the_last_good_one() {
    for (seed, is_suspicious) in [(OWN, true), (OTHER, false)] {
        let world = world().await;
        stored(&world, OLD);
        // A thousand times as large: as if the database had lost almost everything.
        world.store_backup("shop", PLANTED, "custom", &[Object::dump(&vec![b'x'; 200_000])]);
        sign(&world, PLANTED, seed, Kind::Manifest);
        let ended = world.run(&["backup"]).await;
        let manifests = world.manifests();
        let suspicious = manifests.last().unwrap().get("suspicious").is_some();
        assert_eq!(suspicious, is_suspicious, "{}", ended.stderr);
    }
}

/// A client executes what it reads, long before the digest at the end says that somebody else wrote it.
#[tokio::test]
async fn no_client_sees_an_object_that_its_signed_manifest_does_not_mean() {
    const WHOLE: &[u8] = b"SELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n\n";
    let play = |exec: &ExecRequest| {
        let answer: &[u8] = match exec.asks_for_databases() {
            true => b"version 17.6\naccounts 1\ndatabase 617070 1000\n",
            false => b"",
        };
        Script::ends(answer, 0)
    };
    for counts_only_signed in [true, false] {
        let mut world = signing(World::new(play).await);
        if !counts_only_signed {
            world = world.unset("DUMPCAR_TRUSTED_SIGNERS");
        }
        let labels = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
        world.docker.container("shop", labels, &[]);
        world.store_backup("shop", OLD, "postgresql", &[Object::database("app", "none", WHOLE)]);
        sign(&world, OLD, OWN, Kind::Manifest);
        let changed = String::from_utf8(WHOLE.to_vec()).unwrap().replace("SELECT 1;", "\\! id   \n");
        world.write(&format!("shop/{OLD}/app.sql"), changed.as_bytes());
        let ended = world.run(&["restore", "shop", "--yes"]).await;
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        let makes_room = |argv: &[String]| argv.iter().any(|word| word.contains("CREATE DATABASE"));
        let has_begun = world.docker.execs().iter().any(|exec| makes_room(&exec.request.argv));
        assert_eq!(has_begun, !counts_only_signed, "{}", ended.stderr);
        if counts_only_signed {
            assert!(
                ended.stderr.contains("its SHA-256 is not the manifest's; nothing was changed"),
                "{}",
                ended.stderr
            );
        }
    }
}

/// A process that has ended: nobody holds the socket of this name.
fn dead() -> Value {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    json!({ "instance": "h", "process": "00".repeat(16), "boot": boot.trim(), "network": network })
}

#[tokio::test]
async fn only_a_signed_record_is_obeyed() {
    let key = format!(".dumpcar/runs/shop/{RUN}.json");
    let record = json!({
        "version": 1, "run": RUN, "target": "shop", "stamp": OLD, "started": "2026-01-01T23:00:00Z", "holder": dead(),
    });
    let record = record.to_string().into_bytes();
    let sealed = |kind, seed| seal(kind, &record, &Signer::from_seed(&seed));
    for (what, content, is_obeyed) in [
        ("its own", sealed(Kind::Record, OWN), true),
        ("unsigned", record.clone(), false),
        ("another key's", sealed(Kind::Record, OTHER), false),
        ("another kind", sealed(Kind::Drill, OWN), false),
    ] {
        let world = world().await;
        let object = format!("shop/{OLD}/dump.dump.xz");
        world.write(&object, b"half");
        world.write(&key, &content);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{what}: {}", ended.stderr);
        let keys = world.keys();
        assert_eq!(!keys.contains(&object), is_obeyed, "{what}: {keys:?}");
        assert_eq!(!keys.contains(&key), is_obeyed, "{what}: {keys:?}");
        let warned: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(&key)).collect();
        assert_eq!(warned.len(), usize::from(!is_obeyed), "{what}: {warned:?}");
        assert!(warned.iter().all(|line| line.contains("sign")), "{what}: {warned:?}");
    }
}

#[tokio::test]
async fn the_record_of_a_run_is_signed() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::AwaitTest, Step::Trailer(0), Step::AwaitRelease];
    let world = signing(World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop"));
    let run = world.start(&["backup"]);
    until("the run dumps", || !world.docker.execs().is_empty()).await;
    let keys = world.keys();
    let record = world.read(keys.iter().find(|key| key.starts_with(".dumpcar/runs/")).unwrap());
    let trusted: TrustedSigners = public_key(OWN).parse().unwrap();
    let opened: Value = serde_json::from_slice(&open(Kind::Record, &record, &trusted).unwrap()).unwrap();
    assert_eq!(opened["target"], "shop");
    // Another host reads it, and sees that its process lives.
    let records = world.store().records(None, None).await.unwrap();
    assert_eq!(records.read.len(), 1);
    world.docker.let_go();
    assert_eq!(finish(run).await.status, 0);
}

#[tokio::test]
async fn a_drills_result_counts_for_its_backup_only_and_only_when_it_is_signed() {
    let world = world().await;
    stored(&world, OLD);
    let result = |stamp: Option<&str>| {
        let mut result = json!({
            "version": 1, "at": "2026-01-01T23:30:00Z", "instance": "h", "image_id": format!("sha256:{}", "00".repeat(32)),
            "seconds": 2.0, "databases": 1, "tables": 0, "rows": 0,
        });
        if let Some(stamp) = stamp {
            result["target"] = "shop".into();
            result["stamp"] = stamp.into();
        }
        result.to_string().into_bytes()
    };
    let sealed = |stamp, seed| seal(Kind::Drill, &result(stamp), &Signer::from_seed(&seed));
    let is_shown = async |world: &World| {
        let ended = world.run(&["list", "shop", "--json"]).await;
        json(&ended)[0].get("drill").is_some()
    };
    let cases = [
        ("its own", sealed(Some(OLD), OWN), [true, true]),
        ("another backup's", sealed(Some(NEW), OWN), [false, false]),
        ("one that does not say", sealed(None, OWN), [false, false]),
        ("unsigned", result(Some(OLD)), [false, true]),
        ("another key's", sealed(Some(OLD), OTHER), [false, true]),
        ("a record", seal(Kind::Record, &result(Some(OLD)), &Signer::from_seed(&OWN)), [false, true]),
        ("unsigned, of another backup", result(Some(NEW)), [false, false]),
    ];
    let write = |world: &World, content: &[u8]| world.write(&format!("shop/{OLD}/drill.json"), content);
    for (what, content, [counts, _]) in &cases {
        write(&world, content);
        assert_eq!(is_shown(&world).await, *counts, "{what}");
    }
    let world = world.unset("DUMPCAR_TRUSTED_SIGNERS").unset("DUMPCAR_SIGNING_KEY");
    for (what, content, [_, counts]) in &cases {
        write(&world, content);
        assert_eq!(is_shown(&world).await, *counts, "without trusted signers: {what}");
    }
}

/// The drill itself needs a server; this is what it writes.
#[tokio::test]
async fn what_a_drill_writes_is_signed_and_read_back() {
    use dumpcar::model::drill::DrillResult;
    let world = world().await;
    stored(&world, OLD);
    let (store, key) = (world.store(), BackupKey::parse(&format!("shop/{OLD}/x")).unwrap().0);
    let image = format!("sha256:{}", "00".repeat(32));
    let result =
        DrillResult::new(&key, "2026-01-01T23:30:00Z".parse().unwrap(), "h", &image.parse().unwrap());
    store.put_drill(&key, &result).await.unwrap();
    assert!(
        String::from_utf8(world.read(&format!("shop/{OLD}/drill.json"))).unwrap().contains("\"signature\"")
    );
    assert_eq!(store.drill(&key).await.unwrap(), Some(result));
}

#[tokio::test]
async fn a_host_without_a_key_only_reads() {
    let world = world().await;
    stored(&world, OLD);
    let world = world.unset("DUMPCAR_SIGNING_KEY");
    for command in [&["backup"][..], &[]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 2, "{command:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("DUMPCAR_SIGNING_KEY is not"), "{}", ended.stderr);
    }
    for command in [&["list"][..], &["verify"], &["cat", "shop"], &["prune", "--dry-run"]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 0, "{command:?}: {}", ended.stderr);
    }
    assert_eq!(world.keys().len(), 3);
}

/// Without a trusted key, nothing is asked for that was not asked for before, and everything counts.
#[tokio::test]
async fn a_key_alone_signs_and_refuses_nothing() {
    let world = world().await.unset("DUMPCAR_TRUSTED_SIGNERS");
    plant(&world, OLD);
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let states: Vec<String> = listed(&world).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["good", "good"]);
    let reads = world.s3.asked().into_iter().filter(|asked| asked.operation() == "GetObject");
    assert!(reads.into_iter().all(|asked| !asked.path.ends_with(".sig")));
    assert_eq!(world.keys().iter().filter(|key| key.ends_with(".sig")).count(), 1);
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

/// A backup that somebody planted a moment ago must not make the daemon believe that it was on time.
#[tokio::test]
async fn an_unsigned_backup_does_not_make_up_for_a_missed_one() {
    for (seed, is_missed) in [(OWN, false), (OTHER, true)] {
        let world = world().await.set("DUMPCAR_SCHEDULE", "every 100d");
        stored(&world, "2020-01-01T00-00-00Z");
        let now = dumpcar::model::key::Stamp::new(dumpcar::clock::now()).to_string();
        plant(&world, &now);
        sign(&world, &now, seed, Kind::Manifest);
        let daemon = world.daemon();
        daemon.logs("planned", 1).await;
        let ended = daemon.stop().await;
        let caught_up = !ended.logged("a scheduled backup was missed: catching up").is_empty();
        assert_eq!(caught_up, is_missed, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn keygen_needs_nothing_and_makes_a_pair() {
    let world =
        World::new(|_| Script::ends(DUMP, 0)).await.unset("DUMPCAR_STORE").set("DOCKER_HOST", "wrong");
    let (one, other) = (world.run(&["keygen"]).await, world.run(&["keygen"]).await);
    assert_eq!((one.status, other.status), (0, 0), "{one:?}");
    assert_ne!(one.stdout, other.stdout);
    let signer: Signer = one.stdout.parse().unwrap();
    assert_eq!(private_key_lines(&one.stdout).len(), one.stdout.lines().count() - 2, "nothing else is there");
    let line = one.stderr.lines().find(|line| !line.starts_with('#')).unwrap();
    assert_eq!(line, format!("{} dumpcar", signer.public_key()));
    assert!(one.stderr.contains(&signer.public_key().fingerprint()));
    // All of standard error is a setting.
    let trusted: TrustedSigners = one.stderr.parse().unwrap();
    assert_eq!(trusted.keys(), [signer.public_key()]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, &one.stdout).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    if let Some((is_read, said)) = ssh_keygen(&["-y", "-f", path.to_str().unwrap()], b"").await {
        assert!(is_read && said.trim_end() == line, "{said}");
    }
}

fn private_key_lines(file: &str) -> Vec<&str> {
    file.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[tokio::test]
async fn the_private_key_is_nowhere_but_in_the_settings() {
    let world = world().await.set("DUMPCAR_LOG", "trace");
    let file = private_key(OWN);
    // The first line is the same in all keys, and has the public key; of the others the beginning will do.
    let secrets: Vec<&str> = private_key_lines(&file)[2..].iter().filter_map(|line| line.get(..12)).collect();
    assert!(secrets.len() > 1);
    let seed = format!("{:?}", &OWN[..8]);
    let mut texts = Vec::new();
    let commands: [&[&str]; 9] = [
        &["backup"],
        &["list"],
        &["verify"],
        &["cat", "shop"],
        &["prune"],
        &["config"],
        &["config", "--json"],
        &["policy"],
        &["drill"],
    ];
    for command in commands {
        let ended = world.run(command).await;
        texts.push((command.join(" "), ended.stdout + &ended.stderr));
    }
    let config = &texts.iter().find(|(what, _)| what == "config").unwrap().1;
    let fingerprint = Signer::from_seed(&OWN).public_key().fingerprint();
    for line in [
        format!("DUMPCAR_SIGNING_KEY        (set) {fingerprint}"),
        format!("DUMPCAR_TRUSTED_SIGNERS    {fingerprint}"),
    ] {
        assert!(config.contains(&line), "{line}: {config}");
    }
    texts.extend(world.docker.requests().into_iter().map(|asked| ("Docker".to_owned(), asked)));
    texts.extend(
        world.docker.execs().iter().map(|exec| ("an exec".to_owned(), format!("{:?}", exec.request.argv))),
    );
    for key in world.keys() {
        let content = String::from_utf8_lossy(&world.read(&key)).into_owned();
        texts.push((key, content));
    }
    for (what, text) in texts {
        assert!(!text.contains(&seed), "{what}: {text}");
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{what}: {text}");
    }
    // In the wrong variable, with or without `_FILE`, and damaged.
    for (name, value) in [
        ("DUMPCAR_TRUSTED_SIGNERS", file.clone()),
        ("DUMPCAR_SIGNING_KEY_FILE", file.clone()),
        ("DUMPCAR_SIGNING_KEY", file.replace("-----END", "-----")),
        ("DUMPCAR_INSTANCE", file.clone()),
    ] {
        let world = World::new(|_| Script::ends(DUMP, 0)).await.set(name, &value);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 2, "{name}");
        assert!(secrets.iter().all(|secret| !ended.stderr.contains(secret)), "{name}: {}", ended.stderr);
    }
}
