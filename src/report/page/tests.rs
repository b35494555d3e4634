mod content;
mod contrast;
mod fixtures;
mod html;
mod outside;
mod structure;

use fixtures::{about, now};

use super::*;

/// Every page of these states, by the name of its file.
fn pages() -> Vec<(String, String)> {
    let states = [
        ("healthy", fixtures::healthy()),
        ("failing", fixtures::failed()),
        ("suspicious", fixtures::suspicious()),
        ("empty", fixtures::empty()),
        ("many", fixtures::many(200)),
        ("long", fixtures::long()),
    ];
    let about = about();
    let mut pages = Vec::new();
    for (state, status) in states {
        pages.push((state.to_owned(), overview(&status, &about, now())));
        for name in status.targets.keys().take(3) {
            let page = target(name, &status, &about, now()).unwrap();
            pages.push((format!("{state}-{}", name.as_str().get(..12).unwrap_or(name.as_str())), page));
        }
    }
    pages
}

/// For `scripts/screenshots`.
#[test]
#[ignore = "writes the pages into the folder PAGES"]
fn pages_for_pictures() {
    #[expect(clippy::disallowed_methods, reason = "a script says where")]
    let folder = std::path::PathBuf::from(std::env::var("PAGES").unwrap());
    for (name, page) in pages() {
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
}
