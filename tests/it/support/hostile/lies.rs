//! What an engine can say instead of the truth.

use serde_json::{Value, json};

use super::NASTY;
use crate::support::docker::{IMAGE_ID, id_of};
use crate::support::witness::Lie;

/// What an honest engine says of a target.
pub(crate) fn inspected(name: &str) -> Value {
    json!({
        "Id": id_of(name), "Name": format!("/{name}"), "Image": IMAGE_ID,
        "State": { "Status": "running", "Running": true },
        "Config": {
            "Image": "example/image:1", "Env": [], "Labels": { "dumpcar.enable": "true", "dumpcar.command": "dump-it" },
        },
    })
}

/// The same with another value at a place.
pub(crate) fn with(name: &str, place: &str, value: impl Into<Value>) -> Value {
    let mut said = inspected(name);
    *said.pointer_mut(place).unwrap() = value.into();
    said
}

pub(crate) fn without(name: &str, field: &str) -> Value {
    let mut said = inspected(name);
    said.as_object_mut().unwrap().remove(field);
    said
}

/// Answers that never end, or are more than anybody wants to have. Each is a lie about anything.
pub(crate) fn floods() -> Vec<(&'static str, Lie)> {
    let head = Lie::head;
    let long = "x".repeat(1_000_000);
    let large = format!("{}{}", " ".repeat(100_000_000), inspected("shop"));
    vec![
        ("endless white space", Lie::Endless(head(), b"  \n ".to_vec())),
        ("endless arrays", Lie::Endless(head(), b"[".to_vec())),
        ("endless objects", Lie::Endless(head(), b"{\"a\":".to_vec())),
        ("an endless text", Lie::Endless([head(), b"{\"Id\":\"".to_vec()].concat(), b"x".to_vec())),
        ("an endless list", Lie::Endless([head(), b"[".to_vec()].concat(), b"{\"Id\":\"x\"},".to_vec())),
        ("100 MB", Lie::answer(200, large)),
        ("an endless header", Lie::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), b"x".to_vec())),
        ("endless headers", Lie::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".to_vec())),
        ("a huge header", Lie::Says(format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n").into_bytes())),
        ("endless patience", Lie::Endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())),
        ("endless hints", Lie::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".to_vec())),
        ("an endless refusal", Lie::Endless(b"HTTP/1.1 500 No\r\n\r\n".to_vec(), b"no ".to_vec())),
        ("no HTTP", Lie::Endless(Vec::new(), b"SSH-2.0-x\r\n".to_vec())),
    ]
}

/// Answers that lead elsewhere, or nowhere.
pub(crate) fn diversions() -> Vec<(&'static str, Lie)> {
    let moved = |status: u16, to: &str| {
        let head = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        Lie::Says(head.into_bytes())
    };
    let refusal = |status: u16| Lie::answer(status, json!({ "message": NASTY }).to_string());
    vec![
        ("moved to another container", moved(301, &format!("/containers/{}/json", id_of("victim")))),
        ("moved for now", moved(307, "/containers/prune")),
        ("moved to another host", moved(308, "http://127.0.0.1:1/")),
        ("null", Lie::answer(200, "null")),
        ("a number", Lie::answer(200, "1")),
        ("a text", Lie::answer(200, json!(NASTY).to_string())),
        ("nothing", Lie::answer(200, "")),
        ("half of it", Lie::answer(200, "{\"Id\":\"")),
        ("not UTF-8", Lie::answer(200, b"{\"Id\":\"\xff\xfe\"}")),
        ("deep", Lie::answer(200, "[".repeat(200_000))),
        ("refused in strange words", refusal(500)),
        ("refused in strange words, for good", refusal(403)),
        ("no status", Lie::Says(b"HTTP/1.1 999 \x1b[31m\r\n\r\n".to_vec())),
        ("cut", Lie::Says(Vec::new())),
    ]
}

/// What is told, for a message.
pub(crate) fn excerpt(lie: &Lie) -> String {
    let (Lie::Says(bytes) | Lie::Endless(bytes, _)) = lie;
    let text = String::from_utf8_lossy(bytes).into_owned();
    text.rsplit("\r\n").next().unwrap().chars().take(60).collect()
}
