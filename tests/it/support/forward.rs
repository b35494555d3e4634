//! An HTTP proxy: it makes tunnels and passes plain requests on, whatever the host is called, to that port of this machine.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct ForwardProxy {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ForwardProxy {
    /// `refusal`: the status line that each connection is answered with instead.
    pub(crate) async fn start(refusal: Option<&'static str>) -> Self {
        Self::leading(refusal, None).await
    }

    /// One that leads to this port, whatever port is asked for.
    pub(crate) async fn to(port: u16) -> Self {
        Self::leading(None, Some(port)).await
    }

    async fn leading(refusal: Option<&'static str>, to: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move { pass_on(stream, &seen, refusal, to).await });
            }
        });
        Self { port, heads }
    }

    /// The first request of each connection.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn pass_on(
    mut client: TcpStream,
    seen: &Mutex<Vec<String>>,
    refusal: Option<&str>,
    to: Option<u16>,
) -> Option<()> {
    let fixed = to;
    let mut read = Vec::new();
    let end = loop {
        if client.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    seen.lock().unwrap().push(head.clone());
    if let Some(status) = refusal {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return client.write_all(answer.as_bytes()).await.ok();
    }
    let mut words = head.split(' ');
    let (method, to) = (words.next()?, words.next()?);
    let authority = to.strip_prefix("http://").unwrap_or(to).split('/').next()?;
    let port = fixed.or_else(|| authority.rsplit(':').next()?.parse().ok())?;
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
        server.write_all(&read[end..]).await.ok()?;
    } else {
        server.write_all(&read).await.ok()?;
    }
    copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}
