//! The check on a screen.

use super::item::{Area, CheckItem, Mark};
use crate::text::Table;

/// A table for Docker, the store and each target. What to do stands below what was found.
pub fn table(items: &[CheckItem], store: &str) -> String {
    let mut text = String::new();
    let sections = items.chunk_by(|one, next| heading(one, store) == heading(next, store));
    for section in sections {
        let Some(first) = section.first() else { continue };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&heading(first, store));
        text.push('\n');
        text.push_str(&rows(section));
    }
    text.push('\n');
    text.push_str(&summary(items));
    text
}

fn heading(item: &CheckItem, store: &str) -> String {
    match (item.area, &item.target) {
        (Area::Docker, _) => "DOCKER".to_owned(),
        (Area::Clock | Area::Store, _) => format!("STORE {store}"),
        (Area::Targets, Some(target)) => format!("TARGET {target}"),
        (Area::Targets, None) => "TARGETS".to_owned(),
    }
}

fn rows(section: &[CheckItem]) -> String {
    let mut table = Table::new(["", "", ""]);
    table.wrap();
    for item in section {
        table.push([item.mark.sign().to_owned(), item.subject.clone(), item.text.clone()]);
        if let Some(cure) = &item.cure {
            table.push([String::new(), String::new(), format!("→ {cure}")]);
        }
    }
    // The head is empty: sections have their own.
    table.to_string().trim_start_matches('\n').to_owned()
}

/// One line, for whoever reads no more.
fn summary(items: &[CheckItem]) -> String {
    let count = |mark| items.iter().filter(|item| item.mark == mark).count();
    let things = |count: usize| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
    match (count(Mark::Failure), count(Mark::Warning)) {
        (0, 0) => "All is well.\n".to_owned(),
        (0, warnings) => format!("It works; {} to know (!).\n", things(warnings)),
        (failures, 0) => format!("{} will fail (✗).\n", things(failures)),
        (failures, warnings) => {
            format!("{} will fail (✗); {} to know (!).\n", things(failures), things(warnings))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_of_80_columns_has_room_for_everything() {
        let target = "shop-db".parse().unwrap();
        let items = [
            CheckItem::new(Area::Docker, "engine", Mark::Ok, "28.5.2, API 1.51, over the socket /var/run/docker.sock"),
            CheckItem::new(Area::Docker, "exec", Mark::Failure, "no database can be dumped: ".to_owned() + &"word ".repeat(20))
                .with_cure("let the proxy pass `POST /exec/{id}/start` on: EXEC=1 and POST=1"),
            CheckItem::new(Area::Clock, "clock", Mark::Ok, "this machine's clock is the store's"),
            CheckItem::new(Area::Store, "s3:ListBucketMultipartUploads", Mark::Warning, "may not ".repeat(10))
                .with_cure("add to the policy of the keys: { \"Effect\": \"Allow\", \"Action\": \"s3:ListBucketMultipartUploads\" }"),
            CheckItem::new(Area::Targets, "login", Mark::Untried, "not tried\n\u{1b}[31m").of(&target),
        ];
        let shown = table(&items, "s3://b/p");
        let wide: Vec<_> = shown.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        assert!(shown.starts_with("DOCKER\n✓  engine  28.5.2"), "{shown}");
        assert!(shown.contains("\n           → let the proxy pass"), "{shown}");
        assert!(shown.contains("\nSTORE s3://b/p\n✓  clock"), "{shown}");
        assert!(shown.contains("\nTARGET shop-db\n-  login  not tried\\n\\u{1b}[31m\n"), "{shown}");
        assert!(shown.ends_with("\n1 thing will fail (✗); 1 thing to know (!).\n"), "{shown}");
    }

    #[test]
    fn the_last_line_says_whether_anything_is_wrong() {
        let of = |mark| CheckItem::new(Area::Store, "x", mark, "y");
        assert_eq!(summary(&[of(Mark::Ok), of(Mark::Untried)]), "All is well.\n");
        assert_eq!(summary(&[of(Mark::Warning), of(Mark::Warning)]), "It works; 2 things to know (!).\n");
        assert_eq!(summary(&[of(Mark::Failure)]), "1 thing will fail (✗).\n");
    }
}
