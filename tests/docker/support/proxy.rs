//! A line to the store or to Docker that can be held up and cut.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// One end of a connection, of either kind.
enum Line {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Line {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(line) => Self::Tcp(line.try_clone()?),
            Self::Unix(line) => Self::Unix(line.try_clone()?),
        })
    }

    fn shutdown(&self, how: Shutdown) {
        // One that the other side has closed is shut down already.
        drop(match self {
            Self::Tcp(line) => line.shutdown(how),
            Self::Unix(line) => line.shutdown(how),
        });
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(line) => line.read(buffer),
            Self::Unix(line) => line.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(line) => line.write_all(bytes),
            Self::Unix(line) => line.write_all(bytes),
        }
    }
}

#[derive(Default)]
struct State {
    /// Requests that write wait for as long as this is set.
    holds: AtomicBool,
    held: AtomicUsize,
    /// What has gone towards the server since the last [`Proxy::hold_after`].
    sent: AtomicU64,
    /// From this many bytes on, everything towards the server waits like requests that write.
    limit: AtomicU64,
    /// Both ends of every connection.
    open: Mutex<Vec<Line>>,
}

/// Passes connections on. Accepts until the process ends.
pub(crate) struct Proxy {
    /// Of one in front of a port; else 0.
    pub(crate) port: u16,
    /// Of one in front of a Unix socket; goes with it.
    folder: Option<TempDir>,
    state: Arc<State>,
}

impl Proxy {
    /// In front of a port of this machine.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { limit: AtomicU64::new(u64::MAX), ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                join(Line::Tcp(client), Line::Tcp(server), &shared);
            }
        });
        Self { port: own_port, folder: None, state }
    }

    /// In front of a Unix socket.
    pub(crate) fn to_socket(path: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let state = Arc::new(State { limit: AtomicU64::new(u64::MAX), ..State::default() });
        let (shared, path) = (Arc::clone(&state), PathBuf::from(path));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&path) else { continue };
                join(Line::Unix(client), Line::Unix(server), &shared);
            }
        });
        Self { port: 0, folder: Some(folder), state }
    }

    /// What `DOCKER_HOST` has to be for one in front of a Unix socket.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.as_ref().unwrap().path().join("socket").display())
    }

    /// From now on no request that writes gets through, but that of a run's record.
    pub(crate) fn hold_writes(&self) {
        self.state.holds.store(true, Ordering::SeqCst);
    }

    /// Once this many more bytes have gone to the server, nothing that writes gets through, the rest of what is on its
    /// way included.
    pub(crate) fn hold_after(&self, bytes: u64) {
        self.state.sent.store(0, Ordering::SeqCst);
        self.state.limit.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn let_go(&self) {
        self.state.limit.store(u64::MAX, Ordering::SeqCst);
        self.state.holds.store(false, Ordering::SeqCst);
    }

    /// How many connections wait.
    pub(crate) fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }

    /// Breaks all connections off. Those that come after are passed on again.
    pub(crate) fn cut(&self) {
        for line in self.state.open.lock().unwrap().drain(..) {
            line.shutdown(Shutdown::Both);
        }
    }
}

/// Passes both directions on, until each has ended.
fn join(client: Line, server: Line, state: &Arc<State>) {
    let (Ok(answers), Ok(back)) = (server.try_clone(), client.try_clone()) else { return };
    let (Ok(one), Ok(other)) = (client.try_clone(), server.try_clone()) else { return };
    state.open.lock().unwrap().extend([one, other]);
    let state = Arc::clone(state);
    thread::spawn(move || pass(client, server, Some(&state)));
    thread::spawn(move || pass(answers, back, None));
}

fn pass(mut from: Line, mut to: Line, state: Option<&State>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let piece = &buffer[..length];
        if let Some(state) = state {
            state.hold_up(piece);
        }
        if to.write_all(piece).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Read);
    to.shutdown(Shutdown::Write);
}

impl State {
    fn hold_up(&self, piece: &[u8]) {
        let sent = self.sent.fetch_add(piece.len() as u64, Ordering::SeqCst) + piece.len() as u64;
        if sent >= self.limit.load(Ordering::SeqCst) {
            self.holds.store(true, Ordering::SeqCst);
        }
        // A run's record is written before there is a dump to hold up.
        let is_record = piece[..piece.len().min(200)].windows(10).any(|part| part == b"/.dumpcar/");
        let writes = !is_record && (piece.starts_with(b"PUT ") || piece.starts_with(b"POST "));
        // In the middle of a request, a piece begins with anything.
        let is_over = || sent >= self.limit.load(Ordering::SeqCst);
        if !self.holds.load(Ordering::SeqCst) || !(writes || is_over()) {
            return;
        }
        self.held.fetch_add(1, Ordering::SeqCst);
        while self.holds.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
}
