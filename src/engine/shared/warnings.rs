//! What a tool that ended well says on standard error.
//!
//! Nobody can know whether an unknown tool means it when it exits with 0 after an error. Its last words are shown, so that
//! somebody may see them before the backup is needed.

/// Said at every dump, and of no use to anybody; in lower case.
const CHATTER: [&str; 8] = [
    // With this one, the login was good.
    " ends in a carriage return",
    "using a password on the command line",
    "deprecated program name",
    "--ssl-verify-server-cert is disabled",
    "is deprecated and will be removed",
    // Of a client that acts as a replica.
    "sending replconf ",
    "sync sent to ",
    "transfer finished with success",
];

/// How much of it is shown, in lines and in characters.
const MAX_LINES: usize = 5;
const MAX_CHARS: usize = 1000;

/// The last lines of `stderr` that somebody should see, in one; `None` when there are none.
pub fn warnings(stderr: &str) -> Option<String> {
    // A carriage return is how progress is shown on a terminal: what was written over is gone there as well.
    let lines = stderr.lines().filter_map(|line| line.trim_end().rsplit('\r').next()).map(str::trim);
    let is_telling = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        !line.is_empty() && !CHATTER.iter().any(|chatter| lower.contains(chatter))
    };
    let telling: Vec<&str> = lines.filter(is_telling).collect();
    let last = telling.get(telling.len().saturating_sub(MAX_LINES)..).unwrap_or_default().join(" | ");
    let text: String = last.chars().filter(|c| !c.is_control()).collect();
    let surplus = text.chars().count().saturating_sub(MAX_CHARS);
    let text: String = text.chars().skip(surplus).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_every_night_is_not_repeated() {
        for chatter in [
            "",
            " \n\n",
            "mysqldump: [Warning] Using a password on the command line interface can be insecure.\n",
            "mysqldump: Deprecated program name. It will be removed in a future release, use '/usr/bin/mariadb-dump' instead\n",
            "WARNING: option --ssl-verify-server-cert is disabled, because of an insecure passwordless login.\n",
        ] {
            assert_eq!(warnings(chatter), None, "{chatter}");
        }
    }

    #[test]
    fn an_error_is_shown_whatever_stands_around_it() {
        let stderr = "mysqldump: Deprecated program name.\nERROR: cannot read block 7\n\nmysqldump: Deprecated program name.\n";
        assert_eq!(warnings(stderr).unwrap(), "ERROR: cannot read block 7");
    }

    #[test]
    fn of_much_only_the_end_is_shown_in_one_line() {
        let lines: String = (1..=100).map(|line| format!("line {line}\n")).collect();
        assert_eq!(warnings(&lines).unwrap(), "line 96 | line 97 | line 98 | line 99 | line 100");
        assert_eq!(warnings("10 %\r50 %\r100 %\r\n").unwrap(), "100 %");
        assert_eq!(warnings("\u{1b}[31mred\n").unwrap(), "[31mred");
        let long = warnings(&format!("{}end", "x".repeat(5000))).unwrap();
        assert_eq!(long.len(), MAX_CHARS);
        assert!(long.ends_with("xend"));
    }
}
