//! What a survey command prints.

use std::collections::BTreeMap;

use super::replacement::is_leftover;
use crate::model::database::DatabaseOptions;

/// What the server says there is to dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// As the server says it: `17.6 (Debian 17.6-1.pgdg13+1)`, `11.8.3-MariaDB`.
    pub server_version: String,
    /// By name. May be empty: a MariaDB or MySQL server without a database of its own still has users and grants to
    /// back up. A PostgreSQL server without one is an error of whoever called, as it always has one.
    pub databases: Vec<Database>,
    /// Whether the login may read password hashes (PostgreSQL), or users and grants at all (MariaDB, MySQL).
    pub reads_accounts: bool,
    /// Databases a restore made for itself, and did not live to drop. They are not dumped.
    pub leftovers: Vec<String>,
    /// Sentences for the log: what the backup will not have.
    pub notes: Vec<String>,
    /// Sentences that need not be said every night, each of a database that the backup has.
    pub hints: Vec<(String, String)>,
}

/// A database to dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub name: String,
    /// About how many bytes it has on disk; `None` when the login may not ask.
    pub size_hint: Option<u64>,
    /// How an empty one like it is made.
    pub options: Option<DatabaseOptions>,
}

/// The survey's output is not what the survey prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SurveyError {
    #[error("the server did not say its version")]
    NoVersion,
    #[error("unexpected answer from the server: {0:?}")]
    Line(String),
    #[error("the name of a database is not UTF-8 (hexadecimal {0}); rename it")]
    Name(String),
}

impl Survey {
    /// Whether the server's version starts with a number pair of at least this.
    pub(in crate::engine) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.server_version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(first)), Some(Ok(second))) => (first, second) >= (major, minor),
            _ => false,
        }
    }
}

/// Lines of a word and a value: `version TEXT`, `accounts 0|1`, `database HEX [SIZE]`, `options HEX HEX`, `closed HEX`,
/// `broken HEX`, `floats HEX HEX`, `cluster WORD`.
/// Names are hexadecimal because they may hold any byte, line ends included; so are options, the JSON of
/// [`DatabaseOptions`].
///
/// `without_accounts`: what a login that may not read accounts costs.
pub(in crate::engine) fn parse(
    stdout: &[u8],
    without_accounts: Option<&'static str>,
) -> Result<Survey, SurveyError> {
    let text = String::from_utf8_lossy(stdout);
    let mut survey = Survey::default();
    let mut options = BTreeMap::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let unexpected = || SurveyError::Line(line.chars().take(200).collect());
        let (word, value) = line.split_once(' ').ok_or_else(unexpected)?;
        match word {
            "version" => survey.server_version = value.to_owned(),
            "accounts" => survey.reads_accounts = value == "1",
            "database" => {
                let (hex, size) = value.split_once(' ').unwrap_or((value, ""));
                let size_hint = match size {
                    "" => None,
                    number => Some(number.parse().map_err(|_| unexpected())?),
                };
                let name = name(hex)?;
                if is_leftover(&name) {
                    survey.leftovers.push(name);
                } else {
                    survey.databases.push(Database { name, size_hint, options: None });
                }
            }
            "options" => {
                let (hex, json) = value.split_once(' ').ok_or_else(unexpected)?;
                let (name, json) = (name(hex)?, bytes(json)?);
                match serde_json::from_slice::<DatabaseOptions>(&json) {
                    Ok(known) => drop(options.insert(name, known)),
                    Err(error) => survey.notes.push(format!(
                        "database {name:?} has an encoding or a locale that cannot be recorded ({error}): \
                         a restore makes it with the server's own"
                    )),
                }
            }
            "closed" => survey.notes.push(format!(
                "database {:?} accepts no connections (datallowconn is off) and is not backed up",
                name(value)?
            )),
            "broken" => survey.notes.push(format!(
                "database {:?} is the rest of an interrupted DROP DATABASE and cannot be read: drop it",
                name(value)?
            )),
            "cluster" => survey.notes.push(
                "this is one node of a cluster: only its own keys are backed up; make each primary of the cluster a target"
                    .to_owned(),
            ),
            "floats" => {
                let (database, place) = value.split_once(' ').ok_or_else(unexpected)?;
                let (database, place) = (name(database)?, name(place)?);
                let hint = format!(
                    "database {database:?} has columns of type FLOAT, the first is {place:?}: the server prints 6 digits of \
                     them, so the rest does not come back; if they matter, make these columns DOUBLE"
                );
                survey.hints.push((database, hint));
            }
            _ => return Err(unexpected()),
        }
    }
    if survey.server_version.is_empty() {
        return Err(SurveyError::NoVersion);
    }
    for database in &mut survey.databases {
        database.options = options.remove(&database.name);
    }
    survey.databases.sort_by(|a, b| a.name.cmp(&b.name));
    survey.notes.extend(without_accounts.filter(|_| !survey.reads_accounts).map(str::to_owned));
    Ok(survey)
}

pub(in crate::engine) fn name(hex: &str) -> Result<String, SurveyError> {
    String::from_utf8(bytes(hex)?).map_err(|_| SurveyError::Name(hex.to_owned()))
}

pub(in crate::engine) fn bytes(digits: &str) -> Result<Vec<u8>, SurveyError> {
    let bytes = hex::decode(digits).ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| SurveyError::Line(digits.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_is_read() {
        let survey = parse(
            b"version 17.6 (Debian 17.6-1)\naccounts 1\ndatabase 73686f70 8404327\n\
            database 612062220a27c3a9\noptions 73686f70 7b22656e636f64696e67223a202255544638222c2022636f6c6c617465223a202243227d\n\
            options 612062220a27c3a9 7b22656e636f64696e67223a20225554463827227d\n\
            floats 73686f70 672e66\n\
            database 64756d706361725f726573746f72655f303132333435363738396162636465665f30\nclosed 78\nbroken 79\n",
            None,
        )
        .unwrap();
        assert_eq!(survey.server_version, "17.6 (Debian 17.6-1)");
        assert!(survey.reads_accounts);
        assert_eq!(
            survey.databases,
            [
                Database { name: "a b\"\n'é".to_owned(), size_hint: None, options: None },
                Database {
                    name: "shop".to_owned(),
                    size_hint: Some(8_404_327),
                    options: Some(serde_json::from_str(r#"{"encoding": "UTF8", "collate": "C"}"#).unwrap()),
                },
            ]
        );
        let [(database, hint)] = survey.hints.as_slice() else { panic!("{:?}", survey.hints) };
        assert!(database == "shop" && hint.contains("the first is \"g.f\""), "{hint}");
        assert_eq!(survey.leftovers, ["dumpcar_restore_0123456789abcdef_0"]);
        let notes = [
            "cannot be recorded",
            "\"x\" accepts no connections",
            "\"y\" is the rest of an interrupted DROP",
        ];
        assert_eq!(survey.notes.len(), notes.len());
        assert!(
            survey.notes.iter().zip(notes).all(|(note, words)| note.contains(words)),
            "{:?}",
            survey.notes
        );
    }

    #[test]
    fn what_no_survey_prints_is_an_error() {
        for stdout in [
            &b"version 17\nWelcome!\n"[..],
            b"version 17\nhello x",
            b"version 1\ndatabase 7",
            b"version 1\ndatabase zz",
            b"version 1\ndatabase 61 many",
            b"version 1\ndatabase ",
            b"version 1\ndatabase",
        ] {
            assert!(matches!(parse(stdout, None), Err(SurveyError::Line(_))), "{stdout:?}");
        }
        assert_eq!(parse(b"", None), Err(SurveyError::NoVersion));
        assert_eq!(parse(b"version 1\ndatabase ff\n", None), Err(SurveyError::Name("ff".to_owned())));
    }

    #[test]
    fn versions_compare_by_number() {
        for (version, is) in [
            ("10.11.18-MariaDB", true),
            ("11.8.9-MariaDB", true),
            ("10.6.1-MariaDB", false),
            ("9.12", false),
            ("", false),
            ("x", false),
        ] {
            let survey = Survey { server_version: version.to_owned(), ..Survey::default() };
            assert_eq!(survey.is_at_least(10, 11), is, "{version}");
        }
    }
}
