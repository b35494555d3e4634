use crate::engine::{Engine, WrongEngine};
use crate::model::engine::EngineName;
use crate::model::manifest::tests::example;
use crate::model::manifest::{Manifest, ObjectKind};

fn of(engine: &'static str, kind: ObjectKind, database: &str) -> Result<Engine, WrongEngine> {
    let mut manifest = Manifest { engine: EngineName::known(engine), ..example() };
    manifest.objects[0].kind = kind;
    manifest.objects[0].database = (kind == ObjectKind::Database).then(|| database.to_owned());
    Engine::of(&manifest)
}

#[test]
fn a_backup_is_of_an_engine_that_makes_such_objects() {
    use ObjectKind::{Database, Dump, Globals};
    for (engine, kind, is) in [
        ("postgresql", Database, true),
        ("postgresql", Globals, true),
        ("postgresql", Dump, false),
        ("mysql", Database, true),
        ("custom", Dump, true),
        ("custom", Database, false),
        ("custom", Globals, false),
    ] {
        assert_eq!(of(engine, kind, "shop").is_ok(), is, "{engine} {kind:?}");
    }
}

#[test]
fn a_later_versions_engine_is_named_with_the_cure() {
    let error = of("oracle", ObjectKind::Dump, "").unwrap_err().to_string();
    assert!(error.contains("does not know the engine oracle") && error.contains("or a later one"), "{error}");
}

#[test]
fn the_servers_own_databases_are_never_put_back() {
    for (engine, database) in [
        ("mariadb", "mysql"),
        ("mysql", "MySQL"),
        ("mysql", "sys"),
        ("mariadb", "information_schema"),
        ("mysql", "performance_schema"),
        ("postgresql", "template0"),
        ("postgresql", "template1"),
    ] {
        let error = of(engine, ObjectKind::Database, database).unwrap_err();
        assert!(matches!(error, WrongEngine::OwnDatabase(..)), "{engine} {database}: {error}");
    }
    assert!(of("postgresql", ObjectKind::Database, "mysql").is_ok(), "an ordinary name for PostgreSQL");
}
