//! A Docker engine that plays a script, for what a real one cannot be made to show on demand.
//!
//! It speaks the API over a Unix socket, the hijacked exec stream included, so the program's own client is under test.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// One step of what an exec does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A frame of standard output.
    Stdout(Vec<u8>),
    /// A frame of standard error.
    Stderr(Vec<u8>),
    /// Bytes as they are, framed or not.
    Raw(Vec<u8>),
    /// What the wrapper prints when the tool ends with this status, in one frame.
    Trailer(u8),
    /// The wrapper's wait for its release. When standard input closes instead, the script ends: the tool was killed.
    AwaitRelease,
    /// Waits until the client closes the connection.
    AwaitClose,
    /// Waits for a test to call [`FakeDocker::let_go`].
    AwaitTest,
}

/// How an exec plays out.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    /// What exec inspect says after the end: `None` is `Running: true, ExitCode: null` for ever.
    pub(crate) exit_code: Option<i64>,
    /// The status of the answer to exec start; other than 200, nothing is played.
    pub(crate) start_status: u16,
}

impl Script {
    /// A tool that prints `output`, and the wrapper's protocol behind it.
    pub(crate) fn ends(output: &[u8], status: u8) -> Self {
        Self {
            steps: vec![Step::Stdout(output.to_vec()), Step::Trailer(status), Step::AwaitRelease],
            exit_code: Some(i64::from(status)),
            start_status: 200,
        }
    }

    pub(crate) fn plays(steps: Vec<Step>, exit_code: Option<i64>) -> Self {
        Self { steps, exit_code, start_status: 200 }
    }
}

/// An exec as the client asked for it.
#[derive(Debug, Clone)]
pub(crate) struct ExecRequest {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<String>,
}

impl ExecRequest {
    /// The snippet the wrapper runs.
    pub(crate) fn snippet(&self) -> &str {
        self.argv.get(5).map_or("", String::as_str)
    }

    fn marker(&self) -> &str {
        self.argv.get(4).map_or("", String::as_str)
    }
}

type Play = dyn Fn(&ExecRequest) -> Script + Send + Sync;

#[derive(Default)]
struct State {
    containers: BTreeMap<String, Value>,
    execs: HashMap<String, Exec>,
    /// Methods and paths in the order in which they came.
    requests: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Exec {
    pub(crate) request: ExecRequest,
    pub(crate) running: bool,
    pub(crate) exit_code: Option<i64>,
    /// The wrapper was released by a line, not by an end of file.
    pub(crate) released: bool,
}

/// The engine. Its socket goes with it.
pub(crate) struct FakeDocker {
    folder: tempfile::TempDir,
    state: Arc<Mutex<State>>,
    go: Arc<tokio::sync::Semaphore>,
}

impl FakeDocker {
    pub(crate) fn start(play: impl Fn(&ExecRequest) -> Script + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let go = Arc::new(tokio::sync::Semaphore::new(0));
        let play: Arc<Play> = Arc::new(play);
        let (shared, gate) = (Arc::clone(&state), Arc::clone(&go));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, play, gate) = (Arc::clone(&shared), Arc::clone(&play), Arc::clone(&gate));
                let service = service_fn(move |request| {
                    answer(Arc::clone(&state), Arc::clone(&play), Arc::clone(&gate), request)
                });
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    drop(connection.with_upgrades().await);
                });
            }
        });
        Self { folder, state, go }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Adds or replaces a running container.
    pub(crate) fn container(&self, name: &str, labels: Value, env: &[&str]) {
        self.container_in_state(name, labels, env, json!({ "Status": "running", "Running": true }));
    }

    pub(crate) fn container_in_state(&self, name: &str, labels: Value, env: &[&str], state: Value) {
        let inspect = json!({
            "Id": format!("id-{name}"), "Name": format!("/{name}"), "Image": "sha256:1234", "State": state,
            "Config": { "Image": "example/image:1", "Labels": labels, "Env": env },
        });
        self.state.lock().unwrap().containers.insert(format!("id-{name}"), inspect);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.state.lock().unwrap().containers.remove(&format!("id-{name}"));
    }

    /// Lets one [`Step::AwaitTest`] go on.
    pub(crate) fn let_go(&self) {
        self.go.add_permits(1);
    }

    pub(crate) fn execs(&self) -> Vec<Exec> {
        let state = self.state.lock().unwrap();
        let mut execs: Vec<_> = state.execs.iter().collect();
        execs.sort_by_key(|(id, _)| (*id).clone());
        execs.into_iter().map(|(_, exec)| exec.clone()).collect()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn json_answer(status: u16, value: &Value) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(value.to_string())))
        .unwrap()
}

async fn answer(
    state: Arc<Mutex<State>>,
    play: Arc<Play>,
    gate: Arc<tokio::sync::Semaphore>,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let method = request.method().to_string();
    state.lock().unwrap().requests.push(format!("{method} {path}"));
    // With or without the version in front.
    let parts: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && !part.starts_with("v1.")).collect();
    let missing = || json_answer(404, &json!({ "message": "no such thing" }));
    Ok(match (method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => {
            json_answer(200, &json!({ "Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12" }))
        }
        ("GET", ["containers", "json"]) => {
            let state = state.lock().unwrap();
            let list: Vec<Value> = state
                .containers
                .values()
                .map(|one| json!({ "Id": one["Id"], "Names": [one["Name"]], "Labels": one["Config"]["Labels"] }))
                .collect();
            json_answer(200, &json!(list))
        }
        ("GET", ["containers", id, "json"]) => {
            let state = state.lock().unwrap();
            state.containers.get(*id).map_or_else(missing, |one| json_answer(200, one))
        }
        ("POST", ["containers", id, "exec"]) => {
            let body = request.body_mut().collect().await?.to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let texts = |name: &str| -> Vec<String> {
                body[name]
                    .as_array()
                    .map(|all| all.iter().map(|one| one.as_str().unwrap().to_owned()).collect())
                    .unwrap_or_default()
            };
            assert_eq!(body["AttachStdin"], true, "the dead man's switch is standard input");
            assert_ne!(body["Tty"], true, "a terminal would change the bytes");
            let asked = ExecRequest { argv: texts("Cmd"), env: texts("Env") };
            let mut state = state.lock().unwrap();
            if !state.containers.contains_key(*id) {
                return Ok(missing());
            }
            let exec_id = format!("exec-{:04}", state.execs.len());
            let exec = Exec { request: asked, running: false, exit_code: None, released: false };
            state.execs.insert(exec_id.clone(), exec);
            json_answer(201, &json!({ "Id": exec_id }))
        }
        ("POST", ["exec", id, "start"]) => {
            let Some(asked) = state.lock().unwrap().execs.get(*id).map(|exec| exec.request.clone()) else {
                return Ok(missing());
            };
            let script = play(&asked);
            if script.start_status != 200 {
                return Ok(json_answer(script.start_status, &json!({ "message": "told to refuse" })));
            }
            let id = (*id).to_owned();
            state.lock().unwrap().execs.get_mut(&id).unwrap().running = true;
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let stream = TokioIo::new(upgrade.await.unwrap());
                let released = perform(stream, &asked, &script.steps, &gate).await;
                let mut state = state.lock().unwrap();
                let exec = state.execs.get_mut(&id).unwrap();
                exec.released = released;
                exec.running = script.exit_code.is_none();
                exec.exit_code = script.exit_code;
            });
            Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header("connection", "Upgrade")
                .header("upgrade", "tcp")
                .body(Full::default())
                .unwrap()
        }
        ("GET", ["exec", id, "json"]) => {
            let state = state.lock().unwrap();
            state.execs.get(*id).map_or_else(missing, |exec| {
                json_answer(200, &json!({ "ID": id, "Running": exec.running, "ExitCode": exec.exit_code }))
            })
        }
        ("GET", ["events"]) => {
            // Nothing ever happens; the client waits.
            tokio::time::sleep(Duration::from_secs(3600)).await;
            json_answer(200, &json!({}))
        }
        _ => missing(),
    })
}

/// Plays the steps; whether the wrapper was released.
async fn perform<S: tokio::io::AsyncRead + tokio::io::AsyncWrite>(
    stream: S,
    asked: &ExecRequest,
    steps: &[Step],
    gate: &tokio::sync::Semaphore,
) -> bool {
    let (mut input, mut output) = tokio::io::split(Box::pin(stream));
    let mut released = false;
    for step in steps {
        let bytes = match step {
            Step::Stdout(bytes) => frame(1, bytes),
            Step::Stderr(bytes) => frame(2, bytes),
            Step::Raw(bytes) => bytes.clone(),
            Step::Trailer(status) => frame(1, format!("\n{} {status}\n", asked.marker()).as_bytes()),
            Step::AwaitRelease => {
                let mut line = [0; 1];
                released = matches!(input.read(&mut line).await, Ok(1));
                if !released {
                    return false;
                }
                continue;
            }
            Step::AwaitClose => {
                let mut rest = Vec::new();
                drop(input.read_to_end(&mut rest).await);
                continue;
            }
            Step::AwaitTest => {
                gate.acquire().await.unwrap().forget();
                continue;
            }
        };
        if output.write_all(&bytes).await.is_err() {
            return false;
        }
    }
    drop(output.shutdown().await);
    released
}

/// A frame of the multiplexed stream: kind, three zeros, length, bytes.
pub(crate) fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    // As dockerd: never more than 32 KiB a frame.
    bytes
        .chunks(32 * 1024)
        .flat_map(|chunk| {
            let mut frame = vec![kind, 0, 0, 0];
            frame.extend_from_slice(&u32::try_from(chunk.len()).unwrap().to_be_bytes());
            frame.extend_from_slice(chunk);
            frame
        })
        .collect()
}
