//! The calls that a backup makes, and their answers.

use std::io;

use futures_util::stream::pending;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::stream::perform;
use super::{Answer, Call, Engine, Exec, ExecRequest, Fault, id_of, json_answer};

impl Engine {
    pub(super) async fn serve(self, stream: tokio::net::UnixStream) {
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
            Some(Fault::DoneInSilence) => {
                drop(self.answer(call, &parts, &body, &mut request).await);
                std::future::pending::<()>().await;
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
                let state = self.state.lock().unwrap();
                let (id, host) = state.names;
                let swarm = json!({ "ControlAvailable": state.services.is_some() });
                json_answer(200, &json!({ "ID": id, "Name": host, "MemTotal": 64_u64 << 30, "Swarm": swarm }))
            }
            Call::Services => match &self.state.lock().unwrap().services {
                Some(services) => json_answer(200, &json!(services)),
                None => json_answer(503, &json!({ "message": "This node is not a swarm manager." })),
            },
            Call::Image | Call::Create | Call::Start | Call::Logs | Call::Remove | Call::Other => {
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
