use std::collections::BTreeMap;

use dumpcar::model::key::Stamp;
use serde_json::Value;

use super::operator::earlier;
use super::support::docker::Script;
use super::support::world::World;

/// The schemas of the document, by the command in their heading.
fn schemas() -> BTreeMap<String, Value> {
    let document = include_str!("../../docs/json.md");
    let sections = document.split("\n## `").skip(1);
    sections
        .map(|section| {
            let (command, rest) = section.split_once('`').unwrap();
            let block = rest.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
            (command.to_owned(), serde_json::from_str(block).unwrap())
        })
        .collect()
}

/// What is wrong with `value` by `schema`: as much of JSON Schema as the document uses.
fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for (word, wanted) in schema.as_object().unwrap() {
        let is_right = match word.as_str() {
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("{other}"),
                };
                wanted.as_array().map_or_else(|| is(wanted), |any| any.iter().any(is))
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "format" => value.as_str().is_some_and(|text| match wanted.as_str().unwrap() {
                "stamp" => text.parse::<Stamp>().is_ok(),
                "date-time" => text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
                other => panic!("{other}"),
            }),
            "required" => {
                let missing =
                    |name: &&Value| value.is_object() && value.get(name.as_str().unwrap()).is_none();
                wanted.as_array().unwrap().iter().find(missing).is_none()
            }
            "additionalProperties" => value
                .as_object()
                .is_none_or(|fields| fields.keys().all(|name| schema["properties"].get(name).is_some())),
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        check(schema, value, &format!("{at}.{name}"), wrong);
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, value, &format!("{at}[{index}]"), wrong);
                }
                true
            }
            other => panic!("{other} is no word of the document"),
        };
        if !is_right {
            wrong.push(format!("{at}: {word} {wanted}: {value}"));
        }
    }
}

const STAMP: &str = "2026-01-01T23-00-00Z";

async fn assert_answers(world: &World, commands: &[&[&str]], status: Option<i32>) {
    let schemas = schemas();
    for args in commands {
        let ended = world.run(&[args, &["--json"][..]].concat()).await;
        let answer: Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|_| panic!("{args:?} {:?} {}", ended.stdout, ended.stderr));
        let mut wrong = Vec::new();
        check(&schemas[args[0]], &answer, args[0], &mut wrong);
        assert!(wrong.is_empty(), "{args:?} {wrong:#?}");
        assert!(
            status.is_none_or(|status| status == ended.status),
            "{args:?} {} {}",
            ended.status,
            ended.stderr
        );
    }
}

#[tokio::test]
async fn every_answer_is_as_the_document_says() {
    let world = World::new(|_| Script::ends(b"-- a dump\n", 0)).await.custom("shop").custom("blog");
    earlier(&world, STAMP);
    earlier(&world, "2026-01-02T23-00-00Z");
    world.write("gone/2026-01-01T23-00-00Z/manifest.json", b"{");
    let commands: [&[&str]; 14] = [
        &["check"],
        &["backup"],
        &["status"],
        &["list"],
        &["list", "shop"],
        &["show", "shop"],
        &["show", "gone"],
        &["verify", "--all"],
        &["drill", "shop"],
        &["prune", "--dry-run"],
        &["delete", "shop", "--at", STAMP, "--yes"],
        &["forget", "gone"],
        &["list", "gone"],
        &["config"],
    ];
    assert_answers(&world, &commands, None).await;
}

#[tokio::test]
async fn there_is_an_answer_when_nothing_matches() {
    let world = World::new(|_| Script::ends(b"", 0)).await;
    let commands: [&[&str]; 14] = [
        &["check"],
        &["check", "shop"],
        &["backup"],
        &["status"],
        &["status", "shop"],
        &["backup", "shop"],
        &["list"],
        &["list", "shop"],
        &["show", "shop"],
        &["verify"],
        &["drill"],
        &["prune", "--dry-run"],
        &["delete", "shop", "--all"],
        &["forget", "shop"],
    ];
    assert_answers(&world, &commands, Some(4)).await;
}

#[test]
fn every_command_with_json_has_a_schema() {
    let documented: Vec<String> = schemas().into_keys().collect();
    let cli = include_str!("../../src/cli.rs");
    // Each has a flag of its own in its arguments.
    let with_json = cli.matches("    pub json: bool,\n").count();
    assert_eq!(documented.len(), with_json, "{documented:?}");
}
