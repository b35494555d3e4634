//! The `.xz` file format, version 1.2.1 (<https://tukaani.org/xz/xz-file-format.txt>): one stream of blocks that were
//! compressed apart, as `xz -T` writes it. Each block says its sizes, so that `xz -d` of version 5.4 or later reads blocks
//! on several threads, and `xz --list` has something to list.

use std::io;

/// What is around a block: "magic", flags and CRC-32 before it, and as much behind.
const END: usize = 12;

/// "Stream flags": the check of each block is a CRC-64.
const FLAGS: [u8; 2] = [0, 4];

const CHECK: usize = 8;

/// "Block flags": one filter, both sizes are said.
const BLOCK_FLAGS: u8 = 0x80 | 0x40;

/// The record of a block, and its place in the index, are what a stream ends with.
pub(super) struct Writer {
    blocks: u64,
    records: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { blocks: 0, records: Vec::new() }
    }

    /// Appends the block of a whole stream that has just one, `plain` bytes of a dump.
    ///
    /// # Errors
    /// It is not such a stream.
    pub(super) fn push(&mut self, stream: &[u8], plain: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let block = block(stream).ok_or_else(|| io::Error::other("an xz stream of one block is not one"))?;
        self.begin(out);
        let mut header = vec![0, BLOCK_FLAGS];
        number(&mut header, block.compressed);
        number(&mut header, plain);
        header.extend_from_slice(block.filter);
        pad(&mut header);
        // The real size, with the CRC-32, in units of four, less one: that is without the CRC-32.
        let size = u8::try_from(header.len() / 4).map_err(io::Error::other)?;
        header.splice(..1, [size]);
        header.extend(crc32(&header));
        number(&mut self.records, header.len() as u64 + block.compressed + CHECK as u64);
        number(&mut self.records, plain);
        self.blocks += 1;
        out.append(&mut header);
        out.extend_from_slice(block.rest);
        Ok(())
    }

    /// Ends the stream.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.begin(out);
        let mut index = vec![0];
        number(&mut index, self.blocks);
        index.append(&mut self.records);
        pad(&mut index);
        index.extend(crc32(&index));
        let size = u32::try_from(index.len() / 4 - 1).map_err(io::Error::other)?;
        let mut sizes = size.to_le_bytes().to_vec();
        sizes.extend(FLAGS);
        out.append(&mut index);
        out.extend(crc32(&sizes));
        out.append(&mut sizes);
        out.extend(b"YZ");
        Ok(())
    }

    /// What stands before the first block.
    fn begin(&self, out: &mut Vec<u8>) {
        if self.blocks == 0 {
            out.extend(b"\xfd7zXZ\0");
            out.extend(FLAGS);
            out.extend(crc32(&FLAGS));
        }
    }
}

/// What is in a stream of one block.
struct Block<'a> {
    /// The filter, as a block's header says it.
    filter: &'a [u8],
    compressed: u64,
    /// Everything behind the header: compressed bytes, padding, check.
    rest: &'a [u8],
}

fn block(stream: &[u8]) -> Option<Block<'_>> {
    let (stream, footer) = stream.split_at_checked(stream.len().checked_sub(END)?)?;
    let (_, backward) = footer.split_at_checked(4)?;
    let index = 4 * (usize::try_from(u32::from_le_bytes(*backward.first_chunk()?)).ok()? + 1);
    let (stream, index) = stream.split_at_checked(stream.len().checked_sub(index)?)?;
    let (_, block) = stream.split_at_checked(END)?;
    let (header, rest) = block.split_at_checked(4 * (usize::from(*block.first()?) + 1))?;
    // One filter without sizes before it, then what it is, how many bytes its settings have, and these.
    let [_, 0, filter @ ..] = header else { return None };
    let filter = filter.get(..2 + usize::from(*filter.get(1)?))?;
    let [0, 1, record @ ..] = index else { return None };
    let compressed = read_number(record)?.checked_sub((header.len() + CHECK) as u64)?;
    Some(Block { filter, compressed, rest })
}

/// "Multibyte integers": seven bits a byte, the lowest first, and the eighth says that more follow.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn read_number(bytes: &[u8]) -> Option<u64> {
    let mut value = 0;
    for (byte, shift) in bytes.iter().zip((0..63).step_by(7)) {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(value in 0..=u64::MAX >> 1, small in 0..0x100_u64) {
            for value in [value, small] {
                let mut bytes = Vec::new();
                number(&mut bytes, value);
                bytes.push(0x55);
                prop_assert_eq!(read_number(&bytes), Some(value));
            }
        }

        #[test]
        fn what_is_no_stream_of_one_block_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Writer::new().push(&bytes, 1, &mut Vec::new()).is_err());
        }
    }
}
