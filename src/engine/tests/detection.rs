use std::collections::BTreeMap;

use crate::engine::Engine;

fn with(names: &[&str]) -> BTreeMap<String, String> {
    names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect()
}

#[test]
fn images_are_known_by_their_names() {
    for (image, engine) in [
        ("postgres", Engine::POSTGRESQL),
        ("postgres:17-alpine", Engine::POSTGRESQL),
        ("docker.io/library/postgres@sha256:0123", Engine::POSTGRESQL),
        ("registry.example.com:5000/team/postgres:17@sha256:0123", Engine::POSTGRESQL),
        ("localhost:5000/postgres", Engine::POSTGRESQL),
        ("bitnami/postgresql:16", Engine::POSTGRESQL),
        ("bitnamilegacy/postgresql-repmgr:16", Engine::POSTGRESQL),
        ("postgis/postgis:16-3.4", Engine::POSTGRESQL),
        ("timescale/timescaledb:latest-pg16", Engine::POSTGRESQL),
        ("timescale/timescaledb-ha:pg16", Engine::POSTGRESQL),
        ("pgvector/pgvector:pg17", Engine::POSTGRESQL),
        ("tensorchord/pgvecto-rs:pg14-v0.2.0", Engine::POSTGRESQL),
        ("tensorchord/vchord-postgres:pg16", Engine::POSTGRESQL),
        ("ghcr.io/immich-app/postgres:14-vectorchord0.3.0", Engine::POSTGRESQL),
        ("pgautoupgrade/pgautoupgrade:17-alpine", Engine::POSTGRESQL),
        ("supabase/postgres:15.8.1.060", Engine::POSTGRESQL),
        ("citusdata/citus:12", Engine::POSTGRESQL),
        ("dumpcar-test/postgres:15", Engine::POSTGRESQL),
        ("mariadb:11", Engine::MARIADB),
        ("lscr.io/linuxserver/mariadb:latest", Engine::MARIADB),
        ("bitnami/mariadb-galera", Engine::MARIADB),
        ("dumpcar-test/mariadb:11.8", Engine::MARIADB),
        ("mysql:8.4", Engine::MYSQL),
        ("MySQL", Engine::MYSQL),
        ("mysql/mysql-server:8.0", Engine::MYSQL),
        ("container-registry.oracle.com/mysql/community-server:9.1", Engine::MYSQL),
        ("percona:8", Engine::MYSQL),
        ("percona/percona-server:8.4", Engine::MYSQL),
        ("percona/percona-distribution-postgresql:17", Engine::POSTGRESQL),
        ("dumpcar-test/mysql:9.7", Engine::MYSQL),
        ("redis:7-alpine", Engine::REDIS),
        ("bitnami/redis:7.4", Engine::REDIS),
        ("bitnami/redis-cluster:7.4", Engine::REDIS),
        ("redis/redis-stack-server:7.4.0-v3", Engine::REDIS),
        ("eqalpha/keydb", Engine::REDIS),
        ("valkey/valkey:9", Engine::VALKEY),
        ("bitnami/valkey", Engine::VALKEY),
    ] {
        assert_eq!(Engine::detect(image, &with(&[])), Some(engine), "{image}");
    }
}

#[test]
fn tools_for_a_database_are_none() {
    for image in [
        "prom/mysqld-exporter",
        "bitnami/postgres-exporter",
        "prodrigestivill/postgres-backup-local",
        "bitnami/redis-sentinel:7",
        "oliver006/redis_exporter",
        "redis/redisinsight:latest",
        "rediscommander/redis-commander",
        "nginx",
        "mysql/mysql-router",
        "bitnami/pgbouncer",
        "phpmyadmin",
        "",
        "sha256:0123",
        "a/b/c@",
    ] {
        assert_eq!(Engine::detect(image, &with(&[])), None, "{image}");
    }
}

#[test]
fn the_environment_tells_what_the_name_does_not() {
    for (names, engine) in [
        (&["PG_MAJOR", "PGDATA"][..], Some(Engine::POSTGRESQL)),
        (&["POSTGRESQL_PASSWORD"], Some(Engine::POSTGRESQL)),
        (&["MARIADB_VERSION", "MYSQL_ROOT_PASSWORD"], Some(Engine::MARIADB)),
        (&["MYSQL_MAJOR", "MYSQL_ROOT_PASSWORD"], Some(Engine::MYSQL)),
        (&["MYSQL_ROOT_PASSWORD_FILE"], Some(Engine::MYSQL)),
        (&["PATH", "DATABASE_URL", "MYSQL_DATABASE"], None),
    ] {
        assert_eq!(Engine::detect("registry.example.com/our/db:1", &with(names)), engine, "{names:?}");
    }
}

#[test]
fn a_mariadb_image_with_the_variables_of_mysql_is_mariadb() {
    assert_eq!(
        Engine::detect("mariadb:11", &with(&["MYSQL_ROOT_PASSWORD", "MYSQL_MAJOR"])),
        Some(Engine::MARIADB)
    );
}
