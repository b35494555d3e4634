//! What a drill's server is told of its target's settings: what changes the meaning of a dump, or whether it loads.
//!
//! Everything else stays with the target: ports, sockets, files, sizes of memory, replication, logs.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::line::is_unsafe;
use crate::model::words;

/// No setting worth having is longer.
const LONGEST: usize = 4096;

/// Which settings of a target a throwaway server gets, and how they are written.
#[derive(Debug)]
pub struct Rules {
    /// The names, in the server's own spelling.
    pub names: &'static [&'static str],
    /// Whether names with dots are settings of extensions, which it gets as well.
    pub has_extensions: bool,
    /// Whether `-c NAME=VALUE` is a setting, besides `--NAME=VALUE`.
    pub has_short: bool,
    /// Settings that are lists of files the server loads.
    pub libraries: &'static [&'static str],
    /// What stands between two of them.
    pub between_libraries: char,
    /// Parts of the names of libraries that a throwaway server does not load.
    pub no_libraries: &'static [&'static str],
    /// A value that the server's own default is better than.
    pub not: Option<(&'static str, &'static str)>,
    /// Settings and libraries as arguments of the server. What it does not know is passed over, where it can be told so.
    pub arguments: fn(&BTreeMap<String, String>, &BTreeSet<String>) -> Vec<String>,
}

/// Settings of a server by name, in the server's own spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// Files a server loads: its preload libraries, or its plugins.
    libraries: BTreeSet<String>,
    /// The names of those that are not taken.
    pub left_out: BTreeSet<String>,
}

impl Settings {
    /// Those of a command line, as Docker tells the arguments of a container.
    pub(in crate::engine) fn of_arguments(rules: &Rules, arguments: &[String]) -> Self {
        let mut settings = Self::default();
        let words = plain_words(arguments);
        let mut rest = words.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            let option = match rules.has_short {
                true if word == "-c" => rest.next(),
                true => word.strip_prefix("-c").or_else(|| word.strip_prefix("--")),
                false => word.strip_prefix("--"),
            };
            let Some(option) = option.filter(|option| !option.is_empty()) else { continue };
            match option.split_once('=') {
                Some((name, value)) => settings.add(rules, name, value),
                None => {
                    let value = rest.next_if(|next| !next.starts_with('-'));
                    settings.add(rules, option, value.unwrap_or("1"));
                }
            }
        }
        settings
    }

    /// Those that a server has told.
    pub(in crate::engine) fn told(mut self, rules: &Rules, stdout: &[u8]) -> Self {
        for line in String::from_utf8_lossy(stdout).lines() {
            let pair = line.split_once(' ').map(|(name, value)| (text(name), text(value)));
            if let Some((Some(name), Some(value))) = pair {
                self.add(rules, &name, &value);
            }
        }
        self
    }

    fn add(&mut self, rules: &Rules, name: &str, value: &str) {
        let mut name = name.trim().to_ascii_lowercase();
        if !rules.has_extensions || !name.contains('.') {
            name = name.replace('-', "_");
        }
        let name = name.trim_start_matches("loose_").to_owned();
        let value = value.trim().trim_matches(|c| c == '\'' || c == '"');
        // An extension's setting that names a file is one of the target.
        let is_of_extension = rules.has_extensions && name.contains('.') && !value.contains('/');
        let is_known = is_of_extension || rules.names.contains(&name.as_str());
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if !is_known || !is_name || value.len() > LONGEST || value.chars().any(is_unsafe) {
            self.left_out.insert(name.chars().filter(|c| !is_unsafe(*c)).take(64).collect());
            return;
        }
        if rules.libraries.contains(&name.as_str()) {
            self.libraries.extend(libraries(rules, value));
        } else if rules.not != Some((name.as_str(), value)) {
            self.values.insert(name, value.to_owned());
        }
    }

    /// Leaves out a library that the image does not have, or names the server so in what it printed. Whether there was one.
    pub fn without_missing(&mut self, printed: &str) -> bool {
        let is_told = |name: &String| {
            let file = name.rsplit(['/', '=']).next().unwrap_or(name);
            let file = file.strip_suffix(".so").unwrap_or(file);
            printed.contains(&format!("access file \"{name}\""))
                || printed.contains(&format!("/{file}\""))
                || printed.contains(&format!("/{file}.so\""))
        };
        let missing: Vec<_> = self.libraries.iter().filter(|name| is_told(name)).cloned().collect();
        for name in &missing {
            self.libraries.remove(name);
            self.left_out.insert(name.clone());
        }
        !missing.is_empty()
    }

    /// As arguments of the server.
    pub(in crate::engine) fn arguments(&self, rules: &Rules) -> Vec<String> {
        (rules.arguments)(&self.values, &self.libraries)
    }
}

/// The words of a command line; those of a script that a shell is given are looked at as well.
fn plain_words(arguments: &[String]) -> Vec<String> {
    let split = |word: &String| match words::split(word) {
        Ok(words) if words.len() > 1 && words.iter().any(|word| is_server(word)) => words,
        Ok(_) | Err(_) => vec![word.clone()],
    };
    arguments.iter().flat_map(split).collect()
}

fn is_server(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    matches!(name, "postgres" | "mysqld" | "mariadbd" | "mysqld_safe" | "mariadbd-safe")
}

/// Of a list of files, or of `name=file`.
fn libraries(rules: &Rules, list: &str) -> impl Iterator<Item = String> {
    let names = list.split(rules.between_libraries).map(|name| name.trim().trim_matches('"'));
    let is_plain = |name: &&str| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=' | '$' | '/');
        let file = name.strip_prefix("$libdir/").unwrap_or(name);
        !file.is_empty() && !file.contains(['/', '$']) && name.chars().all(is_known)
    };
    let is_wanted = |name: &&str| !rules.no_libraries.iter().any(|word| name.contains(word));
    names.filter(is_plain).filter(is_wanted).map(str::to_owned)
}

/// Text as the hexadecimal digits of its bytes.
fn text(digits: &str) -> Option<String> {
    String::from_utf8(hex::decode(digits.trim()).ok()?).ok()
}
