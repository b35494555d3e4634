//! What a server has that decides how, and whether, a backup comes back to it: asked before anything is changed.

use super::restore::{ELSEWHERE, locale_options, quoted};
use super::session::{CONNECT, SURVEY_SCRIPT, command};
use crate::engine::shared::facts::Facts;
use crate::engine::shared::surroundings::{DatabaseState, Placement, Subscription, Surroundings};
use crate::engine::shared::survey::{SurveyError, name};
use crate::model::command::Command;
use crate::model::database::{DatabaseOptions, Text};

const SURROUNDINGS: &str = include_str!("surroundings.sql");

/// Makes a collation of this locale and takes it back: `CREATE DATABASE` would refuse the same, but makes files first.
const PROBE_SCRIPT: &str = r#"
exec psql -X -w -q -v ON_ERROR_STOP=1 -c "$1"
"#;

pub(in crate::engine) fn surroundings(facts: &Facts<'_>) -> Command {
    command(facts, &[ELSEWHERE, CONNECT, SURVEY_SCRIPT], vec![SURROUNDINGS.to_owned()])
}

/// Asks whether the server has the locale that a database was made with; `None` where every server has it.
pub(in crate::engine) fn probe(facts: &Facts<'_>, options: &DatabaseOptions) -> Option<Command> {
    let is_everywhere =
        |locale: &Option<Text>| locale.as_ref().is_none_or(|locale| matches!(locale.as_str(), "C" | "POSIX"));
    let DatabaseOptions { collate, ctype, locale, .. } = options;
    let mut statements = Vec::new();
    if let (Some(collate), Some(ctype)) = (collate, ctype)
        && !(is_everywhere(&options.collate) && is_everywhere(&options.ctype))
    {
        let libc = [("LC_COLLATE", collate.as_str()), ("LC_CTYPE", ctype.as_str())];
        statements.push(locale_options("libc", &libc));
    }
    if let (Some(provider), Some(locale)) = (options.locale_provider, locale) {
        statements.push(locale_options(provider.name(), &[("LOCALE", locale.as_str())]));
    }
    let sql: String = statements
        .iter()
        .map(|options| {
            format!(
                "CREATE COLLATION pg_temp.dumpcar_probe ({options}); DROP COLLATION pg_temp.dumpcar_probe; "
            )
        })
        .collect();
    (!sql.is_empty())
        .then(|| command(facts, &[ELSEWHERE, CONNECT, PROBE_SCRIPT], vec![format!("BEGIN; {sql}ROLLBACK")]))
}

impl Surroundings {
    /// Reads lines of a word and hexadecimal names.
    pub(in crate::engine) fn parse(stdout: &[u8]) -> Result<Self, SurveyError> {
        let mut found = Self::default();
        for line in String::from_utf8_lossy(stdout).lines().filter(|line| !line.is_empty()) {
            let unexpected = || SurveyError::Line(line.chars().take(200).collect());
            let mut words = line.split(' ');
            let (Some(word), Some(first)) = (words.next(), words.next()) else { return Err(unexpected()) };
            let first = name(first)?;
            let second = words.next().map(name).transpose()?;
            let third = words.next().map(name).transpose()?;
            match (word, second) {
                ("login", None) => found.login = first,
                ("tablespace", None) => drop(found.tablespaces.insert(first)),
                ("database", Some(state)) => {
                    let state = match state.as_str() {
                        "plain" => DatabaseState::Plain,
                        "template" => DatabaseState::Template,
                        "broken" => DatabaseState::Broken,
                        _ => return Err(unexpected()),
                    };
                    found.databases.insert(first, state);
                }
                ("prepared", Some(gid)) => found.prepared.push((first, gid)),
                ("subscription", Some(name)) => {
                    found.subscriptions.push(Subscription { database: first, name, slot: third });
                }
                ("slot", Some(slot)) => found.slots.push((first, slot)),
                ("locale", Some(ctype)) => (found.collate, found.ctype) = (first, ctype),
                _ => return Err(unexpected()),
            }
        }
        Ok(found)
    }

    /// Whether there is a database of this name, one that accepts no connections included.
    pub fn has_database(&self, name: &str) -> bool {
        self.databases.contains_key(name)
    }

    /// Why the database of this name cannot be replaced, and what to do.
    pub fn objection(&self, name: &str) -> Option<String> {
        match self.databases.get(name)? {
            DatabaseState::Plain => {}
            DatabaseState::Template => {
                return Some(format!(
                    "database {name:?} is a template on this server, which cannot be replaced: \
                     `ALTER DATABASE {} IS_TEMPLATE false`",
                    quoted(name)
                ));
            }
            DatabaseState::Broken => {
                return Some(format!(
                    "database {name:?} is the rest of an interrupted DROP DATABASE on this server: `DROP DATABASE {}`",
                    quoted(name)
                ));
            }
        }
        let (_, gid) = self.prepared.iter().find(|(database, _)| database == name)?;
        Some(format!(
            "database {name:?} has a prepared transaction, and cannot be replaced before it is over: \
             `COMMIT PREPARED` or `ROLLBACK PREPARED` {gid:?} in it"
        ))
    }

    /// What the end of the database of this name means for others, with what to do about it.
    pub fn losses(&self, name: &str) -> Vec<String> {
        let subscriptions = self.subscriptions.iter().filter(|one| one.database == name).map(|one| {
            let Subscription { name: subscription, slot, .. } = one;
            let left = match slot {
                Some(slot) => format!(
                    "the server it subscribes to keeps its slot and everything since: \
                     `SELECT pg_drop_replication_slot('{slot}')` there, unless the restored subscription goes on with it"
                ),
                None => "it has no slot".to_owned(),
            };
            format!("subscription {subscription:?} of the database {name:?} that is replaced ends with it; {left}")
        });
        let slots = self.slots.iter().filter(|(database, _)| database == name).map(|(_, slot)| {
            format!(
                "logical replication slot {slot:?} of the database {name:?} that is replaced is dropped with it: \
                 make the subscriptions that use it again"
            )
        });
        subscriptions.chain(slots).collect()
    }

    /// How the database is made on this server, and what of it is not as it was.
    ///
    /// # Errors
    /// Its tables are in a tablespace that is not here.
    pub fn fit(
        &self,
        name: &str,
        options: &DatabaseOptions,
        placement: Placement,
    ) -> Result<(DatabaseOptions, Option<String>), String> {
        let mut fitted = options.clone();
        if placement.server_locale {
            // An encoding that its locale does not fit cannot be had.
            let is_any =
                [&self.collate, &self.ctype].iter().all(|locale| matches!(locale.as_str(), "C" | "POSIX"));
            let encoding = options.encoding.clone().filter(|_| is_any);
            fitted = DatabaseOptions {
                encoding,
                tablespace: options.tablespace.clone(),
                tablespaces: options.tablespaces.clone(),
                ..DatabaseOptions::default()
            };
        }
        if placement.default_tablespace {
            fitted.tablespace = None;
            return Ok((fitted, None));
        }
        if let Some(missing) = options.tablespaces.iter().find(|one| !self.tablespaces.contains(one.as_str()))
        {
            let missing = missing.as_str();
            return Err(format!(
                "tables of database {name:?} are in tablespace {missing:?}, which this server does not have: make it by \
                 `CREATE TABLESPACE {} LOCATION '…'` or --globals, or pass --no-tablespaces",
                quoted(missing)
            ));
        }
        let lost = fitted.tablespace.take_if(|one| !self.tablespaces.contains(one.as_str()));
        let warning = lost.map(|one| {
            format!(
                "the server has no tablespace {:?}: database {name:?} goes into the default one",
                one.as_str()
            )
        });
        Ok((fitted, warning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(lines: &[&str]) -> Result<Surroundings, SurveyError> {
        let line = |line: &&str| {
            let (word, rest) = line.split_once(' ').unwrap();
            let names: Vec<_> = rest.split('|').map(hex::encode).collect();
            format!("{word} {}\n", names.join(" "))
        };
        Surroundings::parse(lines.iter().map(line).collect::<String>().as_bytes())
    }

    fn options(json: &str) -> DatabaseOptions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_stands_in_the_way_is_named_with_its_cure() {
        let found = parsed(&[
            "login postgres",
            "tablespace fast",
            "database shop|plain",
            "database tpl|template",
            "database rest|broken",
            "database ne\"w|plain",
            "prepared ne\"w|gid 1",
            "subscription shop|s'1|slot 1",
            "subscription shop|bare",
            "subscription other|s2|x",
            "slot shop|out",
            "locale C|C",
        ])
        .unwrap();
        assert!(found.has_database("tpl") && !found.has_database("nope"));
        assert_eq!(found.objection("shop"), None);
        assert_eq!(found.objection("nope"), None);
        assert!(found.objection("tpl").unwrap().contains("`ALTER DATABASE \"tpl\" IS_TEMPLATE false`"));
        assert!(found.objection("rest").unwrap().contains("`DROP DATABASE \"rest\"`"));
        assert!(found.objection("ne\"w").unwrap().contains("`ROLLBACK PREPARED` \"gid 1\""));
        let losses = found.losses("shop");
        assert_eq!(losses.len(), 3, "{losses:?}");
        assert!(losses[0].contains("pg_drop_replication_slot('slot 1')"), "{losses:?}");
        assert!(losses[2].contains("slot \"out\""), "{losses:?}");
    }

    #[test]
    fn a_database_stays_where_it_was_if_that_is_there() {
        let found = parsed(&["tablespace fast", "tablespace slow", "locale C|C"]).unwrap();
        let options =
            options(r#"{"encoding":"UTF8","collate":"de_DE","tablespace":"fast","tablespaces":["slow"]}"#);
        let own = Placement::default();
        assert_eq!(found.fit("shop", &options, own), Ok((options.clone(), None)));
        let elsewhere = Placement { default_tablespace: true, ..own };
        let (fitted, warning) = Surroundings::default().fit("shop", &options, elsewhere).unwrap();
        assert_eq!((fitted.tablespace, warning), (None, None));
        let refused = Surroundings::default().fit("shop", &options, own).unwrap_err();
        assert!(refused.contains("\"slow\"") && refused.contains("--no-tablespaces"), "{refused}");
        let bare = DatabaseOptions { tablespaces: Vec::new(), ..options.clone() };
        let (fitted, warning) = Surroundings::default().fit("shop", &bare, own).unwrap();
        assert_eq!(fitted.tablespace, None);
        assert!(warning.unwrap().contains("\"fast\""));
        let here = Placement { server_locale: true, ..own };
        let (fitted, _) = found.fit("shop", &options, here).unwrap();
        assert!(fitted.collate.is_none() && fitted.encoding.is_some() && fitted.tablespace.is_some());
        let german = parsed(&["tablespace fast", "tablespace slow", "locale de_DE|de_DE"]).unwrap();
        assert_eq!(german.fit("shop", &options, here).unwrap().0.encoding, None);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for lines in ["login", "login zz", "hello 61", "database 61 61", "tablespace 61 61"] {
            assert!(Surroundings::parse(lines.as_bytes()).is_err(), "{lines}");
        }
    }
}
