//! A line to the store that can be held up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct State {
    /// Requests that write wait for as long as this is set.
    holds: AtomicBool,
    held: AtomicUsize,
}

/// Passes TCP connections on to a port of this machine. Lives until the process ends.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (answers, back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let state = Arc::clone(&shared);
                thread::spawn(move || pass(client, server, Some(&state)));
                thread::spawn(move || pass(answers, back, None));
            }
        });
        Self { port: own_port, state }
    }

    /// From now on no request that writes gets through.
    pub(crate) fn hold_writes(&self) {
        self.state.holds.store(true, Ordering::SeqCst);
    }

    pub(crate) fn let_go(&self) {
        self.state.holds.store(false, Ordering::SeqCst);
    }

    /// How many connections wait.
    pub(crate) fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: Option<&State>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let piece = &buffer[..length];
        if let Some(state) = state
            && (piece.starts_with(b"PUT ") || piece.starts_with(b"POST "))
            && state.holds.load(Ordering::SeqCst)
        {
            state.held.fetch_add(1, Ordering::SeqCst);
            while state.holds.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            state.held.fetch_sub(1, Ordering::SeqCst);
        }
        if to.write_all(piece).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Read));
    drop(to.shutdown(Shutdown::Write));
}
