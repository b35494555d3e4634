//! What every page has: for browsers, screen readers, and whoever attacks them.

use std::collections::BTreeSet;

use super::html::{Token, tokens};
use super::*;

/// Elements without an end.
const VOID: [&str; 4] = ["!doctype", "meta", "link", "br"];

fn check(each: impl Fn(&str, &[Token])) {
    for (name, page) in pages() {
        each(&name, &tokens(&page));
    }
}

#[test]
fn each_element_is_closed_in_its_place() {
    check(|page, tokens| {
        let mut open: Vec<&str> = Vec::new();
        for name in tokens.iter().map(Token::name) {
            match name.strip_prefix('/') {
                // Drawings are closed in their own tags, which the tokens do not tell.
                Some(name) if !["path", "use", "circle"].contains(&name) => {
                    let last = open.pop();
                    let last = if ["path", "use", "circle"].contains(&last.unwrap_or_default()) {
                        open.iter().rposition(|one| *one == name).map(|at| open.split_off(at)[0])
                    } else {
                        last
                    };
                    assert_eq!(last, Some(name), "{page}");
                }
                Some(_) => {}
                None if name.is_empty() || VOID.contains(&name) || name == "style" => {}
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{page}: {open:?}");
    });
}

#[test]
fn headings_are_in_order_and_there_is_one_title() {
    check(|page, tokens| {
        let levels: Vec<u32> =
            tokens.iter().filter_map(|token| token.name().strip_prefix('h')?.parse().ok()).collect();
        assert_eq!(levels.first(), Some(&1), "{page}");
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{page}");
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{page}: {levels:?}");
        let html = tokens.iter().find(|token| token.name() == "html").unwrap();
        assert_eq!(html.get("lang"), Some("en"), "{page}");
        let title = tokens.iter().position(|token| token.name() == "title").unwrap();
        assert!(
            matches!(&tokens[title + 1], Token::Text(text) if text.ends_with(" on docker-host")),
            "{page}"
        );
        for landmark in ["header", "main", "footer"] {
            assert_eq!(
                tokens.iter().filter(|token| token.name() == landmark).count(),
                1,
                "{page} {landmark}"
            );
        }
    });
}

#[test]
fn each_header_of_a_table_says_what_it_is_of() {
    check(|page, tokens| {
        for header in tokens.iter().filter(|token| token.name() == "th") {
            assert!(matches!(header.get("scope"), Some("col" | "row")), "{page}: {header:?}");
        }
        // On a phone the rows are cards: what they are is said, since their looks no longer do.
        for (name, role) in [("table", "table"), ("tr", "row"), ("td", "cell")] {
            for token in tokens.iter().filter(|token| token.name() == name) {
                assert_eq!(token.get("role"), Some(role), "{page}: {token:?}");
            }
        }
        let cells = |name| {
            tokens.iter().filter(move |token| token.name() == name && token.get("scope") != Some("row"))
        };
        let (columns, rows) = (cells("th").count(), cells("tr").count());
        if rows > 0 {
            assert_eq!(cells("td").count(), (columns - 1) * (rows - 1), "{page}");
        }
    });
}

#[test]
fn each_drawing_has_words_or_is_beside_them() {
    check(|page, tokens| {
        for drawing in tokens.iter().filter(|token| token.name() == "svg") {
            let is_told = drawing.get("role") == Some("img")
                && drawing.get("aria-label").is_some_and(|it| !it.is_empty());
            assert!(is_told || drawing.get("aria-hidden") == Some("true"), "{page}: {drawing:?}");
        }
    });
}

#[test]
fn what_is_named_is_there_once() {
    check(|page, tokens| {
        let all: Vec<&str> = tokens.iter().filter_map(|token| token.get("id")).collect();
        let ids: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), ids.len(), "{page}: {all:?}");
        for token in tokens {
            let href = token.get("href").and_then(|href| href.strip_prefix('#'));
            for id in token.get("aria-labelledby").into_iter().chain(href) {
                assert!(ids.contains(id), "{page}: {id}");
            }
        }
    });
}

/// Nothing is loaded and nothing runs; the policy would not let it either.
#[test]
fn a_page_stands_alone() {
    check(|page, tokens| {
        for token in tokens {
            assert!(
                !["script", "iframe", "form", "img", "object", "embed", "base"].contains(&token.name()),
                "{page}: {token:?}"
            );
            for (name, value) in token.attributes() {
                assert!(!name.starts_with("on") && name != "style" && name != "src", "{page}: {token:?}");
                let is_link = name == "href";
                let stays = value.starts_with("targets/") || value.starts_with('#') || value == "../";
                assert!(!is_link || stays || value.starts_with("data:image/svg+xml,"), "{page}: {value}");
            }
        }
    });
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "{STYLE}");
}

#[test]
fn the_policy_allows_the_stylesheet_of_the_page_and_nothing_else() {
    let page = overview(&fixtures::healthy(), &about(), now());
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = BASE64_STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let wanted = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(*POLICY, wanted);
}
