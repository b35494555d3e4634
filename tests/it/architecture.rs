mod cycles;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::path::Path;

use dumpcar::engine::Engine;
use uses::Sources;

/// They put it all together.
const EVERYTHING: [&str; 4] = ["commands", "fuzzing", "lib", "main"];

/// Module → the modules it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("secret", &[]),
    ("causes", &[]),
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
    ("docker", &["causes", "model", "random"]),
    ("holder", &["docker", "lock", "model", "random"]),
    ("store", &["causes", "model", "config", "secret", "signing", "web"]),
    ("web", &["secret"]),
    ("pipeline", &["model", "docker", "store"]),
    ("worth", &["model", "store"]),
    ("app", &["config", "discovery", "docker", "holder", "model", "store", "worth"]),
    ("outcome", &["model"]),
    ("cli", &["model"]),
    ("helper", &["model"]),
    ("told", &["lock", "model"]),
    (
        "report",
        &[
            "causes", "clock", "config", "lock", "model", "outcome", "pipeline", "random", "secret", "text",
            "told", "web",
        ],
    ),
    ("listen", &["clock", "config", "report", "secret"]),
    ("terminal", &["report", "text"]),
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
            "report",
            "store",
            "text",
            "worth",
        ],
    ),
    (
        "scheduler",
        &[
            "app",
            "clock",
            "discovery",
            "docker",
            "jobs",
            "model",
            "outcome",
            "report",
            "signals",
            "store",
            "text",
            "told",
        ],
    ),
];

/// Crate → the only modules that may name it: the client and the server of HTTP have one each.
const OWNERS: &[(&str, &[&str])] = &[
    ("bollard", &["docker"]),
    ("hyper", &["docker", "listen"]),
    ("object_store", &["store"]),
    ("quick_xml", &["store"]),
    ("xz2", &["pipeline"]),
    ("zstd", &["pipeline"]),
    ("flate2", &["pipeline"]),
    ("rusqlite", &["helper"]),
    ("lettre", &["report"]),
    ("envy", &["config"]),
    ("wildmatch", &["model"]),
    ("prometheus_client", &["report"]),
    ("askama", &["report"]),
    ("clap", &["cli"]),
    ("signal_hook", &["signals"]),
];

/// A file with more lines is split by subject.
const MOST_LINES: usize = 400;

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the project, by their paths in it, with their contents. What is no text is left out.
pub(super) fn files(below: &str) -> Vec<(String, String)> {
    let root = root().join(below);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(content) = std::fs::read_to_string(&path) {
                let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((relative, content));
            }
        }
    }
    found
}

/// The Rust files of them.
pub(super) fn rust_files(below: &str) -> Vec<(String, String)> {
    files(below).into_iter().filter(|(file, _)| file.ends_with(".rs")).collect()
}

pub(crate) fn sources() -> Vec<(String, String)> {
    rust_files("src")
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

#[test]
fn arrows_point_down_only() {
    let read = Sources::read(&root().join("src"), true);
    let named = read.arrows().into_iter();
    let followed = read.uses().into_iter().map(|one| (one.from, module_of(&one.to).to_owned()));
    let mut wrong = BTreeSet::new();
    for (file, used) in named.chain(followed) {
        let module = module_of(&file);
        let arrows = ARROWS.iter().find(|(name, _)| *name == module);
        let is_allowed = arrows.is_some_and(|(_, allowed)| allowed.contains(&used.as_str()));
        if used != module && !is_allowed && !EVERYTHING.contains(&module) {
            wrong.insert(format!("{file} uses {used}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_module_is_in_the_table() {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).chain(EVERYTHING).collect();
    let files = sources();
    let there: BTreeSet<&str> = files.iter().map(|(file, _)| module_of(file)).collect();
    assert_eq!(there, known);
}

/// `ARCHITECTURE.md` has the same table for people.
#[test]
fn the_page_has_the_same_arrows() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let words =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = page.lines().skip_while(|line| !line.ends_with("| May use |")).skip(2);
    let mut told = BTreeMap::new();
    for row in rows.take_while(|row| row.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let (names, used) = (cells.first().unwrap(), cells.last().unwrap().trim());
        assert!(["nothing", "everything"].contains(&used) || used.starts_with('`'), "{row}");
        let uses = if used == "everything" { None } else { Some(words(used)) };
        told.extend(words(names).into_iter().map(|name| (name, uses.clone())));
    }
    let of = |allowed: &[&str]| Some(allowed.iter().map(|&name| name.to_owned()).collect());
    let mut held: BTreeMap<String, Option<BTreeSet<String>>> =
        ARROWS.iter().map(|(name, allowed)| ((*name).to_owned(), of(allowed))).collect();
    // What a fuzzer needs of the inside is no part of the program, and neither is what only names the modules.
    let program = EVERYTHING.into_iter().filter(|name| !["fuzzing", "lib"].contains(name));
    held.extend(program.map(|name| (name.to_owned(), None)));
    assert_eq!(told, held);
}

#[test]
fn each_outside_crate_has_one_owner() {
    let mut wrong = Vec::new();
    for (file, source) in sources() {
        for (name, owners) in OWNERS {
            let names_it = source.lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && line.contains(&format!("{name}::"))
            });
            // A reader is tried on what the real thing writes.
            let names_it = names_it && !file.contains("tests");
            // The binary parses the command line, through clap's trait.
            if names_it && !owners.contains(&module_of(&file)) && !(*name == "clap" && file == "main.rs") {
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

#[test]
fn no_file_has_more_than_400_lines() {
    let mut long = BTreeSet::new();
    for folder in ["src", "tests", "scripts", "benches", "fuzz/fuzz_targets"] {
        let files = files(folder).into_iter().filter(|(_, content)| content.lines().count() > MOST_LINES);
        long.extend(files.map(|(file, _)| format!("{folder}/{file}")));
    }
    assert!(long.is_empty(), "split them by subject: {long:#?}");
}

/// An engine is its folder: nobody else names one, but for who reads the text of its dumps.
#[test]
fn only_an_engines_folder_names_it() {
    let known = Engine::all().filter(|engine| !engine.is_defined_by_labels());
    let names: Vec<&str> =
        known.flat_map(|engine| iter::once(engine.name()).chain(engine.aliases().iter().copied())).collect();
    let mut wrong = Vec::new();
    for (file, source) in sources() {
        let reads_dumps = file.starts_with("model/content") || file.starts_with("fuzzing");
        // The tool of one engine.
        let is_tool = file.starts_with("helper/");
        if file.starts_with("engine/") || is_tool || reads_dumps || file.contains("tests") {
            continue;
        }
        let code = source.split("#[cfg(test)]").next().unwrap_or_default().lines().map(str::trim_start);
        for line in code.filter(|line| !line.starts_with("//")) {
            let lower = line.to_ascii_lowercase();
            let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
            wrong.extend(words.find(|word| names.contains(word)).map(|_| format!("{file}: {line}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The plan decides, and reports by events what it decides: a line of the log, or a value of health, is a sink's.
#[test]
fn the_plan_of_the_scheduler_only_returns_values() {
    for (file, source) in sources().into_iter().filter(|(file, _)| file.starts_with("scheduler/plan")) {
        for word in ["tracing", "tokio", "async ", "clock::", "store::", "Reporter"] {
            assert!(!source.contains(word), "{file} names {word}");
        }
    }
}

/// What `cargo deny` holds against the bans and the sources of deny.toml in the published workflow.
#[test]
fn nothing_banned_is_among_the_dependencies() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
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
