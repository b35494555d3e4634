//! Pings: a service that hears none raises the alarm, so silence is noticed as well.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::digest;

use super::board::Board;
use super::event::{Change, End, Event, Run};
use super::outgoing::{Answer, Network, Outbox, Queue, Refusal, Request};
use super::sink::Sink;
use crate::config::{PingStyle, PingUrl};
use crate::model::job::Job;
use crate::model::run::RunId;
use crate::model::target::TargetName;
use crate::outcome::{Outcome, Verdict};
use crate::text::{bytes, escaped_lines};
use crate::told;

/// Less than any service keeps of a body, in bytes. One that keeps less says so (`Ping-Body-Limit`).
const BODY_LIMIT: usize = 10_000;

/// What the push monitor of Uptime Kuma shows in a line, in characters.
const SHORT: usize = 200;

/// The sink. Clones are the same.
#[derive(Clone)]
pub struct Pings(Arc<Inner>);

struct Inner {
    network: Network,
    outbox: Outbox,
    board: Board,
    /// For all targets together.
    all: Option<PingUrl>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those of targets that have one of their own.
    urls: BTreeMap<TargetName, PingUrl>,
    queues: Vec<(PingUrl, Queue<Ping>)>,
    /// The run that targets are backed up in.
    wave: Option<Wave>,
    /// Something has ended that the ping for all targets tells.
    is_due: bool,
}

/// The targets that run together.
struct Wave {
    id: String,
    since: Timestamp,
}

/// What a service is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ping {
    signal: Signal,
    /// The run's id, which pairs a start with its end.
    rid: Option<String>,
    /// What is said of it.
    body: String,
    /// How long the run has taken, once it has ended.
    elapsed: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Start,
    Success,
    Fail,
}

impl fmt::Debug for Pings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pings").finish_non_exhaustive()
    }
}

impl Pings {
    /// `all` is pinged for all targets together. `board` gets each event before.
    pub fn new(all: Option<PingUrl>, board: &Board, network: &Network, outbox: &Outbox) -> Self {
        let (network, outbox, board) = (network.clone(), outbox.clone(), board.clone());
        Self(Arc::new(Inner { network, outbox, board, all, state: Mutex::default() }))
    }
}

impl Sink for Pings {
    fn take(&self, event: &Event, at: Timestamp) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (url, ping) in state.take(event, at, self.0.all.as_ref(), &self.0.board) {
            self.0.put(&mut state, url, ping);
        }
    }
}

impl Inner {
    fn put(&self, state: &mut State, url: PingUrl, ping: Ping) {
        if let Some((_, queue)) = state.queues.iter().find(|(other, _)| *other == url) {
            return queue.put(ping);
        }
        let (to, network) = (Arc::new(url.clone()), self.network.clone());
        let limit = Arc::new(AtomicUsize::new(BODY_LIMIT));
        let queue = self.outbox.queue(&format!("ping {}", url.host()), move |ping: &Ping| {
            let (to, network, limit) = (Arc::clone(&to), network.clone(), Arc::clone(&limit));
            let ping = ping.clone();
            async move { send(&ping, &to, &network, &limit).await }
        });
        queue.put(ping);
        state.queues.push((url, queue));
    }
}

impl State {
    /// What is pinged because of an event.
    fn take(
        &mut self,
        event: &Event,
        at: Timestamp,
        all: Option<&PingUrl>,
        board: &Board,
    ) -> Vec<(PingUrl, Ping)> {
        match event {
            Event::Target { target, change: Change::Pinged(Some(url)) } => {
                self.urls.insert(target.clone(), url.clone());
                self.let_go(all);
                Vec::new()
            }
            Event::Target {
                target,
                change: Change::Pinged(None) | Change::Renamed { .. } | Change::Forgotten { .. },
            } => {
                self.urls.remove(target);
                self.let_go(all);
                Vec::new()
            }
            Event::Started(run) if run.job == Job::Backup => self.started(run, at, all),
            Event::Ended { run, end } if run.job == Job::Backup => {
                let elapsed = Duration::try_from(at.duration_since(run.started)).ok();
                self.ended(run.target.as_ref(), Some(&run.id), end, elapsed)
            }
            Event::Skipped { job: Job::Backup, target, end } => self.ended(Some(target), None, end, None),
            Event::ByHand(message) => self.by_hand(message),
            Event::AllEnded(_) => {
                self.is_due = true;
                Vec::new()
            }
            Event::Alive if std::mem::take(&mut self.is_due) => {
                let ping = self.of_all(at, board);
                all.map(|url| (url.clone(), ping)).into_iter().collect()
            }
            Event::Alive
            | Event::Target { .. }
            | Event::Planned { .. }
            | Event::Next { .. }
            | Event::Started(_)
            | Event::Ended { .. }
            | Event::Skipped { .. }
            | Event::Problem { .. }
            | Event::Daemon(_) => Vec::new(),
        }
    }

    /// Queues that nothing will be put into any more end once they are empty.
    fn let_go(&mut self, all: Option<&PingUrl>) {
        let Self { urls, queues, .. } = self;
        queues.retain(|(url, _)| Some(url) == all || urls.values().any(|other| other == url));
    }

    fn started(&mut self, run: &Run, at: Timestamp, all: Option<&PingUrl>) -> Vec<(PingUrl, Ping)> {
        let rid = uuid(&run.id);
        let start =
            || Ping { signal: Signal::Start, rid: Some(rid.clone()), body: String::new(), elapsed: None };
        let own = run.target.as_ref().and_then(|target| self.urls.get(target));
        let mut pings: Vec<_> = own.map(|url| (url.clone(), start())).into_iter().collect();
        if self.wave.is_none() {
            self.wave = Some(Wave { id: rid.clone(), since: at });
            pings.extend(all.map(|url| (url.clone(), start())));
        }
        pings
    }

    fn ended(
        &self,
        target: Option<&TargetName>,
        run: Option<&RunId>,
        end: &End,
        elapsed: Option<Duration>,
    ) -> Vec<(PingUrl, Ping)> {
        let Some((target, url)) = target.and_then(|target| Some((target, self.urls.get(target)?))) else {
            return Vec::new();
        };
        let End::Backup(verdict) = end else { return Vec::new() };
        let outcome = Outcome { target: target.clone(), verdict: verdict.clone() };
        let body = match (verdict, outcome.problem()) {
            // Whoever makes the other one says how it ended; one that was stopped has no end.
            (Verdict::Busy { .. } | Verdict::Stopped, _) => return Vec::new(),
            (_, Some(problem)) => Err(problem),
            (Verdict::Done(summary), None) => Ok(format!("{} stored", bytes(summary.stored_bytes))),
            (Verdict::Skipped { .. } | Verdict::Failed { .. }, None) => return Vec::new(),
        };
        vec![(url.clone(), Ping { rid: run.map(uuid), elapsed, ..Ping::of(body) })]
    }

    /// A backup by hand counts like any other one.
    fn by_hand(&mut self, message: &told::Message) -> Vec<(PingUrl, Ping)> {
        let body = match (message.job, &message.status) {
            (Job::Backup, told::Status::Good(detail)) => Ok(detail.clone()),
            (Job::Backup, told::Status::Bad(problem)) => Err(problem.clone()),
            (_, _) => return Vec::new(),
        };
        self.is_due = true;
        let url = self.urls.get(&message.target);
        url.map(|url| (url.clone(), Ping::of(body))).into_iter().collect()
    }

    /// How all targets are: one that still fails is not made good by another one that does not.
    fn of_all(&mut self, at: Timestamp, board: &Board) -> Ping {
        let status = board.status();
        let of_targets = status.problems.iter().filter(|(about, _)| !about.starts_with('('));
        let problems: Vec<String> =
            of_targets.map(|(about, problem)| format!("{about}: {problem}")).collect();
        let body = match problems.as_slice() {
            [] => Ok("all targets are good".to_owned()),
            problems => Err(problems.join("\n")),
        };
        let wave = self.wave.take();
        let elapsed = wave.as_ref().and_then(|wave| Duration::try_from(at.duration_since(wave.since)).ok());
        Ping { rid: wave.map(|wave| wave.id), elapsed, ..Ping::of(body) }
    }
}

impl Ping {
    fn of(body: Result<String, String>) -> Self {
        let signal = if body.is_ok() { Signal::Success } else { Signal::Fail };
        let body = match body {
            Ok(body) | Err(body) => escaped_lines(&body).into_owned(),
        };
        Self { signal, rid: None, body, elapsed: None }
    }

    /// `None`: the service knows no such ping.
    fn request(&self, url: &PingUrl, limit: usize) -> Option<Request> {
        match url.style() {
            PingStyle::Healthchecks => Some(self.healthchecks(url, limit)),
            PingStyle::UptimeKuma => self.uptime_kuma(url),
        }
    }

    /// <https://healthchecks.io/docs/http_api/>
    fn healthchecks(&self, url: &PingUrl, limit: usize) -> Request {
        let (base, query) = match url.url().expose().split_once('?') {
            Some((base, query)) => (base.trim_end_matches('/'), Some(query.to_owned())),
            None => (url.url().expose(), None),
        };
        let action = match self.signal {
            Signal::Start => "/start",
            Signal::Success => "",
            Signal::Fail => "/fail",
        };
        let rid = self.rid.as_ref().map(|rid| format!("rid={rid}"));
        let query: Vec<String> = query.into_iter().chain(rid).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let body = tail(&self.body, limit).to_owned();
        Request::post(format!("{base}{action}{query}"), "text/plain; charset=utf-8", body)
    }

    /// <https://github.com/louislam/uptime-kuma/blob/master/server/routers/api-router.js>
    fn uptime_kuma(&self, url: &PingUrl) -> Option<Request> {
        let status = match self.signal {
            Signal::Start => return None,
            Signal::Success => "up",
            Signal::Fail => "down",
        };
        let short: String = self.body.chars().take(SHORT).collect();
        let words = utf8_percent_encode(&short, NON_ALPHANUMERIC);
        let millis = self.elapsed.map(|elapsed| elapsed.as_millis().to_string()).unwrap_or_default();
        Some(Request::get(format!("{}?status={status}&msg={words}&ping={millis}", url.url().expose())))
    }
}

async fn send(ping: &Ping, url: &PingUrl, network: &Network, limit: &AtomicUsize) -> Result<Answer, Refusal> {
    let Some(request) = ping.request(url, limit.load(Ordering::Relaxed)) else {
        return Ok(Answer::default());
    };
    match network.send(&request).await {
        Ok(answer) => {
            if let Some(said) = answer.body_limit {
                limit.store(said, Ordering::Relaxed);
            }
            Ok(answer)
        }
        Err(refusal) => Err(Refusal { reason: explained(&refusal), ..refusal }),
    }
}

/// What an answer to a ping means.
fn explained(refusal: &Refusal) -> String {
    let hint = match refusal.status {
        Some(404) => ": the service does not know this URL; copy it again, or make the check anew",
        Some(409) => ": several checks have this slug; use the URL with the UUID",
        _ => "",
    };
    format!("{}{hint}", refusal.reason)
}

/// The end of a text: a tool's last words say why it failed.
fn tail(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.split_at(start).1
}

/// A run's id in the form of a UUID, which is all that services take: version 8 of RFC 9562, of a hash of it.
fn uuid(run: &RunId) -> String {
    let hash = digest::digest(&digest::SHA256, run.as_str().as_bytes());
    let mut id = [0; 16];
    id.iter_mut().zip(hash.as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut id;
    *version = *version & 0x0f | 0x80;
    *variant = *variant & 0x3f | 0x80;
    let digits = hex::encode(id);
    let mut parts = Vec::new();
    let mut rest = digits.as_str();
    for length in [8, 4, 4, 4] {
        let (part, more) = rest.split_at(length);
        parts.push(part);
        rest = more;
    }
    parts.push(rest);
    parts.join("-")
}

#[cfg(test)]
mod tests;
