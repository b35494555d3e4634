//! A Docker engine that plays a script, for what a real one cannot be made to show on demand.
//!
//! It speaks the API over a Unix socket, the hijacked exec stream included, so the program's own client is under test.

mod scratch;
mod stream;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Pending, pending};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use stream::perform;
pub(crate) use stream::{Delivery, Script, Step, frame};

/// The image of every container.
pub(crate) const IMAGE_ID: &str = "sha256:1234123412341234123412341234123412341234123412341234123412341234";

/// A container's id, of 64 digits like Docker's, from its name.
pub(crate) fn id_of(name: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An exec as the client asked for it.
#[derive(Debug, Clone)]
pub(crate) struct ExecRequest {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) user: Option<String>,
}

impl ExecRequest {
    /// The snippet the wrapper runs.
    pub(crate) fn snippet(&self) -> &str {
        self.argv.get(5).map_or("", String::as_str)
    }

    /// It ends what dead runs have left.
    pub(crate) fn looks_for_leftovers(&self) -> bool {
        self.snippet().contains("dead runs left in a target")
    }

    /// It asks a PostgreSQL what there is to dump.
    pub(crate) fn asks_for_databases(&self) -> bool {
        self.argv.iter().any(|argument| argument.contains("SELECT 'version ' || "))
    }

    fn marker(&self) -> &str {
        self.argv.get(4).map_or("", String::as_str)
    }

    fn marked(marker: &str) -> Self {
        let argv = ["sh", "-c", "", "dumpcar", marker].map(str::to_owned).to_vec();
        Self { argv, env: Vec::new(), user: None }
    }
}

/// What is done with a call instead of answering it at once.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status and this message.
    Refuse(u16, &'static str),
    /// This status and a body as it is: a proxy's, not Docker's.
    Page(u16, &'static str),
    /// The connection closes without an answer.
    Cut,
    /// The answer comes late.
    Slow(Duration),
    /// The containers are in this state from now on.
    State(&'static str),
    /// It is done twice, as by a proxy that repeats a request; the second answer is given.
    Twice,
    /// Exec start: what dockerd answers when a proxy took the `Upgrade` away. Nothing is played.
    NoUpgrade,
}

/// One of the calls Dumpcar makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Version,
    List,
    Inspect,
    CreateExec,
    StartExec,
    InspectExec,
    Events,
    Info,
    Image,
    Other,
}

impl Call {
    fn of(method: &str, parts: &[&str]) -> Self {
        match (method, parts) {
            ("GET", ["version"]) => Self::Version,
            ("GET", ["containers", "json"]) => Self::List,
            ("GET", ["containers", _, "json"]) => Self::Inspect,
            ("POST", ["containers", _, "exec"]) => Self::CreateExec,
            ("POST", ["exec", _, "start"]) => Self::StartExec,
            ("GET", ["exec", _, "json"]) => Self::InspectExec,
            ("GET", ["events"]) => Self::Events,
            ("GET", ["info"]) => Self::Info,
            ("GET", ["images", _, "json"]) => Self::Image,
            _ => Self::Other,
        }
    }
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

impl Engine {
    async fn serve(self, stream: tokio::net::UnixStream) {
        let end = self.end.clone();
        let service = service_fn(move |request| self.clone().meet(request));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        drop(end.run_until_cancelled(connection.with_upgrades()).await);
    }

    /// Answers, unless a fault has it otherwise.
    async fn meet(self, mut request: Request<Incoming>) -> io::Result<Answer> {
        let path = request.uri().path().to_owned();
        let method = request.method().to_string();
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let version = parts.first().and_then(|part| part.strip_prefix("v1.")?.parse::<u32>().ok());
        if version.is_some() {
            parts.remove(0);
        }
        let call = Call::of(&method, &parts);
        let (fault, (oldest, newest)) = {
            let mut state = self.state.lock().unwrap();
            state.requests.push(format!("{method} {}", request.uri()));
            let count = state.calls.entry(call).or_default();
            *count += 1;
            let count = *count;
            ((state.faults)(call, count), state.api)
        };
        let refuse = |status, message: &str| Ok(json_answer(status, &json!({ "message": message })));
        match version {
            Some(version) if version > newest => {
                let message = format!(
                    "client version 1.{version} is too new. Maximum supported API version is 1.{newest}"
                );
                return refuse(400, &message);
            }
            Some(version) if version < oldest => {
                let message = format!(
                    "client version 1.{version} is too old. Minimum supported API version is 1.{oldest}, \
                     please upgrade your client to a newer version"
                );
                return refuse(400, &message);
            }
            _ => {}
        }
        let body = request.body_mut().collect().await.map_err(io::Error::other)?.to_bytes();
        match fault {
            Some(Fault::Refuse(status, message)) => return refuse(status, message),
            Some(Fault::Page(status, page)) => {
                return Ok(Response::builder()
                    .status(status)
                    .body(Either::Left(Full::new(page.into())))
                    .unwrap());
            }
            Some(Fault::Cut) => return Err(io::ErrorKind::ConnectionReset.into()),
            Some(Fault::NoUpgrade) => {
                let kind = "application/vnd.docker.raw-stream";
                return Ok(Response::builder()
                    .header("content-type", kind)
                    .body(Either::Left(Full::default()))
                    .unwrap());
            }
            Some(Fault::Slow(time)) => {
                self.count_open(call, 1);
                tokio::time::sleep(time).await;
                self.count_open(call, -1);
            }
            Some(Fault::State(status)) => {
                let mut state = self.state.lock().unwrap();
                state.containers.values_mut().for_each(|one| one["State"]["Status"] = status.into());
            }
            Some(Fault::Twice) => drop(self.answer(call, &parts, &body, &mut request).await),
            None => {}
        }
        Ok(self.answer(call, &parts, &body, &mut request).await)
    }

    fn count_open(&self, call: Call, change: isize) {
        let mut state = self.state.lock().unwrap();
        let (now, most) = state.open.entry(call).or_default();
        *now = now.checked_add_signed(change).unwrap();
        *most = (*most).max(*now);
    }

    async fn answer(
        &self,
        call: Call,
        parts: &[&str],
        body: &[u8],
        request: &mut Request<Incoming>,
    ) -> Answer {
        let missing = || json_answer(404, &json!({ "message": "no such thing" }));
        let id = parts.get(1).copied().unwrap_or_default();
        match call {
            Call::Version => {
                let (oldest, newest) = self.state.lock().unwrap().api;
                let (oldest, newest) = (format!("1.{oldest}"), format!("1.{newest}"));
                json_answer(
                    200,
                    &json!({ "Version": "20.10.24", "ApiVersion": newest, "MinAPIVersion": oldest }),
                )
            }
            Call::List => {
                let state = self.state.lock().unwrap();
                let list: Vec<Value> = state
                    .containers
                    .values()
                    .map(|one| json!({ "Id": one["Id"], "Names": [one["Name"]], "Labels": one["Config"]["Labels"], "Image": one["Config"]["Image"] }))
                    .collect();
                json_answer(200, &json!(list))
            }
            Call::Inspect => {
                let state = self.state.lock().unwrap();
                // A name will do as well.
                let found = state.containers.get(id).or_else(|| state.containers.get(&id_of(id)));
                found.map_or_else(missing, |one| json_answer(200, one))
            }
            Call::CreateExec => self.create_exec(id, body),
            Call::StartExec => {
                let known =
                    self.state.lock().unwrap().execs.get(id).filter(|exec| !exec.is_forgotten).cloned();
                known.map_or_else(missing, |exec| self.start_exec(id, exec.request, request))
            }
            Call::InspectExec => {
                let state = self.state.lock().unwrap();
                state.execs.get(id).filter(|exec| !exec.is_forgotten).map_or_else(missing, |exec| {
                    json_answer(
                        200,
                        &json!({ "ID": id, "Running": exec.running, "ExitCode": exec.exit_code }),
                    )
                })
            }
            Call::Events => {
                // Nothing ever happens. As Docker does, it says at once that it will tell: a client has no patience without that.
                Response::new(Either::Right(StreamBody::new(pending())))
            }
            Call::Info => {
                let (id, host) = self.state.lock().unwrap().names;
                json_answer(200, &json!({ "ID": id, "Name": host, "MemTotal": 64_u64 << 30 }))
            }
            Call::Image | Call::Other => {
                self.other(request.method().as_str(), parts, request.uri().query().unwrap_or_default(), body)
            }
        }
    }

    fn create_exec(&self, container: &str, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap();
        let texts = |name: &str| -> Vec<String> {
            body[name]
                .as_array()
                .map(|all| all.iter().map(|one| one.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default()
        };
        assert_eq!(body["AttachStdin"], true, "the dead man's switch is standard input");
        assert_eq!(body["AttachStdout"], true, "the dump");
        assert_eq!(body["AttachStderr"], true, "what the tool says");
        assert_ne!(body["Tty"], true, "a terminal would change the bytes");
        let user = body["User"].as_str().map(str::to_owned);
        let request = ExecRequest { argv: texts("Cmd"), env: texts("Env"), user };
        let mut state = self.state.lock().unwrap();
        if !state.containers.contains_key(container) {
            return json_answer(404, &json!({ "message": format!("No such container: {container}") }));
        }
        // In order, so that their order is that of the map.
        let id = format!("{:064x}", state.execs.len());
        let exec = Exec { request, running: false, exit_code: None, released: false, is_forgotten: false };
        state.execs.insert(id.clone(), exec);
        json_answer(201, &json!({ "Id": id }))
    }

    fn start_exec(&self, id: &str, asked: ExecRequest, request: &mut Request<Incoming>) -> Answer {
        let script = (self.play)(&asked);
        let (id, engine) = (id.to_owned(), self.clone());
        self.state.lock().unwrap().execs.get_mut(&id).unwrap().running = true;
        let upgrade = hyper::upgrade::on(request);
        tokio::spawn(async move {
            let stream = TokioIo::new(upgrade.await.unwrap());
            let played = perform(stream, &asked, &script, &engine.gate);
            let released = engine.end.run_until_cancelled(played).await;
            let mut state = engine.state.lock().unwrap();
            let exec = state.execs.get_mut(&id).unwrap();
            exec.released = released.unwrap_or_default();
            exec.running = script.exit_code.is_none();
            exec.exit_code = script.exit_code;
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "Upgrade")
            .header("upgrade", "tcp")
            .body(Either::Left(Full::default()))
            .unwrap()
    }
}

fn json_answer(status: u16, value: &Value) -> Answer {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Either::Left(Full::new(Bytes::from(value.to_string()))))
        .unwrap()
}
