//! What of a database cannot be dumped, so that the rest of it can.

use super::survey::{SurveyError, name};

/// What a dump leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without {
    /// Tables and views.
    pub tables: Vec<String>,
    /// Procedures and functions.
    pub routines: bool,
    pub events: bool,
}

impl Without {
    /// Leaves out the whole kind of what a login may not see, of which a dump cannot leave out one; its name, if that is new.
    pub fn hidden(&mut self, failure: &str) -> Option<&'static str> {
        let kinds = [
            ("insufficient privileges to SHOW CREATE ", &mut self.routines, "routines"),
            ("'show events'", &mut self.events, "events"),
        ];
        kinds.into_iter().find_map(|(sign, is_out, name)| {
            let is_new = !*is_out && failure.contains(sign);
            *is_out |= is_new;
            is_new.then_some(name)
        })
    }
}

/// A table or view that cannot be dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub name: String,
    /// What the tool says.
    pub reason: String,
}

impl Broken {
    /// Reads what the examination printed: lines of a name in hexadecimal, and a reason.
    ///
    /// # Errors
    /// A line that it does not print.
    pub fn parse(stdout: &[u8]) -> Result<Vec<Self>, SurveyError> {
        let text = String::from_utf8_lossy(stdout);
        let read = |line: &str| {
            let (hex, reason) = line.split_once(' ').unwrap_or((line, ""));
            Ok(Self { name: name(hex)?, reason: reason.trim().to_owned() })
        };
        text.lines().filter(|line| !line.is_empty()).map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_left_out_once() {
        let mut without = Without::default();
        let said = "mysqldump: lim has insufficient privileges to SHOW CREATE PROCEDURE `p`!";
        assert_eq!((without.hidden(said), without.hidden(said)), (Some("routines"), None));
        let said = "mysqldump: Couldn't execute 'show events': Access denied for user 'lim'@'localhost'";
        assert_eq!((without.hidden(said), without.hidden(said)), (Some("events"), None));
        assert_eq!(without.hidden("mysqldump: Got error"), None);
    }

    #[test]
    fn an_examination_is_read() {
        let read = Broken::parse;
        let found =
            read(b"76 mysqldump: View 'aaa.v' references invalid table(s) (1356)\n600a20 x\n").unwrap();
        assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["v", "`\n "]);
        assert_eq!(found[0].reason, "mysqldump: View 'aaa.v' references invalid table(s) (1356)");
        assert_eq!(read(b""), Ok(Vec::new()));
        for stdout in [&b"Welcome!\n"[..], b"7 x\n", b" x\n"] {
            assert!(read(stdout).is_err(), "{stdout:?}");
        }
    }
}
