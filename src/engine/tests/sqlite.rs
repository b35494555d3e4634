use std::collections::BTreeMap;

use crate::engine::{Engine, Facts, Staged};
use crate::model::helper::{Database, Databases, Request};

fn request(command: &crate::engine::Command) -> Request {
    assert!(command.is_request && command.args.is_empty() && command.env.is_empty());
    serde_json::from_str(&command.script).unwrap()
}

#[test]
fn an_image_of_an_application_says_where_its_database_is() {
    let none = BTreeMap::new();
    assert_eq!(Engine::detect("vaultwarden/server:1.35", &none), Some(Engine::SQLITE));
    assert_eq!(Engine::detect("registry.example/louislam/uptime-kuma", &none), Some(Engine::SQLITE));
    assert_eq!(Engine::detect("postgres:17", &none), Some(Engine::POSTGRESQL));
    assert_eq!("sqlite3".parse(), Ok(Engine::SQLITE));
}

/// Of two usual paths one is there; of two that somebody has named, both.
#[test]
fn a_path_that_nobody_named_is_a_guess() {
    let env = BTreeMap::new();
    for (path, is_guess) in [("/data/db.sqlite3", true), ("/data/other.db", false)] {
        let paths = [path.to_owned()];
        let facts = Facts { paths: &paths, ..Facts::new("vaultwarden/server", &env) };
        let asked = request(&Engine::SQLITE.survey(&facts).unwrap());
        assert_eq!(asked, Request::Survey { patterns: paths.to_vec(), is_guess });
    }
}

#[test]
fn what_the_helper_has_found_is_a_survey() {
    let database = |path: &str, hint: Option<&str>| Database {
        path: path.to_owned(),
        bytes: 4096,
        hint: hint.map(str::to_owned),
    };
    let found = vec![database("/data/a.db", None), database("/data/b.db", Some("slow"))];
    let answer = Databases { version: "3.53.2".to_owned(), found, ..Databases::default() };
    let survey = Engine::SQLITE.parse_survey(&serde_json::to_vec(&answer).unwrap()).unwrap();
    let names: Vec<_> = survey.databases.iter().map(|database| database.name.as_str()).collect();
    assert_eq!(names, ["/data/a.db", "/data/b.db"]);
    assert_eq!(survey.hints, [("/data/b.db".to_owned(), "slow".to_owned())]);
    assert!(Engine::SQLITE.parse_survey(b"version 17").is_err());
}

/// Whoever writes the bucket writes the names.
#[test]
fn a_backup_goes_only_where_the_label_says() {
    let env = BTreeMap::new();
    let paths = ["/data/*.db".to_owned(), "/config/app.sqlite".to_owned()];
    let facts = Facts { paths: &paths, ..Facts::new("app", &env) };
    for name in ["/data/a.db", "/config/app.sqlite"] {
        assert_eq!(Engine::SQLITE.misplaced(&facts, name), None, "{name}");
        assert!(!Engine::SQLITE.is_reserved(name), "{name}");
    }
    for name in ["/data/a.txt", "/data/sub/a.db", "/config/other.sqlite", "/etc/passwd"] {
        assert!(Engine::SQLITE.misplaced(&facts, name).is_some(), "{name}");
    }
    for name in ["", "a.db", "/data/../etc/a.db", "/data/", "/data/dumpcar_restore_0123456789abcdef_0"] {
        assert!(Engine::SQLITE.is_reserved(name), "{name}");
    }
    let run = "0123456789abcdef".parse().unwrap();
    let staged = Staged::new("/config/app.sqlite", true, &run, 0).keeping(Some("/config/old.sqlite"));
    let Request::Swap { files } = request(&Engine::SQLITE.swap(&facts, &[staged]).unwrap()) else { panic!() };
    assert_eq!(files[0].staged.path(), "/data/dumpcar_restore_0123456789abcdef_0");
    assert_eq!(
        (files[0].path.as_str(), files[0].keep.as_deref()),
        ("/config/app.sqlite", Some("/config/old.sqlite"))
    );
}

/// Paths are longer than the names of databases.
#[test]
fn the_name_of_an_old_file_is_not_cut() {
    let at = "2026-11-27T02:15:00Z".parse().unwrap();
    let path = format!("/config/{}.db", "x".repeat(80));
    assert_eq!(Engine::SQLITE.old_name(&path, at), format!("{path}_before_20261127_021500"));
    assert_eq!(
        Engine::SQLITE.drop_by_hand(&Facts::new("app", &BTreeMap::new()), "app-1", "/data/a b").unwrap(),
        "docker run --rm --volumes-from app-1 alpine rm '/data/a b'"
    );
}
