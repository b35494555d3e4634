//! What a dump of a database passes on its way into a staged one: nothing in it may reach the one it was made of, and what it
//! defines besides tables is kept, for the exchange.

mod edit;

use bytes::Bytes;

use super::statements::{Splitter, Visitor};
use super::tokens::{Part, Token, tokens};
use edit::{blank, disable, kept, same, unqualified, without_place};

pub(super) use edit::{blank_statement, quoted};

/// All definitions of a database, but for its tables.
const MAX_DEFINITIONS: usize = 32 * 1024 * 1024;

/// What is wanted of a dump.
#[derive(Debug, Clone, Default)]
pub struct Separation {
    /// The database the dump is of.
    pub own: String,
    /// The databases that come back together with it, and have other names until they are exchanged.
    pub together: Vec<String>,
    /// The database becomes another one: its events stay disabled.
    pub is_copy: bool,
    /// Tables have their files where the server has its own.
    pub default_place: bool,
    /// Views are not wanted.
    pub without_views: bool,
}

/// The definitions of a database besides its tables. Those of a copy name no database of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definitions {
    /// All but views; and for views a stand-in.
    pub objects: Vec<u8>,
    pub views: Vec<u8>,
    /// Foreign keys to other databases, and defaults that take the numbers of their sequences.
    pub keys: Vec<u8>,
}

/// What was found in a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Separated {
    pub definitions: Definitions,
    /// Events that are disabled where they were not.
    pub disabled: Vec<String>,
    /// What names the dump's own database in its text: `trigger t2`.
    pub references: Vec<String>,
    /// Why the dump cannot be loaded under another name.
    pub problem: Option<String>,
}

/// See [`Separation`].
#[derive(Debug)]
pub struct Separator {
    splitter: Splitter,
    sight: Sight,
}

#[derive(Debug)]
struct Sight {
    wanted: Separation,
    found: Separated,
    plain_backslash: bool,
    /// `DROP VIEW`: belongs to what comes next.
    pending: Vec<u8>,
    /// The statement that is looked at, before anything of it was changed.
    original: Vec<u8>,
}

impl Separator {
    pub fn new(wanted: Separation) -> Self {
        let sight = Sight {
            wanted,
            found: Separated::default(),
            plain_backslash: false,
            pending: Vec::new(),
            original: Vec::new(),
        };
        Self { splitter: Splitter::default(), sight }
    }

    /// What can be passed on when this piece has come; without one, at the end, what is left.
    pub fn take(&mut self, piece: Option<&[u8]>) -> Bytes {
        Bytes::from(self.splitter.take(piece, &mut self.sight))
    }

    /// When all has passed.
    pub fn end(self) -> Separated {
        self.sight.found
    }
}

impl Visitor for Sight {
    fn statement(&mut self, text: &mut Vec<u8>, from: usize) {
        self.original = kept(text, from);
        let parts = tokens(text, from, self.plain_backslash);
        let is = |at: usize, word: &str| parts.get(at).is_some_and(|token| token.is(text, word));
        if is(0, "DELIMITER") {
            self.keep_context(text, from);
        } else if is(0, "SET") {
            self.look_at_mode(text, &parts);
            self.keep_context(text, from);
        } else if is(0, "USE") || (is(1, "DATABASE") && (is(0, "CREATE") || is(0, "DROP"))) {
            // Of a dump that was made by --databases. Its own database is the one it is loaded into.
            blank_statement(text, from, &parts);
        } else if is(0, "ALTER") && (is(1, "DATABASE") || is(1, "SCHEMA")) {
            if let Some(name) = parts.get(2).filter(|token| token.part == Part::Quoted) {
                blank(text, name.from, name.to);
            }
            self.keep_context(text, from);
        } else if is(0, "DROP") && is(1, "VIEW") {
            if !self.wanted.without_views {
                self.pending = kept(text, from);
            }
        } else if is(0, "DROP") && !is(1, "TABLE") && !is(1, "SEQUENCE") {
            let statement = kept(text, from);
            self.keep(|kept| &mut kept.objects, &statement);
        } else if is(0, "CREATE") {
            self.create(text, from, &parts);
        }
    }

    fn too_long(&mut self) {
        self.trouble("a definition in the dump is longer than 32 MiB".to_owned());
    }

    fn broken_off(&mut self) {
        self.trouble("it ends in the middle of a statement".to_owned());
    }

    fn plain_backslash(&self) -> bool {
        self.plain_backslash
    }
}

/// What `CREATE` may be followed by that says what is created.
const OBJECTS: [&str; 7] = ["TRIGGER", "PROCEDURE", "FUNCTION", "PACKAGE", "EVENT", "VIEW", "TABLE"];

impl Sight {
    fn create(&mut self, text: &mut Vec<u8>, from: usize, parts: &[Token]) {
        let found = parts.iter().enumerate().skip(1).take(24).find_map(|(at, token)| {
            OBJECTS.into_iter().find(|word| token.is(text, word)).map(|word| (at, word))
        });
        match found {
            Some((at, "TABLE")) => self.table(text, parts, at),
            Some((at, "VIEW")) => self.view(text, from, parts, at),
            Some((at, what)) => self.routine(text, from, parts, at, what),
            None => {}
        }
    }

    /// A trigger, a routine, a package or an event.
    fn routine(&mut self, text: &mut Vec<u8>, from: usize, parts: &[Token], at: usize, what: &str) {
        let mut next = at + 1;
        if what == "PACKAGE" && parts.get(next).is_some_and(|token| token.is(text, "BODY")) {
            next += 1;
        }
        let (name, mut behind) = unqualified(text, parts, next);
        if what == "TRIGGER" {
            let on = parts.iter().skip(behind).position(|token| token.is(text, "ON"));
            behind = on.map_or(behind, |on| unqualified(text, parts, behind + on + 1).1);
        }
        // An event of a copy does nothing until somebody switches it on.
        if what != "EVENT" {
            let described = format!("{} {name}", what.to_ascii_lowercase());
            self.look_for_references(text, parts, behind, described);
        }
        if what != "EVENT" {
            let statement = self.own_text(text, from);
            return self.keep(|kept| &mut kept.objects, &statement);
        }
        let enabled = parts
            .iter()
            .skip(behind)
            .take_while(|token| !token.is(text, "DO"))
            .find(|token| token.is(text, "ENABLE"));
        let mut statement = self.own_text(text, from);
        if let Some(token) = enabled {
            if !disable(text, *token) {
                self.trouble(format!("event {name} cannot be disabled"));
                let end = text.len();
                return blank(text, from, end);
            }
            if self.wanted.is_copy {
                statement = kept(text, 0);
                self.found.disabled.push(name);
            }
        }
        self.keep(|kept| &mut kept.objects, &statement);
    }

    fn view(&mut self, text: &mut [u8], from: usize, parts: &[Token], at: usize) {
        if self.wanted.without_views {
            return;
        }
        let (_, behind) = unqualified(text, parts, at + 1);
        // mysqldump first makes stand-ins for all views, and says nothing of how they work.
        let is_final = at > 1;
        let mut is_ahead = false;
        for window in parts.get(behind..).unwrap_or_default().windows(4) {
            let [database, dot, _, open] = window else { continue };
            if database.part != Part::Quoted || !dot.is_sign(b'.') {
                continue;
            }
            let Some(name) = database.name(text) else { continue };
            // A table of the own database has no database before it; a name like it may be an alias. A function has, and a
            // column where the view's definer may not read its table.
            let is_full = open.is_sign(b'(') || open.is_sign(b'.');
            if is_full && same(&name, &self.wanted.own) {
                blank(text, database.from, dot.to);
            } else if !same(&name, &self.wanted.own) {
                is_ahead |= self.wanted.together.iter().any(|other| same(other, &name));
            }
        }
        let mut statement = std::mem::take(&mut self.pending);
        statement.extend_from_slice(&self.own_text(text, from));
        if is_final {
            self.keep(|kept| &mut kept.views, &statement);
        } else {
            self.keep(|kept| &mut kept.objects, &statement);
        }
        if is_final && is_ahead {
            return blank_statement(text, from, parts);
        }
        // Its rights are on the database it belongs to, and not on this one.
        if let Some(definer) = parts.iter().take(at).position(|token| token.is(text, "DEFINER"))
            && let Some([first, _, user, sign, host]) = parts.get(definer..definer + 5)
        {
            blank(text, first.from, if sign.is_sign(b'@') { host.to } else { user.to });
        }
    }

    fn table(&mut self, text: &mut [u8], parts: &[Token], at: usize) {
        let (table, behind) = unqualified(text, parts, at + 1);
        if self.wanted.default_place {
            without_place(text, parts);
        }
        let mut depth = 0_usize;
        let mut column = None;
        for (index, token) in parts.iter().enumerate().skip(behind) {
            let before = parts.get(index.saturating_sub(1));
            match token.part {
                Part::Sign(b'(') => depth += 1,
                Part::Sign(b')') => depth = depth.saturating_sub(1),
                Part::Word if depth == 1 && token.is(text, "CONSTRAINT") => {
                    self.foreign_key(text, parts, index, &table);
                }
                Part::Word if ["nextval", "lastval", "setval"].iter().any(|word| token.is(text, word)) => {
                    let Some([open, database, dot]) = parts.get(index + 1..index + 4) else { continue };
                    let Some(name) = database.name(text).filter(|_| open.is_sign(b'(') && dot.is_sign(b'.'))
                    else {
                        continue;
                    };
                    if same(&name, &self.wanted.own) {
                        blank(text, database.from, dot.to);
                    } else if self.wanted.together.iter().any(|other| same(other, &name))
                        && let Some(column) = column
                    {
                        self.sequence_default(text, parts, index, &table, column);
                    }
                }
                Part::Quoted
                    if depth == 1 && before.is_some_and(|sign| sign.is_sign(b'(') || sign.is_sign(b',')) =>
                {
                    column = Some(*token);
                }
                Part::Word | Part::Quoted | Part::String | Part::Sign(_) => {}
            }
        }
    }

    /// A sequence of another database that comes back together with this one need not be there yet.
    fn sequence_default(&mut self, text: &mut [u8], parts: &[Token], at: usize, table: &str, column: Token) {
        let before = parts.get(..at).unwrap_or_default();
        let Some(default) = before.iter().rposition(|token| token.is(text, "DEFAULT")) else { return };
        let mut depth = 0_usize;
        let end = parts.iter().skip(default).find(|token| {
            match token.part {
                Part::Sign(b'(') => depth += 1,
                Part::Sign(b')') => depth = depth.saturating_sub(1),
                Part::Word | Part::Quoted | Part::String | Part::Sign(_) => return false,
            }
            depth == 0
        });
        let (Some(first), Some(end)) = (parts.get(default), end) else { return };
        let mut statement = format!("ALTER TABLE {} ALTER COLUMN ", quoted(table)).into_bytes();
        for piece in [column.text(text), b" SET ", text.get(first.from..end.to).unwrap_or_default(), b";\n"] {
            statement.extend_from_slice(piece);
        }
        self.keep(|kept| &mut kept.keys, &statement);
        blank(text, first.from, end.to);
    }

    /// One to another database would hold up that one's writers, and follow a table that is replaced.
    fn foreign_key(&mut self, text: &mut [u8], parts: &[Token], at: usize, table: &str) {
        let own = parts.get(at..).unwrap_or_default();
        let mut depth = 0_usize;
        let mut end = own.len();
        for (index, token) in own.iter().enumerate() {
            match token.part {
                Part::Sign(b'(') => depth += 1,
                Part::Sign(b')' | b',') if depth == 0 => {
                    end = index;
                    break;
                }
                Part::Sign(b')') => depth -= 1,
                Part::Word | Part::Quoted | Part::String | Part::Sign(_) => {}
            }
        }
        let own = own.get(..end).unwrap_or_default();
        let Some(references) = own.iter().position(|token| token.is(text, "REFERENCES")) else { return };
        let Some([database, dot]) = own.get(references + 1..references + 3) else { return };
        if !dot.is_sign(b'.') {
            return;
        }
        if database.name(text).is_some_and(|name| same(&name, &self.wanted.own)) {
            return blank(text, database.from, dot.to);
        }
        let (Some(first), Some(last)) = (own.first(), own.last()) else { return };
        let key = text.get(first.from..last.to).unwrap_or_default();
        let mut statement = format!("ALTER TABLE {} ADD ", quoted(table)).into_bytes();
        statement.extend_from_slice(key);
        statement.extend_from_slice(b";\n");
        self.keep(|kept| &mut kept.keys, &statement);
        // With the comma before it.
        let before = at.checked_sub(1).and_then(|before| parts.get(before));
        let from = before.filter(|token| token.is_sign(b',')).map_or(first.from, |comma| comma.from);
        blank(text, from, last.to);
    }

    fn look_for_references(&mut self, text: &[u8], parts: &[Token], from: usize, described: String) {
        let body = parts.get(from..).unwrap_or_default();
        let is_own = |token: &Token| token.name(text).is_some_and(|name| same(&name, &self.wanted.own));
        let is_qualifier = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| body.get(before));
            body.get(at).is_some_and(is_own)
                && body.get(at + 1).is_some_and(|token| token.is_sign(b'.'))
                && !before.is_some_and(|token| token.is_sign(b'.') || token.is_sign(b'@'))
        };
        let makes_statements =
            body.iter().any(|token| token.is(text, "PREPARE") || token.is(text, "IMMEDIATE"));
        let own = self.wanted.own.to_ascii_lowercase();
        let in_string = |token: &Token| {
            let said = String::from_utf8_lossy(token.text(text)).to_ascii_lowercase();
            (token.part == Part::String || said.starts_with('"'))
                && (said.contains(&format!("{own}.")) || said.contains(&format!("`{own}`")))
        };
        let found = (0..body.len()).any(is_qualifier) || (makes_statements && body.iter().any(in_string));
        if found {
            self.found.references.push(described);
        }
    }

    fn look_at_mode(&mut self, text: &[u8], parts: &[Token]) {
        let mut words =
            parts.iter().skip(1).skip_while(|token| token.is_sign(b'@') || token.is(text, "session"));
        if words.next().is_some_and(|token| token.is(text, "sql_mode")) {
            let mode = String::from_utf8_lossy(text).to_ascii_uppercase();
            self.plain_backslash = mode.contains("NO_BACKSLASH_ESCAPES");
        }
    }

    /// What a session is like while something is defined.
    fn keep_context(&mut self, text: &[u8], from: usize) {
        let statement = self.own_text(text, from);
        self.keep(|kept| &mut kept.objects, &statement);
        self.keep(|kept| &mut kept.views, &statement);
    }

    /// A definition as it was, to the letter; in a copy, as it is without the original's name.
    fn own_text(&mut self, text: &[u8], from: usize) -> Vec<u8> {
        if self.wanted.is_copy { kept(text, from) } else { std::mem::take(&mut self.original) }
    }

    fn keep(&mut self, part: impl FnOnce(&mut Definitions) -> &mut Vec<u8>, statement: &[u8]) {
        let Definitions { objects, views, keys } = &self.found.definitions;
        if objects.len() + views.len() + keys.len() + statement.len() > MAX_DEFINITIONS {
            return self.trouble("the dump has more than 32 MiB of views, triggers and routines".to_owned());
        }
        part(&mut self.found.definitions).extend_from_slice(statement);
    }

    fn trouble(&mut self, problem: String) {
        self.found.problem.get_or_insert(problem);
    }
}

#[cfg(test)]
mod tests;
