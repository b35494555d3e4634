//! Reading what is compressed.

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::chunk::Pool;
use super::codec;
use super::meter::Meter;
use super::ports::{Input, next, send};
use crate::model::encoding::Step;

/// Decompresses what is stored, to its end. No more than `most` bytes come out: whether they were all.
pub(super) fn decode(
    step: Step,
    stored: &mut Stored<'_>,
    most: u64,
    mut take: impl FnMut(Bytes) -> io::Result<()>,
) -> io::Result<bool> {
    let pool = Pool::default();
    let mut decoder = codec::decoder(step, &mut *stored)?;
    let mut wanted = decoder.by_ref().take(most);
    loop {
        let mut memory = pool.take_filled();
        let filled = fill(&mut wanted, &mut memory)?;
        if filled == 0 {
            break;
        }
        let mut chunk = pool.share(memory);
        chunk.truncate(filled);
        take(chunk)?;
    }
    if decoder.read(&mut [0])? > 0 {
        return Ok(false);
    }
    drop(decoder);
    if !stored.fill_buf()?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes behind the end of the archive"));
    }
    Ok(true)
}

/// Reads until the buffer is full, or there is no more; returns how much that is.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room)? {
            0 => break,
            bytes => filled += bytes,
        }
    }
    Ok(filled)
}

/// The way into a decoder, metered.
pub(super) struct Stored<'a> {
    input: &'a mut mpsc::Receiver<Input>,
    /// Who else gets it, and first.
    other: Option<&'a mpsc::Sender<Bytes>>,
    /// What the decoder has not taken yet.
    chunk: Bytes,
    has_ended: bool,
    pub(super) meter: Meter,
}

impl<'a> Stored<'a> {
    pub(super) fn new(input: &'a mut mpsc::Receiver<Input>) -> Self {
        Self { input, other: None, chunk: Bytes::new(), has_ended: false, meter: Meter::new() }
    }

    pub(super) fn passed_on_to(self, other: &'a mpsc::Sender<Bytes>) -> Self {
        Self { other: Some(other), ..self }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let chunk = next(self.input)?;
        if let Some(chunk) = &chunk {
            if let Some(other) = self.other {
                send(other, chunk.clone())?;
            }
            self.meter.take(chunk);
        }
        Ok(chunk)
    }
}

impl BufRead for Stored<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() && !self.has_ended {
            match self.next()? {
                Some(chunk) => self.chunk = chunk,
                None => self.has_ended = true,
            }
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, bytes: usize) {
        self.chunk.advance(bytes);
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}
