//! The probes and the metrics over HTTP, asked as clients ask, well-behaved and otherwise.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::support::docker::{Call, Fault, Script};
use super::support::peak::Peak;
use super::support::world::{Daemon, World, until};

mod page;

const DUMP: &[u8] = b"-- a dump\n";

/// A port that nothing listens at.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn world(address: SocketAddr) -> World {
    let world = World::new(|_| Script::ends(DUMP, 0)).await.custom("shop");
    world.set("DUMPCAR_LISTEN", &address.to_string()).set("DUMPCAR_SCHEDULE", "off")
}

/// Sends these bytes, and returns all that comes back; empty when the connection was closed without an answer.
fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    // The other side may have closed it by now: then there is an answer, or none.
    drop(stream.write_all(request.as_bytes()));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    send(address, &format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n{headers}\r\n"))
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// How many files and connections a process has open.
fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

async fn is_ready(address: SocketAddr) {
    until("it is ready", || {
        TcpStream::connect(address).is_ok() && status(&get(address, "/readyz", "")) == 200
    })
    .await;
}

async fn ready(world: &World, address: SocketAddr) -> Daemon {
    let daemon = world.daemon();
    is_ready(address).await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scraper_and_a_probe_see_a_backup() {
    let address = free_address();
    let world = world(address).await;
    let daemon = ready(&world, address).await;
    assert_eq!(status(&get(address, "/healthz", "")), 200);
    daemon.tell("USR1");
    daemon.logs("backup committed", 1).await;
    let text = get(address, "/metrics", "");
    assert!(text.contains("text/plain; version=0.0.4"), "{text}");
    let succeeded = "dumpcar_runs_total{target=\"shop\",action=\"backup\",outcome=\"success\"} 1";
    assert!(text.contains(succeeded), "{text}");
    let open = get(address, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    assert!(open.contains("application/openmetrics-text; version=1.0.0"), "{open}");
    assert!(open.trim_end().ends_with("# EOF"), "{open}");
    let head = send(address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n") && status(&head) == 200, "{head}");
    for line in ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff", "no-store"]
    {
        assert!(text.contains(line), "{line} of {text}");
    }
    // A new process knows of it from the bucket.
    daemon.stop().await;
    let daemon = ready(&world, address).await;
    let text = get(address, "/metrics", "");
    for metric in
        ["dumpcar_last_success_timestamp_seconds", "dumpcar_last_backup_plain_bytes", "dumpcar_backups"]
    {
        let line = text.lines().find(|line| line.starts_with(&format!("{metric}{{target=\"shop\"}}")));
        let value = line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{metric} of {text}");
    }
    daemon.stop().await;
}

/// A server or a network that is on the way down shows before a backup fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_scraper_sees_how_often_a_backup_was_tried_again() {
    let address = free_address();
    let world = world(address).await.set("DUMPCAR_RETRIES", "1");
    world.docker.faults(|call, count| {
        (call == Call::StartExec && count == 1).then_some(Fault::Refuse(409, "is not running"))
    });
    let daemon = ready(&world, address).await;
    let metrics = || get(address, "/metrics", "");
    let counted = |times: u32| format!("\ndumpcar_retries_total{{target=\"shop\"}} {times}\n");
    assert!(metrics().contains(&counted(0)), "{}", metrics());
    daemon.tell("USR1");
    daemon.logs("backup committed", 1).await;
    until("it is counted", || metrics().contains(&counted(1))).await;
    daemon.stop().await;
}

/// A probe learns that something is wrong, and not what: that has names.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_hears_of_a_failure() {
    let address = free_address();
    let world = World::new(|_| Script::ends(b"", 1)).await.custom("shop");
    let world = world.set("DUMPCAR_LISTEN", &address.to_string()).set("DUMPCAR_RETRIES", "0");
    let daemon = ready(&world, address).await;
    daemon.tell("USR1");
    until("it is unhealthy", || status(&get(address, "/healthz", "")) == 503).await;
    let answer = get(address, "/healthz", "");
    assert!(answer.contains("unhealthy: 1 problem") && !answer.contains("shop"), "{answer}");
    assert!(get(address, "/metrics", "").contains("dumpcar_target_healthy{target=\"shop\"} 0"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for_but_by_probes() {
    let address = free_address();
    let world = world(address).await.set("DUMPCAR_LISTEN_AUTH", "ops:a-long-password");
    let daemon = ready(&world, address).await;
    let refused = get(address, "/metrics", "");
    assert_eq!(status(&refused), 401);
    assert!(refused.contains("www-authenticate: Basic realm=\"Dumpcar\""), "{refused}");
    // ops:wrong and ops:a-long-password
    assert_eq!(status(&get(address, "/metrics", "Authorization: Basic b3BzOndyb25n\r\n")), 401);
    let right = "Authorization: Basic b3BzOmEtbG9uZy1wYXNzd29yZA==\r\n";
    assert_eq!(status(&get(address, "/metrics", right)), 200);
    assert_eq!(status(&get(address, "/healthz", "")), 200);
    let ended = daemon.stop().await;
    assert!(!ended.stderr.contains("a-long-password"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_for_a_page_is_refused() {
    let address = free_address();
    let world = world(address).await;
    let daemon = ready(&world, address).await;
    let long = "x".repeat(100_000);
    for (request, wanted) in [
        ("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 404),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 404),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_owned(), 405),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        ("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_owned(), 413),
        ("GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), 413),
        ("\x16\x03\x01\x02\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), 431),
    ] {
        let answer = send(address, &request);
        let start: String = request.chars().take(60).collect();
        assert_eq!(status(&answer), wanted, "{start:?}: {answer}");
        assert!(!answer.contains("xxxx"), "nothing of a request is sent back: {answer}");
    }
    // One request for each connection.
    let twice = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2);
    assert_eq!(send(address, &twice).matches("HTTP/1.1 200").count(), 1);
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = world(taken.local_addr().unwrap()).await;
    let ended = world.run(&[]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert_eq!(ended.logged("cannot serve there: set DUMPCAR_LISTEN to another port, or remove it").len(), 1);
}

/// Ten thousand connections, each with half a request: a backup is made, a scraper is served, and the memory stays.
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_take_no_memory_and_stop_nothing() {
    const CLIENTS: usize = 10_000;
    let address = free_address();
    let world = world(address).await;
    let daemon = ready(&world, address).await;
    daemon.tell("USR1");
    daemon.logs("backup committed", 1).await;
    get(address, "/metrics", "");
    let peak = Peak::of(daemon.pid());
    until("its memory is known", || peak.so_far() > 0).await;
    let before = peak.so_far();

    let files = open_files(daemon.pid());
    let is_over = Arc::new(AtomicBool::new(false));
    let counter = std::thread::spawn({
        let (is_over, pid) = (Arc::clone(&is_over), daemon.pid());
        move || {
            let mut most = 0;
            while !is_over.load(Ordering::Relaxed) {
                most = most.max(open_files(pid));
                std::thread::sleep(Duration::from_millis(2));
            }
            most
        }
    });
    let flood = std::thread::spawn(move || {
        let mut open = std::collections::VecDeque::new();
        for number in 0..CLIENTS {
            // As many as this process may have open.
            if open.len() >= 500 {
                open.pop_front();
            }
            let Ok(mut stream) = TcpStream::connect(address) else { continue };
            drop(stream.write_all(format!("GET /metrics HTTP/1.1\r\nX-{number}: ").as_bytes()));
            open.push_back(stream);
        }
        open
    });
    daemon.tell("USR1");
    daemon.logs("backup committed", 2).await;
    let open = flood.join().unwrap();
    is_over.store(true, Ordering::Relaxed);
    // Clients hold 500; the backup has connections of its own.
    let most = counter.join().unwrap();
    assert!(most < files + 48, "{files} open files before, and {most} at most");
    let asked = Instant::now();
    until("a scraper is served", || status(&get(address, "/metrics", "")) == 200).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let grown = peak.so_far() - before;
    assert!(grown < 16 * 1024, "{grown} KiB more");
    drop(open);
    let ended = daemon.stop().await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}
