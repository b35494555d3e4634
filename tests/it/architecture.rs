use std::collections::BTreeSet;
use std::path::Path;

/// Module → the modules it may use. One that is not listed may use everything: `main`, `commands`, `app`.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("secret", &[]),
    ("text", &["model"]),
    ("exit", &[]),
    ("clock", &[]),
    ("lock", &[]),
    ("machine", &[]),
    ("random", &[]),
    ("signals", &[]),
    ("engine", &["model"]),
    ("signing", &["secret"]),
    ("config", &["model", "secret", "signing", "engine"]),
    ("docker", &["model", "random"]),
    ("holder", &["docker", "lock", "model", "random"]),
    ("store", &["model", "config", "secret", "signing"]),
    ("pipeline", &["model", "docker", "store"]),
    ("outcome", &["model"]),
    ("cli", &["model"]),
    ("health", &["lock", "text"]),
    ("told", &["lock", "model"]),
    ("terminal", &["pipeline", "text"]),
    ("logging", &["config", "clock", "terminal", "text"]),
    ("discovery", &["config", "docker", "engine", "model"]),
    (
        "jobs",
        &[
            "app",
            "clock",
            "config",
            "discovery",
            "docker",
            "engine",
            "exit",
            "lock",
            "machine",
            "model",
            "outcome",
            "pipeline",
            "random",
            "store",
            "text",
        ],
    ),
    (
        "scheduler",
        &[
            "app",
            "clock",
            "discovery",
            "docker",
            "health",
            "jobs",
            "model",
            "outcome",
            "pipeline",
            "signals",
            "store",
            "text",
            "told",
        ],
    ),
];

/// Crate → the only module that may name it.
const OWNERS: &[(&str, &str)] = &[
    ("bollard", "docker"),
    ("hyper", "docker"),
    ("object_store", "store"),
    ("quick_xml", "store"),
    ("xz2", "pipeline"),
    ("zstd", "pipeline"),
    ("flate2", "pipeline"),
    ("envy", "config"),
    ("clap", "cli"),
    ("signal_hook", "signals"),
];

/// The Rust files below a folder of the project, by their paths in it, with their contents.
fn rust_files(below: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((relative, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

pub(crate) fn sources() -> Vec<(String, String)> {
    rust_files("src")
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// The modules a source names by `crate::`, outside of comments.
fn used(source: &str) -> BTreeSet<String> {
    source
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect())
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for (file, source) in sources() {
        let module = module_of(&file);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else { continue };
        for used in used(&source) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{file} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_outside_crate_has_one_owner() {
    let mut wrong = Vec::new();
    for (file, source) in sources() {
        for (name, owner) in OWNERS {
            let names_it = source.lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && line.contains(&format!("{name}::"))
            });
            // The binary parses the command line, through clap's trait.
            if names_it && module_of(&file) != *owner && !(*name == "clap" && file == "main.rs") {
                wrong.push(format!("{file} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_pure_does_no_io() {
    let forbidden =
        ["tokio::", "std::fs", "std::net", "std::env", "std::process", "SystemTime", "Timestamp::now"];
    for (file, source) in
        sources().into_iter().filter(|(file, _)| ["model", "engine", "signing"].contains(&module_of(file)))
    {
        if file.contains("tests") {
            continue;
        }
        let code = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        for word in forbidden {
            assert!(!code.contains(word), "{file} names {word}");
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

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
    let single = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(page);
    let (mut count, mut broken) = (0, Vec::new());
    for (path, text) in single.into_iter().chain(pages("docs")) {
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

/// What `cargo deny` holds against the bans and the sources of deny.toml in the published workflow.
#[test]
fn nothing_banned_is_among_the_dependencies() {
    let read =
        |name: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let rules = read("deny.toml");
    let banned: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("{ name = \"")?.split('"').next()).collect();
    assert!(banned.contains(&"openssl-sys") && banned.len() >= 4, "{banned:?}");
    let lock = read("Cargo.lock");
    for name in banned {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is a dependency");
    }
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, "source = \"registry+https://github.com/rust-lang/crates.io-index\"");
    }
}
