//! Results on standard output.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::text::{escaped_json, escaped_lines};

/// Writes a result to standard output: lines, in which nothing acts on a terminal. A reader that has gone wants no more of it.
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(escaped_lines(text).as_bytes()).and_then(|()| stdout.flush()));
}

/// Writes lines with colours to standard output. Their words are clean already: nothing else in them acts on a terminal.
pub(super) fn print_painted(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Writes to standard error what is to be read before a question, where standard output belongs to the result.
pub(super) fn print_aside(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(escaped_lines(text).as_bytes()).and_then(|()| stderr.flush()));
}

/// The version of every answer of `--json`: docs/json.md. A field that is added leaves it as it is.
const VERSION: u32 = 1;

/// Writes an answer of `--json`: an object that begins with its version.
pub(super) fn print_answer(answer: impl Serialize) {
    #[derive(Serialize)]
    struct Versioned<T> {
        version: u32,
        #[serde(flatten)]
        answer: T,
    }
    print_json(&Versioned { version: VERSION, answer });
}

/// Writes JSON as it is made: an answer about very many backups is never in memory whole.
pub(super) fn print_json(value: &impl Serialize) {
    let mut stdout = Escaping(BufWriter::new(io::stdout().lock()));
    // What can fail is writing: results have only string keys.
    let written = serde_json::to_writer_pretty(&mut stdout, value).map_err(io::Error::from);
    drop(written.and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush()));
}

/// Writes JSON in which nothing acts on a terminal. It takes whole characters, as serde_json writes them.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(part).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.0.write_all(escaped_json(text).as_bytes())?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_json_acts_on_a_terminal_and_it_stays_json() {
        let text = "a\u{202e}b\u{9b}31m \u{1b}[2J é 漢 😀 \\ \" \n";
        let mut out = Escaping(Vec::new());
        serde_json::to_writer_pretty(&mut out, &serde_json::json!({ text: [text] })).unwrap();
        let written = String::from_utf8(out.0).unwrap();
        assert_eq!(escaped_lines(&written), written, "there is nothing left to escape");
        assert!(written.contains("é 漢 😀"), "{written}");
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read, serde_json::json!({ text: [text] }));
    }
}
