//! `DUMPCAR_LISTEN`: probes, metrics and the status page over HTTP. Everything is read from memory: no request of a client reaches
//! Docker or the store, and none changes anything.
//!
//! Whoever can connect may be hostile. A connection has one request, a few seconds for it, and a small buffer; there are few
//! connections, and a backup's thread never waits for one.

mod answer;
mod connections;
mod kept;
mod login;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use answer::Site;
use connections::Connections;

use crate::config::ListenSettings;
use crate::report::Reporter;
use crate::report::page::About;

/// For the request's line and its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// For all of a connection, with a client that reads slowly.
const LIFETIME: Duration = Duration::from_secs(30);

/// Bytes of a request's head. hyper takes no smaller buffer.
const BUFFER: usize = 8 * 1024;

/// Lines of a request's head.
const MOST_HEADERS: usize = 64;

/// After an accept that failed, for want of file descriptors say: that does not pass by asking again at once.
const PAUSE: Duration = Duration::from_secs(1);

/// A server that has its address.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    site: Site,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// It is taken, or not one of this host's.
    pub async fn bind(settings: &ListenSettings, about: About, reporter: Reporter) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.address).await?;
        Ok(Self { listener, site: Site::new(reporter, about, settings.login.clone()) })
    }

    /// The address it has.
    ///
    /// # Errors
    /// The operating system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is told to stop.
    pub async fn serve(self, stop: CancellationToken) {
        let connections = Connections::default();
        let site = Arc::new(self.site);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    // One for which there is no room is closed.
                    if let Some(place) = connections.take() {
                        let site = Arc::clone(&site);
                        tokio::spawn(async move {
                            let evicted = place.evicted();
                            tokio::select! {
                                () = evicted => {}
                                () = tokio::time::sleep(LIFETIME) => {}
                                () = connection(stream, &site) => {}
                            }
                        });
                    }
                }
                // The client is gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!(%error, "cannot accept a connection to DUMPCAR_LISTEN");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// One connection, with one request.
async fn connection(stream: TcpStream, site: &Site) {
    let service = service_fn(async |request| Ok::<_, Infallible>(site.answer(&request)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a connection to DUMPCAR_LISTEN ended early");
    }
}
