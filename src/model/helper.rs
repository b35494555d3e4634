//! What Dumpcar asks of its own program in a helper container, and what that answers.
//!
//! A helper container has Dumpcar's own image, which is the same version, so nothing here has to be read by another one.

use serde::{Deserialize, Serialize};

/// The program in Dumpcar's image, by its `Dockerfile`.
pub const PROGRAM: &str = "/dumpcar";

/// The first argument of the program in a helper container.
pub const COMMAND: &str = "helper";

/// The argument behind [`COMMAND`] with which process 1 of a helper container waits until nobody needs it.
pub const WAIT: &str = "wait";

/// One piece of work, as JSON the last argument of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Prints the [`Databases`] whose paths fit the patterns.
    Survey {
        patterns: Vec<String>,
        /// Whether nobody has said that there is a file for each of them.
        is_guess: bool,
    },
    /// Prints the database file, as it is in one transaction.
    Dump { path: String },
    /// Reads a database file from standard input.
    Load(Staged),
    /// Puts what was loaded in place.
    Swap { files: Vec<Swap> },
    /// Fails if a file that was loaded is still to be put in place.
    Swapped { files: Vec<Staged> },
    /// Removes what a restore has made for itself in a folder: the files whose names begin so.
    Remove { folder: String, starts: Vec<String> },
    /// Removes a database.
    Drop { path: String },
    /// Prints the rows of a query.
    Query { path: String, query: String },
}

/// A file that a restore has made and that is not in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    pub folder: String,
    pub name: String,
}

impl Staged {
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder.trim_end_matches('/'), self.name)
    }
}

/// A database that gets the content of a staged file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    pub staged: Staged,
    pub path: String,
    /// The path of a copy of what is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
}

impl Request {
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("there are only strings in it")
    }
}

/// What there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Databases {
    /// Of the library that reads them.
    pub version: String,
    pub found: Vec<Database>,
    /// What is left of restores.
    pub leftovers: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub path: String,
    /// In bytes, what is not yet in the file itself included.
    pub bytes: u64,
    /// What to know about its dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether it is the plain absolute path of a file: no `.` or `..`, nothing empty, no control character.
pub fn is_file_path(path: &str) -> bool {
    const LONGEST: usize = 1024;
    let Some(rest) = path.strip_prefix('/') else { return false };
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    path.len() <= LONGEST && !path.chars().any(super::line::is_unsafe) && rest.split('/').all(is_part)
}

/// The folder of a file's path, and its name.
pub fn split_path(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("/", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_absolute_path_is_one_of_a_file() {
        for path in ["/data/db.sqlite3", "/a", "/config/home-assistant_v2.db", "/a b/é.db", "/a/..b"] {
            assert!(is_file_path(path), "{path}");
        }
        for path in
            ["", "/", "a", "data/a.db", "/data/", "//a", "/a//b", "/a/../b", "/a/./b", "/a\n", "/\u{202e}"]
        {
            assert!(!is_file_path(path), "{path:?}");
        }
        assert_eq!(split_path("/data/db/a.db"), ("/data/db", "a.db"));
        assert_eq!(split_path("/a.db"), ("/", "a.db"));
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let staged = Staged { folder: "/data".to_owned(), name: "x".to_owned() };
        assert_eq!(staged.path(), "/data/x");
        let request =
            Request::Swap { files: vec![Swap { staged, path: "/data/a.db".to_owned(), keep: None }] };
        assert_eq!(serde_json::from_str::<Request>(&request.to_json()).unwrap(), request);
    }
}
