//! The check on a screen.

use super::item::{Area, CheckItem, Mark};
use crate::text::{Table, escaped};

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

/// What is wrong once more, for whoever reads only the end.
fn summary(items: &[CheckItem]) -> String {
    let of = |mark| items.iter().filter(move |item| item.mark == mark);
    let things = |count: usize| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
    let (failures, warnings) = (of(Mark::Failure).count(), of(Mark::Warning).count());
    let to_know = format!("{} to know (!)", things(warnings));
    match (failures, warnings) {
        (0, 0) => "All is well.\n".to_owned(),
        (0, _) => format!("It works; {to_know}.\n"),
        (_, _) => {
            let also = if warnings == 0 { String::new() } else { format!("; {to_know}") };
            let named = of(Mark::Failure).map(|item| format!("✗  {}\n", escaped(&name(item))));
            format!("{} will fail{also}:\n{}", things(failures), named.collect::<String>())
        }
    }
}

/// Where it stands above.
fn name(item: &CheckItem) -> String {
    let place = match (item.area, &item.target) {
        (_, Some(target)) => target.to_string(),
        (Area::Docker, None) => "Docker".to_owned(),
        (Area::Clock | Area::Store, None) => "the store".to_owned(),
        (Area::Targets, None) => "the targets".to_owned(),
    };
    format!("{place}: {}", item.subject)
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
        assert!(shown.ends_with("\n1 thing will fail; 1 thing to know (!):\n✗  Docker: exec\n"), "{shown}");
    }

    #[test]
    fn the_last_line_says_whether_anything_is_wrong() {
        let of = |mark| CheckItem::new(Area::Store, "x", mark, "y");
        assert_eq!(summary(&[of(Mark::Ok), of(Mark::Untried)]), "All is well.\n");
        assert_eq!(summary(&[of(Mark::Warning), of(Mark::Warning)]), "It works; 2 things to know (!).\n");
        let of_target = of(Mark::Failure).of(&"shop".parse().unwrap());
        assert_eq!(
            summary(&[of(Mark::Failure), of_target]),
            "2 things will fail:\n✗  the store: x\n✗  shop: x\n"
        );
    }
}
