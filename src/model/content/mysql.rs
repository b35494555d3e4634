//! What `mariadb-dump` and `mysqldump` print: tables behind comments, rows in `INSERT`, programs between `DELIMITER`s.

mod insert;
mod place;
mod quoted;
mod table;

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

use super::tally::Tally;
use crate::model::line::Name;
use insert::Insert;
use quoted::quoted;

const LONGEST_TEXT: usize = 2 * 1024 * 1024;

/// Reads what `mariadb-dump` and `mysqldump` print.
#[derive(Debug, Default)]
pub(super) struct Reader {
    part: Part,
    /// An `INSERT` on its way.
    insert: Option<Insert>,
    /// The columns of the table that was defined last, for an `INSERT` that does not name them.
    columns: (Name, Vec<u64>),
    /// What is defined by the lines that come now, and these.
    object: Option<(&'static str, String)>,
    text: Vec<u8>,
    /// Settings that the next program is made with.
    settings: Vec<u8>,
    is_program: bool,
}

/// What a comment has announced.
#[derive(Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Start,
    Structure,
    /// What only stands in for a view.
    Placeholder,
    View,
    /// Rows, and the programs behind them.
    Rest,
}

/// Comments that announce something, and what. They end in a name in backquotes.
const ANNOUNCED: [(&[u8], &str, Part); 7] = [
    (b"-- Table structure for table `", "table", Part::Structure),
    (b"-- Sequence structure for `", "sequence", Part::Structure),
    (b"-- Temporary table structure for view `", "view", Part::Placeholder),
    (b"-- Temporary view structure for view `", "view", Part::Placeholder),
    (b"-- Final view structure for view `", "view", Part::View),
    (b"-- Dumping data for table `", "table", Part::Rest),
    (b"-- Dumping ", "", Part::Rest),
];

/// Words behind `CREATE` that tell what is made, the longer ones first.
const PROGRAMS: [(&[u8], &str); 6] = [
    (b"PACKAGE BODY", "package body"),
    (b"PACKAGE", "package"),
    (b"PROCEDURE", "procedure"),
    (b"FUNCTION", "function"),
    (b"TRIGGER", "trigger"),
    (b"EVENT", "event"),
];

impl Reader {
    /// Whether a line of rows begins here; if so, they are what comes now.
    pub(super) fn begins(&mut self, line: &[u8]) -> bool {
        let is_insert = !self.is_program && insert::is_start(line);
        if is_insert {
            self.insert = Some(Insert::default());
        }
        is_insert
    }

    /// Takes rows, if they are what comes now; returns what comes behind them.
    pub(super) fn rows<'a>(&mut self, piece: &'a [u8], tally: &mut Tally) -> Option<&'a [u8]> {
        self.insert.as_ref()?;
        // Rows without a comment before them.
        self.end_object(tally);
        let insert = self.insert.as_mut()?;
        let Some(rest) = insert.take(piece, &self.columns) else { return Some(&[]) };
        if let Some((table, rows)) = self.insert.take().and_then(Insert::end) {
            tally.rows(&table, rows);
        }
        Some(rest)
    }

    pub(super) fn line(&mut self, line: &[u8], tally: &mut Tally) {
        if self.is_program {
            return self.program(line, tally);
        }
        if line.starts_with(b"-- ") && self.announced(line, tally) {
            return;
        }
        match line.strip_prefix(b"DELIMITER ") {
            Some(b";;") => {
                self.end_object(tally);
                self.is_program = true;
                return;
            }
            Some(_) => return,
            None => {}
        }
        match self.part {
            Part::Structure | Part::View if !is_frame(line) => self.push(line),
            Part::Structure | Part::View if is_setting(line) => self.push(line),
            Part::Start | Part::Rest if is_setting(line) => keep(&mut self.settings, line),
            // What a reload depends on, and nobody knows.
            Part::Start | Part::Rest if !is_frame(line) => {
                tally.define("statement", "of the dump", b"", line);
            }
            Part::Start | Part::Structure | Part::Placeholder | Part::View | Part::Rest => {}
        }
    }

    fn announced(&mut self, line: &[u8], tally: &mut Tally) -> bool {
        for (start, kind, part) in ANNOUNCED {
            let Some(rest) = line.strip_prefix(start) else { continue };
            self.end_object(tally);
            self.settings.clear();
            let name = rest.strip_suffix(b"`").unwrap_or(rest);
            self.object = (part != Part::Rest && part != Part::Placeholder).then(|| (kind, unquoted(name)));
            self.part = part;
            return true;
        }
        false
    }

    fn push(&mut self, line: &[u8]) {
        keep(&mut self.text, line);
    }

    /// A line between `DELIMITER ;;` and `DELIMITER ;`.
    fn program(&mut self, line: &[u8], tally: &mut Tally) {
        if line == b"DELIMITER ;" {
            self.is_program = false;
            self.end_object(tally);
            self.settings.clear();
            return;
        }
        if self.object.is_some() {
            return self.push(line);
        }
        match program(line) {
            Some(object) => {
                self.object = Some(object);
                self.text.append(&mut self.settings);
                self.push(line);
            }
            None if is_setting(line) => keep(&mut self.settings, line),
            None if is_frame(line) => {}
            None => {
                self.object = Some(("statement", "of the dump".to_owned()));
                self.push(line);
            }
        }
    }

    fn end_object(&mut self, tally: &mut Tally) {
        let text = std::mem::take(&mut self.text);
        let Some((kind, name)) = self.object.take() else { return };
        if text.is_empty() {
            return;
        }
        if kind != "table" {
            return tally.define(kind, &name, b"", &text);
        }
        self.columns = (Name::clean(&name), table::define(&name, &text, tally));
    }

    pub(super) fn end(mut self, tally: &mut Tally) {
        if let Some((table, rows)) = self.insert.take().and_then(Insert::end) {
            tally.rows(&table, rows);
        }
        self.end_object(tally);
    }
}

/// Keeps a line, or a hash of all lines when they are too many.
fn keep(text: &mut Vec<u8>, line: &[u8]) {
    text.extend_from_slice(line);
    text.push(b'\n');
    if text.len() > LONGEST_TEXT {
        let hash = xxh3_64(text);
        text.clear();
        text.extend_from_slice(format!("{hash:016x}\n").as_bytes());
    }
}

/// The statement in a line. It may be in a comment that says which versions know it: `/*!50003 SET …*/`.
fn statement(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"/*!").or_else(|| line.strip_prefix(b"/*M!")) else { return line };
    let version = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b' ').count();
    rest.get(version..).unwrap_or_default()
}

/// A setting that what comes behind it is made with.
fn is_setting(line: &[u8]) -> bool {
    let rest = statement(line);
    let is_set = rest.starts_with(b"SET ") || rest.starts_with(b"ALTER DATABASE ");
    let is_own = [&b"@"[..], b"AUTOCOMMIT", b"GTID"].iter().any(|word| memmem::find(rest, word).is_some());
    is_set && !is_own
}

/// What a dump has around its content.
fn is_frame(line: &[u8]) -> bool {
    const FRAME: [&[u8]; 10] = [
        b"SET ",
        b"DROP ",
        b"LOCK TABLES",
        b"UNLOCK TABLES",
        b"ALTER DATABASE ",
        b"USE ",
        b"COMMIT",
        b"START TRANSACTION",
        b"--",
        b"DELIMITER",
    ];
    let rest = statement(line);
    let has_keys = rest.starts_with(b"ALTER TABLE ") && (memmem::find(rest, b"ABLE KEYS").is_some());
    line.is_empty()
        || has_keys
        || line.starts_with(b"/*M!999999")
        || FRAME.iter().any(|start| rest.starts_with(start))
}

/// What a line makes, if it begins a program: `CREATE DEFINER=… PROCEDURE name`, each word of which may be in a comment.
fn program(line: &[u8]) -> Option<(&'static str, String)> {
    let mut rest = statement(line).strip_prefix(b"CREATE")?;
    while let Some((&byte, behind)) = rest.split_first() {
        if let b'`' | b'"' | b'\'' = byte {
            rest = quoted(rest).1;
            continue;
        }
        for (word, kind) in PROGRAMS {
            let Some(name) = rest.strip_prefix(word) else { continue };
            let name = name.trim_ascii_start();
            let name = name.strip_prefix(b"IF NOT EXISTS ").unwrap_or(name);
            let (name, _) = match name.first() {
                Some(b'`' | b'"') => quoted(name),
                _ => (
                    String::from_utf8_lossy(name.split(|byte| b" (".contains(byte)).next()?).into_owned(),
                    name,
                ),
            };
            return Some((kind, name));
        }
        rest = behind;
    }
    None
}

/// A name as the tools' comments have it: some double its backquotes, some do not.
fn unquoted(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace("``", "`")
}
