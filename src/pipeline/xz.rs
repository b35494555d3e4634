//! The xz encoder: blocks of a dump, each by itself, on threads that all dumps share.
//!
//! liblzma has threads too, for each stream its own: three dumps at once on two processors then run six, which take half
//! as much processor time again because they push each other out of the caches (`docs/performance.md`), and three times the memory.
//! Here there are never more threads than processors, and a dump that is alone has them all.

mod budget;
mod file;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::LazyLock;
use std::thread;

use bytes::Bytes;
use tokio::sync::oneshot;
use xz2::stream::{Action, Check, Filters, LzmaOptions, MtStreamBuilder, Status, Stream};

use super::threads::threads;
use budget::Budget;

/// Output room made before each call of the raw coders.
const ROOM: usize = 64 * 1024;

/// Memory that blocks on their way through the encoder may take together.
const MEMORY: u64 = 256 * 1024 * 1024;

/// The windows of level 1 and of no level; see [`options`].
const LEVEL_1_WINDOW: u32 = 512 * 1024;
const OWN_WINDOW: u32 = 1024 * 1024;

/// A block is at least as large: what is at its beginning has no window before it.
const MIN_BLOCK: usize = 3 * 1024 * 1024;

/// What blocks in the making may take of memory and processors, in bytes of memory.
static BUDGET: LazyLock<Budget> = LazyLock::new(|| Budget::new(MEMORY));

/// Compresses a dump.
pub(super) enum XzEncoder {
    /// On the shared threads.
    Blocks(Blocks),
    /// A level of which no two blocks fit into memory: all of the dump is one block, on the thread of whoever pushes.
    Whole(Stream),
}

impl XzEncoder {
    pub(super) fn new(level: Option<u8>) -> io::Result<Self> {
        Self::within(&BUDGET, level)
    }

    fn within(budget: &'static Budget, level: Option<u8>) -> io::Result<Self> {
        let cost = cost(level)?;
        Ok(if 2 * cost <= budget.total() {
            // A block takes a processor too.
            let cost = cost.max(budget.total() / u64::from(threads()));
            Self::Blocks(Blocks {
                level,
                budget,
                cost,
                ahead: usize::try_from(budget.total() / cost).unwrap_or(usize::MAX),
                block: block_size(level),
                gathered: Vec::new(),
                bytes: 0,
                running: VecDeque::new(),
                file: file::Writer::new(),
            })
        } else {
            Self::Whole(encoder(level)?)
        })
    }

    /// Takes a piece of the dump and appends what it compresses to, if anything yet, to `out`.
    pub(super) fn push(&mut self, piece: &Bytes, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Blocks(blocks) => blocks.push(piece.clone(), out),
            Self::Whole(stream) => step(stream, piece, Action::Run, out).map(drop),
        }
    }

    /// Ends the stream: everything was pushed, and it was everything.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Blocks(blocks) => blocks.finish(out),
            Self::Whole(stream) => finish(stream, out),
        }
    }
}

pub(super) struct Blocks {
    level: Option<u8>,
    budget: &'static Budget,
    /// What a block takes of it.
    cost: u64,
    /// How many blocks may be ahead of the first that is not finished.
    ahead: usize,
    block: usize,
    /// The block that is being filled.
    gathered: Vec<Bytes>,
    bytes: usize,
    /// In the order of the dump.
    running: VecDeque<Running>,
    file: file::Writer,
}

/// A block on a thread of its own, which ends early when nobody waits for it any more.
struct Running {
    plain: u64,
    stream: oneshot::Receiver<io::Result<Vec<u8>>>,
}

impl Blocks {
    fn push(&mut self, mut piece: Bytes, out: &mut Vec<u8>) -> io::Result<()> {
        while !piece.is_empty() {
            let now = piece.split_to(piece.len().min(self.block - self.bytes));
            self.bytes += now.len();
            self.gathered.push(now);
            if self.bytes == self.block {
                self.start(out)?;
            }
        }
        while let Some(first) = self.running.front_mut() {
            match first.stream.try_recv() {
                Ok(stream) => self.file.push(&stream?, first.plain, out)?,
                Err(oneshot::error::TryRecvError::Empty) => break,
                Err(oneshot::error::TryRecvError::Closed) => return Err(panicked()),
            }
            self.running.pop_front();
        }
        Ok(())
    }

    fn finish(mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.bytes > 0 {
            self.start(out)?;
        }
        while !self.running.is_empty() {
            self.wait(out)?;
        }
        self.file.finish(out)
    }

    /// Starts the block that is gathered, when it is its turn.
    fn start(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        while self.running.len() > self.ahead {
            self.wait(out)?;
        }
        let (level, pieces) = (self.level, mem::take(&mut self.gathered));
        let plain = mem::take(&mut self.bytes) as u64;
        let (done, stream) = oneshot::channel();
        let share = self.budget.take(self.cost);
        thread::Builder::new().name("xz".to_owned()).spawn(move || {
            #[cfg(not(feature = "bench"))]
            let made = compress(level, pieces, &done);
            #[cfg(feature = "bench")]
            let made = super::simulation::block(plain, || compress(level, pieces, &done));
            // First: whoever waits for the block may want to start the next one.
            drop(share);
            // Nobody waits for a block whose run was given up.
            drop(done.send(made));
        })?;
        self.running.push_back(Running { plain, stream });
        Ok(())
    }

    /// Waits for the first block.
    fn wait(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(Running { plain, stream }) = self.running.pop_front() {
            self.file.push(&stream.blocking_recv().map_err(|_| panicked())??, plain, out)?;
        }
        Ok(())
    }
}

fn panicked() -> io::Error {
    io::Error::other("a thread of the compressor panicked")
}

/// Makes one stream of the pieces, and lets go of each as soon as it is read.
fn compress(
    level: Option<u8>,
    pieces: Vec<Bytes>,
    done: &oneshot::Sender<io::Result<Vec<u8>>>,
) -> io::Result<Vec<u8>> {
    let (mut stream, mut out) = (encoder(level)?, Vec::new());
    for piece in pieces {
        if done.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        step(&mut stream, &piece, Action::Run, &mut out)?;
    }
    finish(stream, &mut out)?;
    Ok(out)
}

/// Bytes of a dump that are compressed by themselves: twice the window, as a compromise between what the beginning of a block
/// loses and how many fit into memory. `xz` takes three times.
fn block_size(level: Option<u8>) -> usize {
    // Of the presets, by `xz(1)`: 256 KiB, 1, 2, 4, 4, 8, 8, 16, 32, 64 MiB.
    let window = match level {
        None => OWN_WINDOW as usize,
        Some(0 | 1) => 1 << 19,
        Some(2) => 1 << 21,
        Some(3 | 4) => 1 << 22,
        Some(5 | 6) => 1 << 23,
        Some(7) => 1 << 24,
        Some(8) => 1 << 25,
        Some(_) => 1 << 26,
    };
    MIN_BLOCK.max(2 * window)
}

/// Memory that a block takes while it is compressed: the encoder, the block, and no more than that again for what it becomes.
fn cost(level: Option<u8>) -> io::Result<u64> {
    let block = block_size(level) as u64;
    let mut builder = MtStreamBuilder::new();
    builder.filters(filters(level)?).check(Check::Crc64).block_size(block).threads(1);
    // A thread of liblzma's has room for three blocks.
    Ok(builder.memusage().saturating_sub(block))
}

fn encoder(level: Option<u8>) -> io::Result<Stream> {
    Ok(Stream::new_stream_encoder(&filters(level)?, Check::Crc64)?)
}

fn filters(level: Option<u8>) -> io::Result<Filters> {
    let mut filters = Filters::new();
    filters.lzma2(&options(level)?);
    Ok(filters)
}

/// What a level of xz means for a dump. The presets are made for anything, programs too; a dump is text, in which a byte
/// depends on the one before and not on where it stands. At level 1, half as long a search in half the window finds almost as
/// much: what it searches then fits into a core's own cache better, and into less memory. No level is level 6 with an eighth
/// of its window and half of its search: two to three times as fast, in a third of the memory.
fn options(level: Option<u8>) -> io::Result<LzmaOptions> {
    let mut options = LzmaOptions::new_preset(level.unwrap_or(6).into())?;
    options.literal_context_bits(4).position_bits(0);
    match level {
        None => options.dict_size(OWN_WINDOW).nice_len(32).depth(16),
        Some(1) => options.dict_size(LEVEL_1_WINDOW).depth(4),
        Some(_) => &mut options,
    };
    Ok(options)
}

/// Runs the raw stream until it has taken all of `input`, or, when finishing, filled the room it was given.
fn step(stream: &mut Stream, mut input: &[u8], action: Action, out: &mut Vec<u8>) -> io::Result<Status> {
    loop {
        out.reserve(ROOM);
        let before = stream.total_in();
        let status = stream.process_vec(input, out, action)?;
        let taken = usize::try_from(stream.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(taken..).unwrap_or_default();
        if input.is_empty() || status == Status::StreamEnd {
            return Ok(status);
        }
    }
}

fn finish(mut stream: Stream, out: &mut Vec<u8>) -> io::Result<()> {
    while step(&mut stream, &[], Action::Finish, out)? != Status::StreamEnd {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    /// Digits that compress to about half.
    fn dump(bytes: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            b'0' + u8::try_from(state % 10).unwrap()
        };
        (0..bytes).map(|_| next()).collect()
    }

    fn compress(level: Option<u8>, dump: &[u8], piece: usize) -> Vec<u8> {
        let (mut encoder, mut out) = (XzEncoder::new(level).unwrap(), Vec::new());
        for piece in dump.chunks(piece) {
            encoder.push(&Bytes::copy_from_slice(piece), &mut out).unwrap();
        }
        encoder.finish(&mut out).unwrap();
        out
    }

    fn decompress(stored: &[u8]) -> Vec<u8> {
        let (mut decoder, mut plain) = (Stream::new_stream_decoder(u64::MAX, 0).unwrap(), Vec::new());
        assert_eq!(step(&mut decoder, stored, Action::Run, &mut plain).unwrap(), Status::StreamEnd);
        assert_eq!(decoder.total_in(), stored.len() as u64);
        plain
    }

    #[test]
    fn blocks_are_one_stream_wherever_the_dump_ends() {
        for bytes in [0, 1, MIN_BLOCK - 1, MIN_BLOCK, MIN_BLOCK + 1, 2 * MIN_BLOCK, 5 * MIN_BLOCK + 12_345] {
            let dump = dump(bytes);
            let stored = compress(Some(1), &dump, 100_000);
            assert!(decompress(&stored) == dump, "{bytes} bytes");
            assert!(stored == compress(Some(1), &dump, 7_654_321), "{bytes} bytes in other pieces");
        }
    }

    #[test]
    fn a_block_waits_for_its_turn() {
        let budget: &_ = Box::leak(Box::new(Budget::new(MEMORY)));
        let all = budget.take(MEMORY);
        let pushing = thread::spawn(|| {
            let mut encoder = XzEncoder::within(budget, Some(1)).unwrap();
            encoder.push(&dump(MIN_BLOCK).into(), &mut Vec::new()).unwrap();
        });
        let limit = Instant::now() + Duration::from_secs(60);
        while budget.waiting() == 0 {
            assert!(Instant::now() < limit && !pushing.is_finished(), "it did not wait");
            thread::yield_now();
        }
        drop(all);
        pushing.join().unwrap();
    }

    #[test]
    fn blocks_are_not_far_ahead_of_a_slow_one() {
        let budget: &_ = Box::leak(Box::new(Budget::new(MEMORY)));
        let XzEncoder::Blocks(mut blocks) = XzEncoder::within(budget, Some(1)).unwrap() else {
            panic!("level 1 runs on threads");
        };
        let ahead = blocks.ahead;
        let (slow, stream) = oneshot::channel();
        blocks.running.push_back(Running { plain: MIN_BLOCK as u64, stream });
        let pushed = Arc::new(AtomicUsize::new(0));
        let pushing = thread::spawn({
            let (pushed, block) = (Arc::clone(&pushed), Bytes::from(dump(MIN_BLOCK)));
            move || {
                for _ in 0..ahead + 3 {
                    blocks.push(block.clone(), &mut Vec::new())?;
                    pushed.fetch_add(1, Ordering::SeqCst);
                }
                Ok::<_, io::Error>(())
            }
        });
        let limit = Instant::now() + Duration::from_secs(60);
        while pushed.load(Ordering::SeqCst) < ahead {
            assert!(Instant::now() < limit && !pushing.is_finished(), "it waits too early");
            thread::yield_now();
        }
        // Time for the next one, which takes less.
        thread::sleep(Duration::from_secs(2));
        assert_eq!(pushed.load(Ordering::SeqCst), ahead);
        drop(slow);
        assert!(pushing.join().unwrap().is_err(), "the slow one never came");
    }

    #[test]
    fn two_blocks_of_each_level_up_to_6_fit_into_memory() {
        for level in (0..=6).map(Some).chain([None]) {
            assert!(2 * cost(level).unwrap() <= MEMORY, "level {level:?}: {} bytes", cost(level).unwrap());
        }
        // docs/limits.md and docs/performance.md say so.
        assert!(cost(Some(1)).unwrap() <= 11 << 20, "{:?}", cost(Some(1)));
        assert!(cost(None).unwrap() <= 19 << 20, "{:?}", cost(None));
    }

    #[test]
    fn every_level_is_read_back() {
        // Of level 6 a block has 16 MiB.
        let dump = dump(10_000).repeat(2000);
        for level in (0..=9).map(Some).chain([None]) {
            assert!(decompress(&compress(level, &dump, 1 << 18)) == dump, "level {level:?}");
        }
    }
}
