//! How a request gets to Docker, and at most how much comes back.
//!
//! A connection for each request: a command's stream needs one of its own anyway, the others are few, and what a connection
//! may bring is then what one answer may have.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bollard::BollardRequest;
use bollard::errors::Error as BollardError;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::error::DockerError;
use super::guard::form_of;
use super::tls::Tls;

/// An answer instead of a stream has at most so many bytes.
const REFUSAL_LIMIT: u64 = 1024 * 1024;

/// Where Docker listens.
#[derive(Debug, Clone)]
pub(super) enum Transport {
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
    Tls(String, Tls),
}

/// A request that no form allows: a bug, and what was behind it is worth a look.
#[derive(Debug, thiserror::Error)]
#[error("Dumpcar does not send {method} {path}: that is none of its requests")]
pub(super) struct Foreign {
    method: String,
    path: String,
}

/// An answer beyond its limit.
#[derive(Debug, thiserror::Error)]
#[error("the answer has more than {0} bytes")]
pub(super) struct TooLong(u64);

impl Transport {
    /// `unix:///path`, or anything else with a host and a port; the latter with TLS if there are `certificates`.
    pub(super) fn new(host: &str, certificates: Option<&Path>) -> Result<Self, DockerError> {
        if let Some(path) = host.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        let authority =
            host.split_once("://").map_or(host, |(_, rest)| rest).trim_end_matches('/').to_owned();
        Ok(match certificates {
            None => Self::Tcp(authority),
            Some(folder) => {
                let tls = Tls::read(&authority, folder)?;
                Self::Tls(authority, tls)
            }
        })
    }

    /// Sends a request of a known form and waits for the answer's head.
    pub(super) async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, BollardError> {
        let (mut head, body) = request.into_parts();
        let form = form_of(head.method.as_str(), head.uri.path(), head.uri.query()).ok_or_else(|| {
            let path: String = head.uri.path().chars().take(200).collect();
            io::Error::other(Foreign { method: head.method.to_string(), path })
        })?;
        // In a request to a server, the server is no part of the address.
        if let Some(path) = head.uri.path_and_query().cloned() {
            head.uri = Uri::from(path);
        }
        let limit = Arc::new(AtomicU64::new(form.limit.unwrap_or(REFUSAL_LIMIT)));
        let (host, stream) = self.connect(Arc::clone(&limit)).await?;
        head.headers.insert(HOST, host);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, or with whoever reads that.
        let connection = tokio::spawn(connection.with_upgrades());
        let response = match sender.send_request(Request::from_parts(head, body)).await {
            Ok(response) => response,
            Err(error) => {
                drop(sender);
                // A server that refuses the client's certificate says so when TLS has begun, and the request is merely not sent.
                return match connection.await {
                    Ok(Err(cause)) if error.is_canceled() || error.is_closed() => Err(cause.into()),
                    Ok(_) | Err(_) => Err(error.into()),
                };
            }
        };
        if form.limit.is_none() && response.status() == StatusCode::SWITCHING_PROTOCOLS {
            limit.store(u64::MAX, Ordering::Relaxed);
        }
        Ok(response)
    }

    /// Asks for something of which the whole answer is wanted.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes, BollardError> {
        Ok(self.begun(path).await?.into_body().collect().await?.to_bytes())
    }

    /// Asks for something of which only the beginning of the answer is wanted.
    pub(super) async fn begin(&self, path: &str) -> Result<(), BollardError> {
        self.begun(path).await.map(drop)
    }

    /// The answer whose beginning is no refusal.
    async fn begun(&self, path: &str) -> Result<Response<Incoming>, BollardError> {
        let body = http_body_util::Either::Left(Full::default());
        let response = self.send(Request::get(path).body(body)?).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let answer = response.into_body().collect().await?.to_bytes();
        let message = match serde_json::from_slice::<Refusal>(&answer) {
            Ok(Refusal { message }) => message,
            Err(_) => String::from_utf8_lossy(&answer).into_owned(),
        };
        Err(BollardError::DockerResponseServerError { status_code: status.as_u16(), message })
    }

    async fn connect(&self, limit: Arc<AtomicU64>) -> io::Result<(HeaderValue, Bounded)> {
        let (host, stream): (_, Pin<Box<dyn Stream>>) = match self {
            Self::Unix(path) => ("localhost", Box::pin(UnixStream::connect(path).await?)),
            Self::Tcp(authority) => (authority, Box::pin(TcpStream::connect(authority.as_str()).await?)),
            Self::Tls(authority, tls) => {
                let stream = TcpStream::connect(authority.as_str()).await?;
                (authority, Box::pin(tls.connect(stream).await?))
            }
        };
        let host = HeaderValue::from_str(host).map_err(io::Error::other)?;
        Ok((host, Bounded { stream, limit, read: 0 }))
    }
}

/// What Docker says when it does not do something.
#[derive(serde::Deserialize)]
struct Refusal {
    message: String,
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A connection that breaks when it brings more than it may.
struct Bounded {
    stream: Pin<Box<dyn Stream>>,
    /// Lifted where a stream begins.
    limit: Arc<AtomicU64>,
    read: u64,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = self.stream.as_mut().poll_read(cx, buffer);
        self.read += (buffer.filled().len() - before) as u64;
        let limit = self.limit.load(Ordering::Relaxed);
        if self.read > limit { Poll::Ready(Err(io::Error::other(TooLong(limit)))) } else { polled }
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
