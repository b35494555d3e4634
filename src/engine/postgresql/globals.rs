//! Roles and tablespaces of a backup, for a server that has some of its own. What is done with each is decided when they are
//! loaded: the server says who loads them, and what it has.

use super::restore::{ELSEWHERE, literal};
use super::restrict::RestrictLines;
use super::script::statements;
use super::session::{CONNECT, command};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::names::shell_quoted;
use crate::engine::shared::surroundings::{Placement, Surroundings};
use crate::model::command::Command;
use crate::model::line::Name;

const TABLESPACE_SCRIPT: &str = r#"
exec psql -X -w -q -v ON_ERROR_STOP=1 -c "$1"
"#;

/// What a statement says in a warning of ours.
const MARK: &str = "dumpcar: ";

/// Globals as they are loaded into one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Globals {
    /// Roles, and what they may.
    pub roles: String,
    /// Made one by one, as no other statement can be in a transaction with it.
    pub tablespaces: Vec<Tablespace>,
    /// What is behind the tablespaces: their settings and privileges.
    pub rest: String,
    /// What is not loaded, and why.
    pub notes: Vec<String>,
}

/// A tablespace to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tablespace {
    pub name: String,
    /// The folder it wants to have.
    pub location: String,
    statement: String,
}

impl Globals {
    /// Decides about each statement of what `pg_dumpall` has printed.
    pub(in crate::engine) fn tailor(dump: &[u8], server: &Surroundings, placement: Placement) -> Self {
        let mut lines = RestrictLines::default();
        let dump = [lines.take(bytes::Bytes::copy_from_slice(dump)), lines.end()].concat();
        let mut globals = Self::default();
        for statement in statements(&dump) {
            globals.add(&String::from_utf8_lossy(statement), server, placement);
        }
        globals
    }

    fn add(&mut self, text: &str, server: &Surroundings, placement: Placement) {
        let statement = text.trim();
        let is_behind = !self.tablespaces.is_empty();
        let mut pass = |sql: &str| if is_behind { self.rest.push_str(sql) } else { self.roles.push_str(sql) };
        let is_about_tablespaces = is_about_tablespaces(statement);
        if let Some(rest) = statement.strip_prefix("CREATE TABLESPACE ") {
            let parsed = identifier(rest).and_then(|(name, rest)| Some((name, location(rest)?)));
            let Some((name, location)) = parsed else { return pass(&guarded(&[statement], "a tablespace")) };
            if placement.default_tablespace || server.tablespaces.contains(&name) {
                return;
            }
            self.tablespaces.push(Tablespace { name, location, statement: statement.to_owned() });
        } else if is_about_tablespaces && placement.default_tablespace {
        } else if let Some(rest) = statement.strip_prefix("ALTER ROLE ") {
            let Some((role, rest)) = identifier(rest) else { return pass(text) };
            let is_setting = rest.trim_start().starts_with("SET ");
            if is_setting {
                pass(&guarded(&[statement], &format!("a setting of role {role:?}")));
            } else if role == server.login {
                self.notes.push(format!(
                    "role {role:?} is the login of this restore: its password and its attributes stay as they are"
                ));
            } else {
                pass(text);
            }
        } else if statement.starts_with("GRANT ") && split(statement, " ON ").is_none() {
            let tries = memberships(statement);
            let tries: Vec<_> = tries.iter().map(String::as_str).collect();
            pass(&guarded(&tries, statement.trim_end_matches(';')));
        } else if ["COMMENT ON ", "SECURITY LABEL ", "GRANT ", "REVOKE ", "ALTER TABLESPACE "]
            .iter()
            .any(|start| statement.starts_with(start))
        {
            let what: String = statement.chars().take(100).collect();
            pass(&guarded(&[statement], &what));
        } else {
            pass(&without_duplicates(statement).unwrap_or_else(|| text.to_owned()));
        }
    }

    /// What the server said about statements that it did not take.
    pub fn refusals(said: &str) -> Vec<String> {
        said.lines().filter_map(|line| Some(line.split_once(MARK)?.1.trim().to_owned())).collect()
    }
}

impl Tablespace {
    /// What a person types in the container to make the folder.
    pub fn make_folder(&self) -> String {
        let folder = shell_quoted(&Name::clean(&self.location));
        format!("mkdir -p {folder} && chown postgres {folder}")
    }

    pub(in crate::engine) fn make(&self, facts: &Facts<'_>) -> Command {
        command(facts, &[ELSEWHERE, CONNECT, TABLESPACE_SCRIPT], vec![self.statement.clone()])
    }
}

fn is_about_tablespaces(statement: &str) -> bool {
    let has_object =
        ["GRANT ", "REVOKE ", "COMMENT ", "SECURITY LABEL "].iter().any(|start| statement.starts_with(start));
    statement.starts_with("ALTER TABLESPACE ") || has_object && split(statement, " ON TABLESPACE ").is_some()
}

/// A membership as it was; without who granted it, who may not be an administrator here; and as older servers know it.
fn memberships(statement: &str) -> Vec<String> {
    let mut tries = vec![statement.to_owned()];
    let bare = split(statement, " GRANTED BY ").map_or(statement.trim_end_matches(';'), |(bare, _)| bare);
    tries.push(format!("{bare};"));
    if let Some((bare, options)) = split(bare, " WITH ") {
        let is_admin = options.contains("ADMIN OPTION") || options.contains("ADMIN TRUE");
        tries.push(format!("{bare}{};", if is_admin { " WITH ADMIN OPTION" } else { "" }));
    }
    tries.dedup();
    tries
}

/// A role that is there already is no error.
fn without_duplicates(statement: &str) -> Option<String> {
    statement.strip_prefix("CREATE ROLE ")?;
    let body = format!("BEGIN {statement} EXCEPTION WHEN duplicate_object THEN NULL; END");
    Some(format!("DO {};\n", literal(&body)))
}

/// Tries one after the other, and warns of what the last one fails with.
fn guarded(tries: &[&str], what: &str) -> String {
    let warn = format!("RAISE WARNING '{MARK}% (%)', {}, SQLERRM;", literal(what));
    let body = tries.iter().rev().fold(warn, |otherwise, sql| {
        format!("BEGIN EXECUTE {}; EXCEPTION WHEN OTHERS THEN {otherwise} END;", literal(sql))
    });
    format!("DO {};\n", literal(&format!("BEGIN {body} END")))
}

/// A name at the beginning, and what is behind it.
pub(super) fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (name, rest) = text.split_at(text.find([' ', ';'])?);
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                name.push('"');
                rest = behind;
            }
            None => return Some((name, behind)),
        }
    }
}

fn location(text: &str) -> Option<String> {
    let (_, rest) = split(text, " LOCATION ")?;
    let quoted = rest.trim_end_matches(';').trim();
    let (is_escaped, quoted) = quoted.strip_prefix('E').map_or((false, quoted), |quoted| (true, quoted));
    let text = quoted.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
    Some(if is_escaped { text.replace("\\\\", "\\") } else { text })
}

/// Splits at the last of these words that is not in quotes.
fn split<'t>(text: &'t str, words: &str) -> Option<(&'t str, &'t str)> {
    let is_outside =
        |at: &usize| text.get(..*at).is_some_and(|before| before.matches(['"', '\'']).count() % 2 == 0);
    let (at, _) = text.rmatch_indices(words).find(|(at, _)| is_outside(at))?;
    Some((text.get(..at)?, text.get(at + words.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict Kx7\n\n\
        SET standard_conforming_strings = on;\n\n--\n-- Roles\n--\n\n\
        DO E'BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END';\n\
        CREATE ROLE \"a \"\"TO\"\" b\";\n\
        ALTER ROLE app WITH LOGIN PASSWORD 'x';\nALTER ROLE postgres WITH SUPERUSER PASSWORD 'y;\n';\n\
        ALTER ROLE postgres SET search_path TO '$user', 'x';\n\
        GRANT app TO \"a GRANTED BY b\" WITH ADMIN OPTION, INHERIT TRUE GRANTED BY \"c;\";\n\
        CREATE TABLESPACE fast OWNER app LOCATION '/ts';\nCREATE TABLESPACE \"s l\" OWNER app LOCATION '/it''s';\n\
        GRANT ALL ON TABLESPACE fast TO app;\n\n\\unrestrict Kx7\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";

    fn server(tablespaces: &[&str]) -> Surroundings {
        let mut server = Surroundings::default();
        "postgres".clone_into(&mut server.login);
        server.tablespaces.extend(tablespaces.iter().map(|name| (*name).to_owned()));
        server
    }

    #[test]
    fn each_statement_is_decided_by_what_the_server_has() {
        let globals = Globals::tailor(DUMP.as_bytes(), &server(&[]), Placement::default());
        insta::assert_snapshot!(globals.roles);
        assert_eq!(globals.tablespaces.len(), 2, "{globals:?}");
        assert_eq!(globals.tablespaces[1].name, "s l");
        assert_eq!(globals.tablespaces[1].location, "/it's");
        assert!(globals.rest.contains("ON TABLESPACE fast"), "{}", globals.rest);
        assert_eq!(
            globals.notes,
            [
                "role \"postgres\" is the login of this restore: its password and its attributes stay as they are"
            ]
        );
        let again = Globals::tailor(DUMP.as_bytes(), &server(&["fast", "s l"]), Placement::default());
        assert_eq!(again.tablespaces, []);
        let placement = Placement { default_tablespace: true, ..Placement::default() };
        let moved = Globals::tailor(DUMP.as_bytes(), &server(&[]), placement);
        assert!(moved.tablespaces.is_empty() && !moved.roles.contains("TABLESPACE"), "{}", moved.roles);
    }

    #[test]
    fn what_the_server_did_not_take_is_told() {
        let said = "psql:<stdin>:3: NOTICE:  x\npsql:<stdin>:7: WARNING:  dumpcar: GRANT a TO b (role \"a\" does not exist)\n";
        assert_eq!(Globals::refusals(said), ["GRANT a TO b (role \"a\" does not exist)"]);
    }
}
