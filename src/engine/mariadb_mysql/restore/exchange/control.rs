//! What has to be known to finish an exchange or to take it back, as the control database has it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::create_statement;
use super::super::separate::{Definitions, quoted};
use super::{Inventory, Unexpected, control, decoded, full, lines};
use crate::engine::shared::replacement::{LEFTOVERS, Staged};
use crate::engine::shared::survey::bytes;
use crate::model::database::DatabaseOptions;
use crate::model::run::RunId;

/// Rows of a text: well below what a packet may have by default.
const CHUNK: usize = 1024 * 1024;

/// A table's old and new place. An old view stays in its database, under another name: not every view that is there can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Move {
    from: (String, String),
    to: (String, String),
}

impl Move {
    fn is_of_view(&self) -> bool {
        self.from.0 == self.to.0
    }
}

/// Which of its two ends an exchange goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Back,
    Forward,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Back => "back",
            Self::Forward => "forward",
        }
    }
}

/// What has to be loaded into a database at one end of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub way: Way,
    /// None where the text names its databases itself.
    pub database: String,
    pub text: Vec<u8>,
}

/// All that has to be known of an exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// The databases, and those they change places with.
    databases: BTreeSet<String>,
    moves: Vec<Move>,
    pub scripts: Vec<Script>,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of the databases was touched, or everything is in order again.
    Nothing,
    Before,
    After,
}

/// One database of an exchange with what is to become of it.
#[derive(Debug)]
pub struct Side<'a> {
    pub staged: &'a Staged,
    pub options: Option<&'a DatabaseOptions>,
    pub old: Definitions,
    pub new: &'a Definitions,
}

impl Stage {
    /// # Errors
    /// It is no stage.
    pub fn parse(stdout: &[u8]) -> Result<Self, Unexpected> {
        match String::from_utf8_lossy(stdout).trim() {
            "" => Ok(Self::Nothing),
            "marker exchange_before" => Ok(Self::Before),
            "marker exchange_after" => Ok(Self::After),
            other => Err(Unexpected(other.chars().take(200).collect())),
        }
    }
}

impl Control {
    /// Plans an exchange.
    pub fn new(sides: &[Side<'_>], inventory: &Inventory, run: &RunId) -> Self {
        let mut control = Self::default();
        let views = inventory.views();
        let names: BTreeSet<&str> = sides.iter().map(|side| side.staged.name.as_str()).collect();
        for Side { staged, .. } in sides {
            control.databases.extend([staged.name.clone(), staged.staged.clone()]);
            let in_database = |wanted: &str| {
                inventory
                    .tables
                    .iter()
                    .filter(move |(database, _)| database == wanted)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            for view in views.iter().filter(|(database, _)| *database == staged.name) {
                let kept = format!("{}{run}_view{}", LEFTOVERS[1], control.moves.len());
                control.moves.push(Move { from: view.clone(), to: (view.0.clone(), kept) });
            }
            for (from, to) in [(&staged.name, &staged.replaced), (&staged.staged, &staged.name)] {
                control.moves.extend(
                    in_database(from)
                        .into_iter()
                        .map(|table| Move { to: (to.clone(), table.1.clone()), from: table }),
                );
            }
        }
        for side in sides {
            control.add(Way::Back, &side.staged.name, side.start_of_old(inventory));
            control.add(Way::Back, &side.staged.name, side.old.objects.clone());
            control.add(Way::Forward, &side.staged.name, side.start_of_new(inventory));
            control.add(Way::Forward, &side.staged.name, side.new.objects.clone());
        }
        for side in sides {
            control.add(Way::Forward, &side.staged.name, side.new.views.clone());
        }
        for side in sides {
            control.add(Way::Forward, &side.staged.name, keys(&side.new.keys));
        }
        for key in &inventory.keys {
            let staged = sides.iter().find(|side| side.staged.staged == key.database);
            if let Some(side) = staged.filter(|_| key.is_within()) {
                let sql = key.add(Some(&side.staged.name));
                control.add(Way::Forward, "", keys(sql.as_bytes()));
                continue;
            }
            let sql = key.add(None);
            control.add(Way::Back, "", keys(sql.as_bytes()));
            if !names.contains(key.database.as_str()) {
                control.add(Way::Forward, "", keys(sql.as_bytes()));
            }
        }
        control
    }

    fn add(&mut self, way: Way, database: &str, text: Vec<u8>) {
        if !text.is_empty() {
            self.scripts.push(Script { way, database: database.to_owned(), text });
        }
    }

    /// Makes the databases of the other side, and writes all of this down.
    pub fn write(&self, run: &RunId, sides: &[Side<'_>], inventory: &Inventory) -> String {
        let control = control(run);
        let mut sql = format!(
            "{SESSION}CREATE TABLE {control}.names (n INT PRIMARY KEY, name TEXT CHARACTER SET ascii) ENGINE = InnoDB;\n\
             CREATE TABLE {control}.moves (n INT PRIMARY KEY, from_database TEXT CHARACTER SET ascii, from_table TEXT CHARACTER SET ascii, \
             to_database TEXT CHARACTER SET ascii, to_table TEXT CHARACTER SET ascii) ENGINE = InnoDB;\n\
             CREATE TABLE {control}.scripts (n INT, part INT, way VARCHAR(7) CHARACTER SET ascii, name TEXT CHARACTER SET ascii, \
             text LONGBLOB, PRIMARY KEY (n, part)) ENGINE = InnoDB;\n"
        );
        for Side { staged, .. } in sides.iter().filter(|side| !side.staged.keeps_old) {
            sql.push_str(&format!("CREATE DATABASE {};\n", quoted(&staged.replaced)));
        }
        for (n, database) in self.databases.iter().enumerate() {
            sql.push_str(&format!(
                "INSERT INTO {control}.names VALUES ({n}, '{}');\n",
                hex::encode_upper(database)
            ));
        }
        for (n, Move { from, to }) in self.moves.iter().enumerate() {
            let [a, b, c, d] = [&from.0, &from.1, &to.0, &to.1].map(hex::encode_upper);
            let start =
                if n % 500 == 0 { format!("INSERT INTO {control}.moves VALUES\n") } else { ",\n".to_owned() };
            let end = if n % 500 == 499 || n + 1 == self.moves.len() { ";\n" } else { "" };
            sql.push_str(&format!("{start}({n}, '{a}', '{b}', '{c}', '{d}'){end}"));
        }
        for (n, Script { way, database, text }) in self.scripts.iter().enumerate() {
            for (part, chunk) in text.chunks(CHUNK).enumerate() {
                let text = hex::encode_upper(chunk);
                sql.push_str(&format!(
                    "INSERT INTO {control}.scripts VALUES ({n}, {part}, '{}', '{}', x'{text}');\n",
                    way.word(),
                    hex::encode_upper(database)
                ));
            }
        }
        // Until it is there, nothing has begun.
        sql.push_str(&format!(
            "CREATE TABLE {control}.exchange_before (a INT PRIMARY KEY) ENGINE = InnoDB;\n"
        ));
        let mut n = self.scripts.len();
        let mut undo = |database: &str| {
            let undo = hex::encode_upper(format!("DROP DATABASE IF EXISTS {};\n", quoted(database)));
            n += 1;
            format!("INSERT INTO {control}.scripts VALUES ({n}, 0, 'back', '', x'{undo}');\n")
        };
        for Side { staged, options, .. } in sides {
            // One that somebody else has made meanwhile is an error, and is not dropped.
            if !staged.is_there {
                let made = create_statement(&staged.name.replace('`', "``"), *options);
                sql.push_str(&format!("{made};\n{}", undo(&staged.name)));
            }
            // Its name has the time, and there was none.
            if staged.keeps_old {
                let options = inventory.options_of(&staged.name).unwrap_or_default();
                let name = quoted(&staged.replaced);
                sql.push_str(&format!("{}CREATE DATABASE {name}{options};\n", undo(&staged.replaced)));
            }
        }
        sql
    }

    /// # Errors
    /// It is no control database's content.
    pub fn parse(stdout: &[u8]) -> Result<Self, Unexpected> {
        let mut control = Self::default();
        let mut last = None;
        for (word, fields) in lines(stdout)? {
            match (word.as_str(), fields.as_slice()) {
                ("database", fields) => {
                    let [database] = decoded(fields)?;
                    control.databases.insert(database);
                }
                ("move", fields) => {
                    let [a, b, c, d] = decoded(fields)?;
                    control.moves.push(Move { from: (a, b), to: (c, d) });
                }
                ("script", [n, way, database, text]) => {
                    let way = if way == Way::Back.word() { Way::Back } else { Way::Forward };
                    let [database] = decoded(&[database.trim_start_matches('x').to_owned()])?;
                    let text = bytes(text).map_err(|_| Unexpected(word.clone()))?;
                    match control.scripts.last_mut().filter(|_| last.as_ref() == Some(n)) {
                        Some(script) => script.text.extend_from_slice(&text),
                        None => control.scripts.push(Script { way, database, text }),
                    }
                    last = Some(n.clone());
                }
                (word, _) => return Err(Unexpected(word.to_owned())),
            }
        }
        Ok(control)
    }

    /// The databases whose tables are moved, and those they come from.
    pub fn databases(&self) -> impl Iterator<Item = &str> + Clone {
        self.databases.iter().map(String::as_str)
    }

    /// The same, and those where the replaced ones go.
    pub fn all_databases(&self) -> BTreeSet<&str> {
        let ends = self.moves.iter().flat_map(|of| [of.from.0.as_str(), of.to.0.as_str()]);
        self.databases().chain(ends).collect()
    }

    /// The views of the old content, wherever they are now.
    fn old_views(&self, inventory: &Inventory) -> BTreeSet<(String, String)> {
        let there = inventory.views();
        let moves = self.moves.iter().filter(|of| of.is_of_view());
        let now = moves.map(|Move { from, to }| if there.contains(to) { to } else { from });
        now.filter(|view| there.contains(*view)).cloned().collect()
    }

    /// Drops all that is in the way of the moves, and all that is made again behind them.
    pub fn clear(&self, inventory: &Inventory) -> String {
        inventory.clear(&self.old_views(inventory))
    }

    /// The one statement that moves all tables that are not where they belong, and with them the marker.
    pub fn rename(&self, way: Way, run: &RunId, inventory: &Inventory, stage: Stage) -> String {
        let mut tables = inventory.tables.clone();
        tables.extend(self.old_views(inventory));
        let mut moves: Vec<Move> = Vec::new();
        let mut go = |tables: &mut BTreeSet<_>, from: &(String, String), to: &(String, String)| {
            tables.remove(from);
            tables.insert(to.clone());
            moves.push(Move { from: from.clone(), to: to.clone() });
        };
        // The places of the replaced ones are new: what is there has been moved there.
        let is_of_old = |of: &Move| of.is_of_view() || !self.databases.contains(&of.to.0);
        match way {
            Way::Forward => {
                for of @ Move { from, to } in &self.moves {
                    let is_done = is_of_old(of) && tables.contains(to);
                    // One that somebody has made since at the same place is an error of the server.
                    if tables.contains(from) && !is_done {
                        go(&mut tables, from, to);
                    }
                }
            }
            Way::Back => {
                for (n, of @ Move { from: home, to: now }) in self.moves.iter().enumerate().rev() {
                    if is_of_old(of) && tables.contains(now) && tables.contains(home) {
                        // Somebody has made it since. The old one has its place.
                        go(&mut tables, home, &(control(run), format!("in_the_way_{n}")));
                    }
                    if tables.contains(now) && !tables.contains(home) {
                        go(&mut tables, now, home);
                    }
                }
            }
        }
        let marker = |stage: &str| (control(run), format!("exchange_{stage}"));
        let (from, to) = match way {
            Way::Forward => (marker("before"), marker("after")),
            Way::Back => (marker("after"), marker("before")),
        };
        let is_behind = matches!((way, stage), (Way::Forward, Stage::Before) | (Way::Back, Stage::After));
        moves.extend(is_behind.then_some(Move { from, to }));
        if moves.is_empty() {
            return String::new();
        }
        let moves: Vec<_> =
            moves.iter().map(|of| format!("{} TO {}", full(&of.from), full(&of.to))).collect();
        format!("RENAME TABLE {};\n", moves.join(", "))
    }

    /// What is to be made at one end, once the tables are there.
    pub fn definitions(&self, way: Way) -> Vec<u8> {
        let mut text = Vec::new();
        for script in self.scripts.iter().filter(|script| script.way == way) {
            if !script.database.is_empty() {
                text.extend_from_slice(format!("USE {};\n", quoted(&script.database)).as_bytes());
            }
            text.extend_from_slice(&script.text);
        }
        text
    }

    /// Everything is where it belongs.
    pub fn end(&self, run: &RunId, way: Way) -> String {
        let marker = match way {
            Way::Forward => "exchange_after",
            Way::Back => "exchange_before",
        };
        let replaced = self.moves.iter().filter(|of| way == Way::Forward && of.is_of_view());
        let mut sql: String = replaced.map(|of| format!("DROP VIEW IF EXISTS {};\n", full(&of.to))).collect();
        sql.push_str(&format!("DROP TABLE {}.{marker};\n", control(run)));
        sql
    }
}

/// What every statement of an exchange runs with: whoever is in the way is thrown out, and it is tried again.
pub const SESSION: &str = "SET SESSION lock_wait_timeout = 5, foreign_key_checks = 0, sql_mode = '';\n";

fn keys(statements: &[u8]) -> Vec<u8> {
    if statements.is_empty() { Vec::new() } else { [SESSION.as_bytes(), statements].concat() }
}

impl Side<'_> {
    fn start_of_old(&self, inventory: &Inventory) -> Vec<u8> {
        let own = inventory.options_of(&self.staged.name).filter(|_| self.staged.is_there);
        own.map(|options| format!("ALTER DATABASE{options};\n")).unwrap_or_default().into_bytes()
    }

    fn start_of_new(&self, inventory: &Inventory) -> Vec<u8> {
        let own = inventory.options_of(&self.staged.staged);
        let mut sql = own.map(|options| format!("ALTER DATABASE{options};\n")).unwrap_or_default();
        let staged = quoted(&self.staged.staged);
        // All of a table in one statement: it opens what the others name.
        let mut tables = BTreeMap::<_, Vec<_>>::new();
        let (views, named) = (inventory.views(), format!("{staged}."));
        for [database, table, column, text] in &inventory.defaults {
            // A view says the defaults of its tables as well.
            let is_of_view = views.contains(&(database.clone(), table.clone()));
            if *database != self.staged.staged || is_of_view || !text.contains(&named) {
                continue;
            }
            let text = text.replace(&named, &format!("{}.", quoted(&self.staged.name)));
            let default = format!("ALTER COLUMN {} SET DEFAULT {text}", quoted(column));
            tables.entry(table).or_default().push(default);
        }
        for (table, defaults) in tables {
            sql.push_str(&format!("ALTER TABLE {} {};\n", quoted(table), defaults.join(", ")));
        }
        sql.into_bytes()
    }
}

#[cfg(test)]
mod tests;
