//! Somebody who gets messages by HTTP: keeps each request, and answers what the test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::world::until;

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: String,
    /// Path and query, not decoded.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status, further headers, body.
    Says(u16, Vec<(&'static str, String)>, String),
    /// The request is read, and nothing comes back.
    Hangs,
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Self::status(200, "ok")
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Says(status, Vec::new(), body.to_owned())
    }
}

/// Decides about a request; the number counts from 1.
type Decide = dyn Fn(&Got, usize) -> Reply + Send + Sync;

#[derive(Clone)]
pub(crate) struct FakeReceiver {
    pub(crate) port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl FakeReceiver {
    pub(crate) async fn start() -> Self {
        Self::answering(|_, _| Reply::ok()).await
    }

    pub(crate) async fn answering(decide: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (kept, decide): (_, Arc<Decide>) = (Arc::clone(&got), Arc::new(decide));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, decide) = (Arc::clone(&kept), Arc::clone(&decide));
                tokio::spawn(async move { serve(stream, &kept, &*decide).await });
            }
        });
        Self { port, got }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place())
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for so many requests.
    pub(crate) async fn gets(&self, count: usize) -> Vec<Got> {
        until(&format!("{count} requests to a receiver"), || self.got.lock().unwrap().len() >= count).await;
        self.got()
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Got>>, decide: &Decide) -> Option<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while read.len() < end + length {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(read[end..].to_vec()).unwrap();
    let got = Got { method, target, headers, body };
    let number = {
        let mut kept = kept.lock().unwrap();
        kept.push(got.clone());
        kept.len()
    };
    match decide(&got, number) {
        Reply::Hangs => tokio::time::sleep(Duration::from_secs(600)).await,
        Reply::Says(status, headers, body) => {
            let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let answer = format!(
                "HTTP/1.1 {status} Said\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
    Some(())
}
