use dumpcar::signing::{Signer, TrustedSigners};

use super::{DUMP, OLD, OWN, listed, plant, private_key, ssh_keygen, stored, world};
use crate::support::docker::Script;
use crate::support::world::World;

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
    let config = config.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in
        [format!("DUMPCAR_SIGNING_KEY (set) {fingerprint}"), format!("DUMPCAR_TRUSTED_SIGNERS {fingerprint}")]
    {
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
