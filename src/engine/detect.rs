//! Which engine a container is, when no label says so.

use std::collections::BTreeMap;

use super::Engine;

/// Images by the last part of their name. Those that only contain the word of their database are found by the word.
const IMAGES: [(&str, Engine); 12] = [
    ("postgis", Engine::Postgresql),
    ("timescaledb", Engine::Postgresql),
    ("timescaledb-ha", Engine::Postgresql),
    ("pgvector", Engine::Postgresql),
    ("pgvecto-rs", Engine::Postgresql),
    ("pgautoupgrade", Engine::Postgresql),
    ("vchord-postgres", Engine::Postgresql),
    ("citus", Engine::Postgresql),
    ("percona", Engine::Mysql),
    ("percona-xtradb-cluster", Engine::Mysql),
    ("community-server", Engine::Mysql),
    ("percona-server", Engine::Mysql),
];

/// Words that, as a part of an image's last name between dashes, dots and underscores, name its engine.
const WORDS: [(&str, Engine); 4] = [
    ("postgres", Engine::Postgresql),
    ("postgresql", Engine::Postgresql),
    ("mariadb", Engine::Mariadb),
    ("mysql", Engine::Mysql),
];

/// Words that make an image a tool for a database instead of one.
const NO_SERVER: [&str; 13] = [
    "exporter",
    "backup",
    "client",
    "admin",
    "pgadmin",
    "bouncer",
    "pooler",
    "proxy",
    "router",
    "operator",
    "repmgr-client",
    "shell",
    "pgpool",
];

/// Variables that images of an engine set, then those they read. MariaDB's first: its images have the MYSQL_ ones as well.
const VARIABLES: [(&str, Engine); 21] = [
    ("MARIADB_VERSION", Engine::Mariadb),
    ("MARIADB_MAJOR", Engine::Mariadb),
    ("PG_MAJOR", Engine::Postgresql),
    ("PGDATA", Engine::Postgresql),
    ("POSTGRESQL_VOLUME_DIR", Engine::Postgresql),
    ("MYSQL_MAJOR", Engine::Mysql),
    ("MYSQL_VERSION", Engine::Mysql),
    ("MYSQL_SHELL_VERSION", Engine::Mysql),
    ("MARIADB_ROOT_PASSWORD", Engine::Mariadb),
    ("MARIADB_ROOT_PASSWORD_FILE", Engine::Mariadb),
    ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", Engine::Mariadb),
    ("MARIADB_RANDOM_ROOT_PASSWORD", Engine::Mariadb),
    ("POSTGRES_PASSWORD", Engine::Postgresql),
    ("POSTGRES_PASSWORD_FILE", Engine::Postgresql),
    ("POSTGRES_HOST_AUTH_METHOD", Engine::Postgresql),
    ("POSTGRESQL_PASSWORD", Engine::Postgresql),
    ("POSTGRESQL_PASSWORD_FILE", Engine::Postgresql),
    ("MYSQL_ROOT_PASSWORD", Engine::Mysql),
    ("MYSQL_ROOT_PASSWORD_FILE", Engine::Mysql),
    ("MYSQL_ALLOW_EMPTY_PASSWORD", Engine::Mysql),
    ("MYSQL_RANDOM_ROOT_PASSWORD", Engine::Mysql),
];

/// The engine of a container, by its image's name (`[host[:port]/][path/]name[:tag][@digest]`), else by the names of
/// its variables; `None` when neither says.
///
/// Called for containers that asked to be backed up: an application that is only told its database by
/// `POSTGRES_PASSWORD` would be taken for one, and then has no `pg_dump`.
pub fn detect(image: &str, env: &BTreeMap<String, String>) -> Option<Engine> {
    let by_name = name_of(image).and_then(by_name);
    by_name.or_else(|| VARIABLES.iter().find(|(name, _)| env.contains_key(*name)).map(|(_, engine)| *engine))
}

fn name_of(image: &str) -> Option<String> {
    let path = image.split('@').next()?;
    let last = path.rsplit('/').next()?;
    Some(last.split(':').next()?.to_ascii_lowercase())
}

fn by_name(name: String) -> Option<Engine> {
    if let Some((_, engine)) = IMAGES.iter().find(|(image, _)| *image == name) {
        return Some(*engine);
    }
    let parts: Vec<_> = name.split(['-', '_', '.']).collect();
    if parts.iter().any(|part| NO_SERVER.contains(part)) {
        return None;
    }
    WORDS.iter().find(|(word, _)| parts.contains(word)).map(|(_, engine)| *engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect()
    }

    #[test]
    fn images_are_known_by_their_names() {
        use Engine::{Mariadb, Mysql, Postgresql};
        for (image, engine) in [
            ("postgres", Postgresql),
            ("postgres:17-alpine", Postgresql),
            ("docker.io/library/postgres@sha256:0123", Postgresql),
            ("registry.example.com:5000/team/postgres:17@sha256:0123", Postgresql),
            ("localhost:5000/postgres", Postgresql),
            ("bitnami/postgresql:16", Postgresql),
            ("bitnamilegacy/postgresql-repmgr:16", Postgresql),
            ("postgis/postgis:16-3.4", Postgresql),
            ("timescale/timescaledb:latest-pg16", Postgresql),
            ("timescale/timescaledb-ha:pg16", Postgresql),
            ("pgvector/pgvector:pg17", Postgresql),
            ("tensorchord/pgvecto-rs:pg14-v0.2.0", Postgresql),
            ("tensorchord/vchord-postgres:pg16", Postgresql),
            ("ghcr.io/immich-app/postgres:14-vectorchord0.3.0", Postgresql),
            ("pgautoupgrade/pgautoupgrade:17-alpine", Postgresql),
            ("supabase/postgres:15.8.1.060", Postgresql),
            ("citusdata/citus:12", Postgresql),
            ("dumpcar-test/postgres:15", Postgresql),
            ("mariadb:11", Mariadb),
            ("lscr.io/linuxserver/mariadb:latest", Mariadb),
            ("bitnami/mariadb-galera", Mariadb),
            ("dumpcar-test/mariadb:11.8", Mariadb),
            ("mysql:8.4", Mysql),
            ("MySQL", Mysql),
            ("mysql/mysql-server:8.0", Mysql),
            ("container-registry.oracle.com/mysql/community-server:9.1", Mysql),
            ("percona:8", Mysql),
            ("percona/percona-server:8.4", Mysql),
            ("percona/percona-distribution-postgresql:17", Postgresql),
            ("dumpcar-test/mysql:9.7", Mysql),
        ] {
            assert_eq!(detect(image, &with(&[])), Some(engine), "{image}");
        }
    }

    #[test]
    fn tools_for_a_database_are_none() {
        for image in [
            "prom/mysqld-exporter",
            "bitnami/postgres-exporter",
            "prodrigestivill/postgres-backup-local",
            "redis:7",
            "nginx",
            "mysql/mysql-router",
            "bitnami/pgbouncer",
            "phpmyadmin",
            "",
            "sha256:0123",
            "a/b/c@",
        ] {
            assert_eq!(detect(image, &with(&[])), None, "{image}");
        }
    }

    #[test]
    fn the_environment_tells_what_the_name_does_not() {
        for (names, engine) in [
            (&["PG_MAJOR", "PGDATA"][..], Some(Engine::Postgresql)),
            (&["POSTGRESQL_PASSWORD"], Some(Engine::Postgresql)),
            (&["MARIADB_VERSION", "MYSQL_ROOT_PASSWORD"], Some(Engine::Mariadb)),
            (&["MYSQL_MAJOR", "MYSQL_ROOT_PASSWORD"], Some(Engine::Mysql)),
            (&["MYSQL_ROOT_PASSWORD_FILE"], Some(Engine::Mysql)),
            (&["PATH", "DATABASE_URL", "MYSQL_DATABASE"], None),
        ] {
            assert_eq!(detect("registry.example.com/our/db:1", &with(names)), engine, "{names:?}");
        }
    }

    #[test]
    fn a_mariadb_image_with_the_variables_of_mysql_is_mariadb() {
        assert_eq!(
            detect("mariadb:11", &with(&["MYSQL_ROOT_PASSWORD", "MYSQL_MAJOR"])),
            Some(Engine::Mariadb)
        );
    }
}
