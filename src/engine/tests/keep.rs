use std::collections::BTreeMap;

use crate::engine::{Engine, Facts};

#[test]
fn the_command_that_drops_it_can_be_pasted() {
    let env = BTreeMap::from([("POSTGRES_USER".to_owned(), "it's me".to_owned())]);
    let facts = Facts::new("db", &env);
    let typed = |engine: Engine, name| engine.drop_by_hand(&facts, "shop-db-1", name).unwrap();
    insta::assert_snapshot!(typed(Engine::POSTGRESQL, "a\"b"), @r#"docker exec -it shop-db-1 psql -U 'it'\''s me' -d template1 -c 'DROP DATABASE "a""b"'"#);
    insta::assert_snapshot!(typed(Engine::MYSQL, "a`b c"), @"docker exec -it shop-db-1 mysql -u root -p -e 'DROP DATABASE `a``b c`'");
    insta::assert_snapshot!(typed(Engine::MARIADB, "shop_before_20261127_021509"), @"docker exec -it shop-db-1 mariadb -u root -p -e 'DROP DATABASE `shop_before_20261127_021509`'");
    assert_eq!(Engine::CUSTOM.drop_by_hand(&facts, "db", "x"), None);
    let elsewhere = Facts { port: Some(5433), ..facts };
    insta::assert_snapshot!(Engine::POSTGRESQL.drop_by_hand(&elsewhere, "db", "x").unwrap(), @r#"docker exec -it db psql -U 'it'\''s me' -p 5433 -d template1 -c 'DROP DATABASE "x"'"#);
    insta::assert_snapshot!(Engine::MARIADB.drop_by_hand(&elsewhere, "db", "x").unwrap(), @"docker exec -it db mariadb -u root -h 127.0.0.1 -P 5433 -p -e 'DROP DATABASE `x`'");
    let elsewhere = Facts { socket: Some("/tmp/m sock"), ..facts };
    insta::assert_snapshot!(Engine::MYSQL.drop_by_hand(&elsewhere, "db", "x").unwrap(), @"docker exec -it db mysql -u root -S '/tmp/m sock' -p -e 'DROP DATABASE `x`'");
}
