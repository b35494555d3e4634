//! What an exec prints, and how much of it arrives and when.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::ExecRequest;

/// One step of what an exec does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A frame of standard output.
    Stdout(Vec<u8>),
    /// A frame of standard error.
    Stderr(Vec<u8>),
    /// Bytes as they are, framed or not.
    Raw(Vec<u8>),
    /// What the wrapper prints when the tool ends with this status, in one frame.
    Trailer(u8),
    /// What the wrapper prints in front of output that zstd has compressed.
    Opening,
    /// What it prints when the tool and zstd end with these statuses.
    Trailers(u8, u8),
    /// Standard output and the trailer for this status behind it, in two frames with this many bytes in the first one, and
    /// a frame of standard error between them.
    Torn(Vec<u8>, u8, usize),
    /// The wrapper's wait for its release. When standard input closes instead, the script ends: the tool was killed.
    AwaitRelease,
    /// Takes so many bytes of standard input.
    Read(usize),
    /// Waits until the client closes the connection.
    AwaitClose,
    /// Waits for a test to call [`super::FakeDocker::let_go`].
    AwaitTest,
    /// Nothing, for so long.
    Pause(Duration),
}

/// How the stream of an exec arrives. Positions are bytes of the stream, the frames' heads included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    AtOnce,
    /// In two writes.
    Split(usize),
    ByteByByte,
    /// The connection closes after so many bytes.
    Cut(usize),
    /// After so many bytes nothing comes any more, until the client closes the connection.
    Stalled(usize),
}

/// How an exec plays out.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    /// What exec inspect says after the end: `None` is `Running: true, ExitCode: null` for ever.
    pub(crate) exit_code: Option<i64>,
    pub(crate) delivery: Delivery,
}

impl Script {
    /// A tool that prints `output`, and the wrapper's protocol behind it.
    pub(crate) fn ends(output: &[u8], status: u8) -> Self {
        let steps = vec![Step::Stdout(output.to_vec()), Step::Trailer(status), Step::AwaitRelease];
        Self::plays(steps, Some(i64::from(status)))
    }

    pub(crate) fn plays(steps: Vec<Step>, exit_code: Option<i64>) -> Self {
        Self { steps, exit_code, delivery: Delivery::AtOnce }
    }

    pub(crate) fn delivered(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// The length of the stream, when the trailer has a marker like this one.
    pub(crate) fn len(&self, marker: &str) -> usize {
        let asked = ExecRequest::marked(marker);
        self.steps.iter().map(|step| bytes_of(step, &asked).len()).sum()
    }
}

fn bytes_of(step: &Step, asked: &ExecRequest) -> Vec<u8> {
    let trailer = |status: u8| format!("\n{} {status}\n", asked.marker()).into_bytes();
    match step {
        Step::Stdout(bytes) => frame(1, bytes),
        Step::Stderr(bytes) => frame(2, bytes),
        Step::Raw(bytes) => bytes.clone(),
        Step::Trailer(status) => frame(1, &trailer(*status)),
        Step::Opening => frame(1, format!("{} zstd\n", asked.marker()).as_bytes()),
        Step::Trailers(tool, zstd) => frame(1, format!("\n{} {tool} {zstd}\n", asked.marker()).as_bytes()),
        Step::Torn(bytes, status, first) => {
            let all = [bytes.clone(), trailer(*status)].concat();
            let (a, b) = all.split_at(*first);
            [frame(1, a), frame(2, b"half way\n"), frame(1, b)].concat()
        }
        Step::AwaitRelease | Step::Read(_) | Step::AwaitClose | Step::AwaitTest | Step::Pause(_) => {
            Vec::new()
        }
    }
}

/// Plays the steps; whether the wrapper was released.
pub(super) async fn perform(
    stream: impl AsyncRead + AsyncWrite,
    asked: &ExecRequest,
    script: &Script,
    gate: &tokio::sync::Semaphore,
) -> bool {
    let (mut input, output) = tokio::io::split(Box::pin(stream));
    let mut wire = Wire { output, sent: 0, delivery: script.delivery };
    let mut released = false;
    for step in &script.steps {
        match step {
            Step::AwaitRelease => {
                let mut line = [0; 1];
                released = matches!(input.read(&mut line).await, Ok(1));
                if !released {
                    return false;
                }
            }
            Step::Read(bytes) => {
                if input.read_exact(&mut vec![0; *bytes]).await.is_err() {
                    return false;
                }
            }
            Step::AwaitClose => wait_for_close(&mut input).await,
            Step::AwaitTest => gate.acquire().await.unwrap().forget(),
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Stdout(_)
            | Step::Stderr(_)
            | Step::Raw(_)
            | Step::Trailer(_)
            | Step::Opening
            | Step::Trailers(..)
            | Step::Torn(..) => {
                if wire.send(&bytes_of(step, asked)).await.is_err() {
                    return false;
                }
                if wire.delivery == Delivery::Stalled(wire.sent) {
                    wait_for_close(&mut input).await;
                    break;
                }
                if wire.delivery == Delivery::Cut(wire.sent) {
                    break;
                }
            }
        }
    }
    drop(wire.output.shutdown().await);
    released
}

async fn wait_for_close(input: &mut (impl AsyncRead + Unpin)) {
    drop(input.read_to_end(&mut Vec::new()).await);
}

/// The connection's way to the client.
struct Wire<W> {
    output: W,
    sent: usize,
    delivery: Delivery,
}

/// Long enough for a client in the same thread to take what was sent before.
const BREATH: Duration = Duration::from_millis(2);

impl<W: AsyncWrite + Unpin> Wire<W> {
    /// Sends the bytes, or as many of them as are to arrive.
    async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self.delivery {
            Delivery::ByteByByte => {
                for byte in bytes {
                    self.write(&[*byte]).await?;
                    tokio::time::sleep(BREATH).await;
                }
                Ok(())
            }
            Delivery::Split(at) if (self.sent..self.sent + bytes.len()).contains(&at) => {
                let (a, b) = bytes.split_at(at - self.sent);
                self.write(a).await?;
                tokio::time::sleep(BREATH).await;
                self.write(b).await
            }
            Delivery::Cut(at) | Delivery::Stalled(at) => {
                let room = at - self.sent;
                self.write(bytes.get(..room).unwrap_or(bytes)).await
            }
            Delivery::AtOnce | Delivery::Split(_) => self.write(bytes).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.output.write_all(bytes).await?;
        self.sent += bytes.len();
        self.output.flush().await
    }
}

/// A frame of the multiplexed stream: kind, three zeros, length, bytes.
pub(crate) fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::with_capacity(bytes.len() + bytes.len() / 1024 + 8);
    // As dockerd: never more than 32 KiB a frame.
    for chunk in bytes.chunks(32 * 1024) {
        frames.extend_from_slice(&[kind, 0, 0, 0]);
        frames.extend_from_slice(&u32::try_from(chunk.len()).unwrap().to_be_bytes());
        frames.extend_from_slice(chunk);
    }
    frames
}
