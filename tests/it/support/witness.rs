//! A witness between the program and the scripted engine: it keeps every request as it was on the wire, and may lie.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::docker::id_of;

/// No program that bounds what it reads takes more of an endless answer.
const ENOUGH: usize = 1 << 30;
/// More of an answer is not searched for ids.
const SEARCHED: usize = 1 << 20;

/// A request to the engine, as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) method: String,
    /// Path and query, not decoded.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
}

/// Bytes that are sent instead of the engine's answer.
#[derive(Debug, Clone)]
pub(crate) enum Lie {
    /// These, and the connection closes.
    Says(Vec<u8>),
    /// The first, and then the second without end, or until the client goes away.
    Endless(Vec<u8>, Vec<u8>),
}

impl Lie {
    /// A whole answer with this status and body.
    pub(crate) fn answer(status: u16, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Self::Says([head.as_bytes(), body].concat())
    }

    /// The head of an answer whose body ends with the connection.
    pub(crate) fn head() -> Vec<u8> {
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n".to_vec()
    }
}

/// Decides about a request; the number counts the requests of this path, query included, from 1.
type Liar = dyn Fn(&Heard, usize) -> Option<Lie> + Send + Sync;

#[derive(Default)]
struct Notes {
    heard: Vec<Heard>,
    /// So many of them were looked at.
    checked: usize,
    /// Ids of containers and execs that the engine has named.
    announced: BTreeSet<String>,
}

#[derive(Clone)]
struct Seat {
    engine: PathBuf,
    notes: Arc<Mutex<Notes>>,
    liar: Arc<Liar>,
}

/// Its socket goes with it.
pub(crate) struct Witness {
    folder: tempfile::TempDir,
    seat: Seat,
}

impl Witness {
    pub(crate) fn before(engine: PathBuf) -> Self {
        Self::lying(engine, |_, _| None)
    }

    pub(crate) fn lying(
        engine: PathBuf,
        liar: impl Fn(&Heard, usize) -> Option<Lie> + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seat = Seat { engine, notes: Arc::default(), liar: Arc::new(liar) };
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let taken = seat.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let seat = taken.clone();
                tokio::spawn(async move { drop(seat.serve(client).await) });
            }
        });
        Self { folder, seat }
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.seat.notes.lock().unwrap().heard.clone()
    }

    /// Every request since the last call that Dumpcar has no business to send. `named` are the containers that the command
    /// line names.
    pub(crate) fn strangers(&self, named: &[&str]) -> Vec<String> {
        let mut notes = self.seat.notes.lock().unwrap();
        // A record may name any container, of which Docker is asked whether it is a target; nothing else is asked of it.
        let asked_of_the_victim = format!("/containers/{}/json", id_of("victim"));
        let is_strange = |heard: &&Heard| {
            !is_allowed(heard, &notes.announced, named)
                || heard.target.contains("victim")
                || heard.target.contains(&id_of("victim")) && !heard.target.ends_with(&asked_of_the_victim)
        };
        let new = notes.heard.iter().skip(notes.checked).filter(is_strange);
        let strangers = new.map(|one| format!("{} {}", one.method, one.target)).collect();
        notes.checked = notes.heard.len();
        strangers
    }
}

impl Seat {
    async fn serve(&self, mut client: UnixStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if client.read(&mut byte).await? == 0 {
                return Ok(());
            }
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let header = |name: &str| {
            let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
            pairs.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let length = header("content-length").map_or(0, |length| length.parse().unwrap());
        assert_eq!(header("transfer-encoding"), None, "the client knows how much it sends");
        let mut body = vec![0; length];
        client.read_exact(&mut body).await?;
        let mut words = head.split(' ').map(str::to_owned);
        let heard = Heard { method: words.next().unwrap(), target: words.next().unwrap(), body };
        let nth = {
            let mut notes = self.notes.lock().unwrap();
            notes.heard.push(heard.clone());
            notes.heard.iter().filter(|one| one.target == heard.target).count()
        };
        match (self.liar)(&heard, nth) {
            Some(lie) => self.lie(client, lie).await,
            None => self.pass_on(client, &head, &heard, header("upgrade").is_some()).await,
        }
    }

    async fn lie(&self, mut client: UnixStream, lie: Lie) -> std::io::Result<()> {
        match lie {
            Lie::Says(bytes) => {
                client.write_all(&bytes).await?;
                client.shutdown().await
            }
            Lie::Endless(head, again) => {
                client.write_all(&head).await?;
                let piece = again.repeat(1 + 65_536 / again.len());
                for _ in (0..ENOUGH).step_by(piece.len()) {
                    client.write_all(&piece).await?;
                }
                Ok(())
            }
        }
    }

    /// One request on each connection, so that none is missed.
    async fn pass_on(
        &self,
        mut client: UnixStream,
        head: &str,
        heard: &Heard,
        is_upgrade: bool,
    ) -> std::io::Result<()> {
        let mut engine = UnixStream::connect(&self.engine).await?;
        if is_upgrade {
            engine.write_all(head.as_bytes()).await?;
            engine.write_all(&heard.body).await?;
            return tokio::io::copy_bidirectional(&mut client, &mut engine).await.map(drop);
        }
        let (first, rest) = head.split_once("\r\n").unwrap();
        engine.write_all(format!("{first}\r\nconnection: close\r\n{rest}").as_bytes()).await?;
        engine.write_all(&heard.body).await?;
        let (mut answer, mut piece, mut nothing) = (Vec::new(), vec![0; 65_536], [0]);
        loop {
            tokio::select! {
                got = engine.read(&mut piece) => {
                    let got = got?;
                    if got == 0 {
                        break;
                    }
                    if answer.len() < SEARCHED {
                        answer.extend_from_slice(&piece[..got]);
                        // Before the client can ask for what it names.
                        self.notes.lock().unwrap().announced.extend(ids_in(&String::from_utf8_lossy(&answer)));
                    }
                    client.write_all(&piece[..got]).await?;
                }
                _ = client.read(&mut nothing) => return Ok(()),
            }
        }
        client.shutdown().await
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What an answer names as the id of a container or an exec.
fn ids_in(answer: &str) -> Vec<String> {
    let named = answer.split("\"Id\":\"").chain(answer.split("\"ID\":\"")).skip(1);
    named.filter_map(|rest| rest.get(..64)).filter(|id| is_hex(id, 64)).map(str::to_owned).collect()
}

/// Whether it is in the table of requests in `docs/security.md`, to the letter.
fn is_allowed(heard: &Heard, announced: &BTreeSet<String>, named: &[&str]) -> bool {
    let (path, query) = heard.target.split_once('?').unwrap_or((&heard.target, ""));
    let keys: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split('=').next().unwrap())
        .collect();
    let asks_only = |allowed: &[&str]| keys.iter().all(|key| allowed.contains(key));
    let mut parts: Vec<&str> = path.split('/').skip(1).collect();
    if parts[0].strip_prefix("v1.").is_some_and(|minor| minor.parse::<u8>().is_ok()) {
        parts.remove(0);
    }
    let is_known = |id: &str| announced.contains(id);
    let is_scratch = |name: &str| name.strip_prefix("dumpcar-drill-").is_some_and(|run| is_hex(run, 16));
    match (heard.method.as_str(), parts.as_slice()) {
        ("GET", ["version" | "info"]) => keys.is_empty(),
        ("GET", ["containers", "json"]) => asks_only(&["all", "size", "limit", "filters"]),
        ("GET", ["events"]) => asks_only(&["filters", "since", "until"]),
        // A record names the container of the process that wrote it, which may be gone.
        ("GET", ["containers", id, "json"]) => (is_hex(id, 64) || named.contains(id)) && asks_only(&["size"]),
        ("POST", ["containers", id, "exec"]) => is_known(id) && keys.is_empty(),
        ("POST", ["exec", id, "start"]) | ("GET", ["exec", id, "json"]) => is_known(id) && keys.is_empty(),
        ("GET", ["images", id, "json"]) => {
            id.replace("%3A", ":").strip_prefix("sha256:").is_some_and(|digest| is_hex(digest, 64))
                && asks_only(&["manifests"])
        }
        ("POST", ["containers", "create"]) => {
            let name = query.split('&').find_map(|pair| pair.strip_prefix("name="));
            name.is_some_and(is_scratch) && asks_only(&["name", "platform"])
        }
        ("POST", ["containers", id, "start"]) => is_known(id) && asks_only(&["detachKeys"]),
        ("GET", ["containers", id, "logs"]) => {
            is_known(id) && asks_only(&["stdout", "stderr", "tail", "follow", "since", "until", "timestamps"])
        }
        ("DELETE", ["containers", id]) => {
            (is_known(id) || is_scratch(id)) && asks_only(&["v", "force", "link"])
        }
        _ => false,
    }
}
