//! A Docker engine that plays a script, for what a real one cannot be made to show on demand.
//!
//! It speaks the API over a Unix socket, the hijacked exec stream included, so the program's own client is under test.

mod api;
mod calls;
mod scratch;
mod stream;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::Pending;
use http_body_util::{Either, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use calls::{Call, ExecRequest, Fault};
pub(crate) use stream::{Delivery, Script, Step, frame};

/// The image of every container.
pub(crate) const IMAGE_ID: &str = "sha256:1234123412341234123412341234123412341234123412341234123412341234";

/// A container's id, of 64 digits like Docker's, from its name.
pub(crate) fn id_of(name: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

type Play = dyn Fn(&ExecRequest) -> Script + Send + Sync;
/// Decides about a call; the number counts the calls of its kind from 1.
type Faults = dyn Fn(Call, usize) -> Option<Fault> + Send + Sync;
type Answer = Response<Either<Full<Bytes>, Silence>>;

/// A body that never comes.
type Silence = StreamBody<Pending<Result<Frame<Bytes>, Infallible>>>;

struct State {
    containers: BTreeMap<String, Value>,
    execs: HashMap<String, Exec>,
    /// Methods, paths and queries in the order in which they came.
    requests: Vec<String>,
    calls: HashMap<Call, usize>,
    /// Slow calls that are not answered yet, and the most there ever were.
    open: HashMap<Call, (usize, usize)>,
    faults: Arc<Faults>,
    /// The oldest and the newest minor version of API 1 that is understood.
    api: (u32, u32),
    /// The engine's id, and the name of its machine.
    names: (&'static str, &'static str),
    /// Of the swarm that it manages, if it does.
    services: Option<Vec<Value>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Exec {
    pub(crate) request: ExecRequest,
    pub(crate) running: bool,
    pub(crate) exit_code: Option<i64>,
    /// The wrapper was released by a line, not by an end of file.
    pub(crate) released: bool,
    /// It was asked for before the engine was started anew.
    is_forgotten: bool,
}

/// What a connection needs.
#[derive(Clone)]
struct Engine {
    state: Arc<Mutex<State>>,
    play: Arc<Play>,
    gate: Arc<Semaphore>,
    /// Ends every connection.
    end: CancellationToken,
}

/// The engine. Its socket goes with it.
pub(crate) struct FakeDocker {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl FakeDocker {
    pub(crate) fn start(play: impl Fn(&ExecRequest) -> Script + Send + Sync + 'static) -> Self {
        let state = State {
            containers: BTreeMap::new(),
            execs: HashMap::new(),
            requests: Vec::new(),
            calls: HashMap::new(),
            open: HashMap::new(),
            faults: Arc::new(|_, _| None),
            api: (12, 41),
            names: ("ENGI:NEOF:TEST", "h"),
            services: None,
        };
        let engine = Engine {
            state: Arc::new(Mutex::new(state)),
            play: Arc::new(play),
            gate: Arc::new(Semaphore::new(0)),
            end: CancellationToken::new(),
        };
        let docker = Self { folder: tempfile::tempdir().unwrap(), engine };
        docker.listen();
        docker
    }

    fn listen(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let engine = self.engine.clone();
        tokio::spawn(async move {
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(engine.clone().serve(stream));
                }
            };
            engine.end.run_until_cancelled(accept).await;
        });
    }

    /// The engine is stopped: every connection ends, and nobody listens at the socket.
    pub(crate) fn go_away(&self) {
        self.engine.end.cancel();
    }

    /// The engine is started again. It knows the containers, and nothing of earlier execs.
    pub(crate) fn come_back(&mut self) {
        drop(std::fs::remove_file(self.socket()));
        for exec in self.engine.state.lock().unwrap().execs.values_mut() {
            exec.is_forgotten = true;
        }
        self.engine.end = CancellationToken::new();
        self.listen();
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// From now on, calls meet these faults.
    pub(crate) fn faults(&self, faults: impl Fn(Call, usize) -> Option<Fault> + Send + Sync + 'static) {
        self.engine.state.lock().unwrap().faults = Arc::new(faults);
    }

    /// The versions 1.`oldest` to 1.`newest` of the API are understood; a path with another one is refused.
    pub(crate) fn understands(&self, oldest: u32, newest: u32) {
        self.engine.state.lock().unwrap().api = (oldest, newest);
    }

    /// The engine has this id from now on, and its machine this name.
    pub(crate) fn call_itself(&self, id: &'static str, host: &'static str) {
        self.engine.state.lock().unwrap().names = (id, host);
    }

    /// The engine manages a swarm that has these services.
    pub(crate) fn manages_swarm(&self, services: Vec<Value>) {
        self.engine.state.lock().unwrap().services = Some(services);
    }

    /// The containers there are, by their names.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.engine.state.lock().unwrap();
        let names =
            state.containers.values().map(|one| one["Name"].as_str().unwrap().trim_start_matches('/'));
        names.map(str::to_owned).collect()
    }

    /// Adds or replaces a running container.
    pub(crate) fn container(&self, name: &str, labels: Value, env: &[&str]) {
        self.container_in_state(name, labels, env, json!({ "Status": "running", "Running": true }));
    }

    pub(crate) fn container_in_state(&self, name: &str, labels: Value, env: &[&str], state: Value) {
        let inspect = json!({
            "Id": id_of(name), "Name": format!("/{name}"), "Image": IMAGE_ID, "State": state,
            "Config": { "Image": "example/image:1", "Labels": labels, "Env": env },
        });
        self.engine.state.lock().unwrap().containers.insert(id_of(name), inspect);
    }

    /// A container is of this image.
    pub(crate) fn set_image(&self, name: &str, image: &str) {
        let mut state = self.engine.state.lock().unwrap();
        state.containers.get_mut(&id_of(name)).unwrap()["Config"]["Image"] = image.into();
    }

    /// What a container was started with.
    pub(crate) fn set_host_config(&self, name: &str, config: Value) {
        let mut state = self.engine.state.lock().unwrap();
        state.containers.get_mut(&id_of(name)).unwrap()["HostConfig"] = config;
    }

    pub(crate) fn remove(&self, name: &str) {
        self.engine.state.lock().unwrap().containers.remove(&id_of(name));
    }

    /// Lets one [`Step::AwaitTest`] go on.
    pub(crate) fn let_go(&self) {
        self.engine.gate.add_permits(1);
    }

    pub(crate) fn execs(&self) -> Vec<Exec> {
        let state = self.engine.state.lock().unwrap();
        let mut execs: Vec<_> = state.execs.iter().collect();
        execs.sort_by_key(|(id, _)| (*id).clone());
        execs.into_iter().map(|(_, exec)| exec.clone()).collect()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.engine.state.lock().unwrap().requests.clone()
    }

    /// How many slow calls of this kind were under way at the same time, at the most.
    pub(crate) fn most_at_once(&self, call: Call) -> usize {
        self.engine.state.lock().unwrap().open.get(&call).map_or(0, |(_, most)| *most)
    }

    /// How often this was asked for.
    pub(crate) fn calls(&self, call: Call) -> usize {
        self.engine.state.lock().unwrap().calls.get(&call).copied().unwrap_or_default()
    }
}

fn json_answer(status: u16, value: &Value) -> Answer {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Either::Left(Full::new(Bytes::from(value.to_string()))))
        .unwrap()
}
