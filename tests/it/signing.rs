/// Who has which key, and where the private one must not appear.
mod keys;
/// Records of runs, and results of drills.
mod records;
/// How a backup is signed, and what a signature says.
mod signatures;
/// What a backup cannot do that no trusted key has signed.
mod unsigned;

use std::process::Stdio;

use dumpcar::signing::{Namespace, Signer, private_key_file};
use serde_json::Value;

use super::support::docker::Script;
use super::support::stored::Object;
use super::support::world::{Ended, World, finish};

const DUMP: &[u8] = b"-- a dump\n";
const OLD: &str = "2026-01-01T23-00-00Z";
const NEW: &str = "2026-01-02T23-00-00Z";
const PLANTED: &str = "2026-01-03T23-00-00Z";

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

fn sign(world: &World, stamp: &str, seed: [u8; 32], kind: Namespace) {
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
    sign(world, stamp, OWN, Namespace::Manifest);
}

fn rows(ended: &Ended) -> Vec<Value> {
    super::support::world::rows(&ended.stdout)
}

/// Stamps and states that `list shop` shows, newest first.
async fn listed(world: &World) -> Vec<(String, String)> {
    let ended = world.run(&["list", "shop", "--json"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows(&ended).iter().map(|row| (text(row, "backup"), text(row, "state"))).collect()
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
