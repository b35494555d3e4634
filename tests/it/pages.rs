use std::collections::BTreeSet;
use std::path::Path;

use super::architecture::{files, root, rust_files};

/// The Markdown files in a folder of the project and below, by their paths in the project, with their contents.
fn pages(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(below)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{below}/{name}");
        if root().join(&path).is_dir() {
            found.extend(pages(&path));
        } else if name.ends_with(".md") {
            found.push(page(&path));
        }
    }
    found
}

fn page(path: &str) -> (String, String) {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    (path.to_owned(), text)
}

/// Every page of the project.
fn all() -> Vec<(String, String)> {
    let single = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(page);
    [single.to_vec(), pages("docs")].concat()
}

/// The pages about the inside.
fn internals() -> Vec<(String, String)> {
    [vec![page("ARCHITECTURE.md")], pages("docs/internals")].concat()
}

/// A page without its blocks of code.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    page.lines().filter(is_prose).collect::<Vec<_>>().join("\n")
}

/// What stands between backticks.
fn quoted(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2)
}

/// A test that a page names as a guard exists. `…` at the end stands for more.
#[test]
fn every_test_that_a_page_names_exists() {
    let files = [rust_files("src"), rust_files("tests")].concat();
    let names = files.iter().flat_map(|(_, source)| source.split("fn ").skip(1));
    let functions: Vec<&str> = names.filter_map(|rest| rest.split(['(', '<']).next()).collect();
    let is_test = |name: &str| {
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && name.matches('_').count() >= 4
    };
    let (mut count, mut missing) = (0, Vec::new());
    for (path, text) in internals() {
        let prose = prose(&text);
        for name in quoted(&prose) {
            let (start, more) = (name.trim_end_matches('…'), name.ends_with('…'));
            if is_test(start) {
                count += 1;
                if !functions.iter().any(|f| *f == start || more && f.starts_with(start)) {
                    missing.push(format!("{path}: {name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 100, "the names are no longer found: {count}");
}

/// The sources of all tests, in one line each: those in files of their own, and those at the end of what they test.
fn tests_in_lines() -> Vec<String> {
    let at_the_end = |file: &str, text: String| match file.contains("tests/") || file.ends_with("tests.rs") {
        true => text,
        false => text.split_once("#[cfg(test)]").map_or_else(String::new, |(_, tests)| tests.to_owned()),
    };
    let own = ["tests/it", "tests/docker"].into_iter().flat_map(rust_files).map(|(_, text)| text);
    let snapshots =
        files("src").into_iter().filter(|(file, _)| file.ends_with(".snap")).map(|(_, text)| text);
    let all =
        own.chain(snapshots).chain(rust_files("src").into_iter().map(|(file, text)| at_the_end(&file, text)));
    all.map(|text| in_words(&text.replace("\\\n", " ")).join(" ")).collect()
}

fn in_words(text: &str) -> Vec<String> {
    let plain = text.replace("\\\"", "\"").replace(['`', '{', '}'], "");
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Of each message on the page about trouble, a test wants to see four words in a row of its longest part, or all if it has no more.
#[test]
fn every_message_that_a_cure_is_told_for_is_produced_by_a_test() {
    let tests = tests_in_lines();
    let (_, text) = page("docs/troubleshooting.md");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    // With two backticks around it, a message has some inside.
    let marks = |cell: &str| if cell.contains("``") { "``" } else { "`" };
    let messages: Vec<&str> =
        cells.flat_map(|cell| cell.split(marks(cell)).skip(1).step_by(2).map(str::trim)).collect();
    let is_seen = |message: &&&str| {
        let parts = message
            .trim_start_matches("TARGET: ")
            .split('…')
            .map(|part| in_words(part.trim_matches([' ', ':', ';'])));
        // Other messages begin, or end, as this one does: its longest part is its own.
        let words =
            parts.max_by_key(|words| words.iter().map(String::len).sum::<usize>()).unwrap_or_default();
        let runs = words.windows(words.len().clamp(1, 4)).map(|run| run.join(" "));
        let runs: Vec<String> = runs.filter(|run| run.len() >= 8).collect();
        // What is about a drill has no words of its own.
        runs.is_empty()
            || **message == "(drill) TARGET: …"
            || runs.iter().any(|run| tests.iter().any(|test| test.contains(run)))
    };
    let unseen: Vec<_> = messages.iter().filter(|message| !is_seen(message)).collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
    assert!(messages.len() > 100, "the messages are no longer found: {}", messages.len());
}

/// A file that a page about the inside names exists: from the project's root, or below `src`.
#[test]
fn every_file_that_a_page_names_exists() {
    const ENDS: [&str; 6] = [".rs", ".sh", ".sql", ".sed", ".toml", ".md"];
    const FOLDERS: [&str; 4] = ["src/", "tests/", "scripts/", "docs/"];
    let is_path = |text: &&str| {
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        let is_file = text.contains('/') && ENDS.iter().any(|end| text.ends_with(end));
        is_plain && (is_file || FOLDERS.iter().any(|folder| text.starts_with(folder)))
    };
    let is_there = |path: &str| {
        ["", "src/", "tests/", "src/engine/"].iter().any(|below| root().join(below).join(path).exists())
    };
    let mut missing = Vec::new();
    for (path, text) in internals() {
        let prose = prose(&text);
        missing.extend(
            quoted(&prose)
                .filter(is_path)
                .filter(|file| !is_there(file))
                .map(|file| format!("{path}: {file}")),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Each question of the page has a file for an answer, by its whole path.
#[test]
fn every_file_of_where_exists() {
    let (_, text) = page("docs/internals/where.md");
    let answers: Vec<&str> =
        text.lines().filter(|line| line.starts_with("| ") && line.contains("? |")).collect();
    assert!(answers.len() >= 20, "{}", answers.len());
    for answer in answers {
        let files: Vec<&str> =
            quoted(answer).filter(|text| text.starts_with("src/") || text.starts_with("tests/")).collect();
        assert!(!files.is_empty(), "{answer}");
        for file in files {
            assert!(root().join(file).is_file(), "{file}: {answer}");
        }
    }
}

/// The anchors that GitHub makes of a page's headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page).lines() {
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        let Some(title) = title.strip_prefix(' ').filter(|_| (1..=6).contains(&level)) else { continue };
        // Of a link only its text is there.
        let title: String = title
            .split('[')
            .map(|part| {
                part.split_once("](").map_or(part.to_owned(), |(text, rest)| {
                    text.to_owned() + rest.split_once(')').map_or("", |(_, after)| after)
                })
            })
            .collect();
        let kept = title.trim().to_lowercase();
        let anchor: String = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let numbered = (1..).map(|n| format!("{anchor}-{n}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        anchors.extend(names.find(|name| !anchors.contains(name)));
    }
    anchors
}

/// Where a page's links lead, those of `[text](place)` and of `[text]: place`.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let inline =
        prose.split("](").skip(1).map(|rest| rest.split([')', ' ', '\n']).next().unwrap_or_default());
    let defined = prose
        .lines()
        .filter(|line| line.starts_with('['))
        .filter_map(|line| line.split_once("]: ")?.1.split_whitespace().next());
    inline.chain(defined).map(str::to_owned).collect()
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let (mut count, mut broken) = (0, Vec::new());
    for (path, text) in all() {
        let folder = Path::new(&path).parent().unwrap();
        for link in links(&text) {
            if ["http://", "https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme)) {
                continue;
            }
            count += 1;
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
            let place = if file.is_empty() { root().join(&path) } else { root().join(folder).join(file) };
            let is_there = match anchor {
                None => place.exists(),
                Some(anchor) => {
                    std::fs::read_to_string(&place).is_ok_and(|text| anchors(&text).contains(anchor))
                }
            };
            if !is_there {
                broken.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(count > 100, "the links are no longer found: {count}");
}

#[test]
fn anchors_are_those_of_github() {
    let page = "# A `b`, c: d-e_f\n```\n# no\n```\n## [Text](x.md#y) more\n### A `b`, c: d-e_f\n#no\n";
    let made: Vec<String> = anchors(page).into_iter().collect();
    assert_eq!(made, ["a-b-c-d-e_f", "a-b-c-d-e_f-1", "text-more"]);
    assert_eq!(
        links("[a](b.md#c) ![d](e.svg \"f\")\n[g]: h.md\n```\n[i](j)\n```\n"),
        ["b.md#c", "e.svg", "h.md"]
    );
}

/// Tables and blocks of code cannot be wrapped.
#[test]
fn a_line_of_a_page_has_at_most_120_characters() {
    let mut long = Vec::new();
    for (path, text) in all() {
        let prose = prose(&text);
        let lines = prose.lines().filter(|line| !line.trim_start().starts_with('|'));
        long.extend(lines.filter(|line| line.chars().count() > 120).map(|line| format!("{path}: {line}")));
    }
    assert!(long.is_empty(), "{long:#?}");
}
