//! Which engine a container is, when no label says so.

use std::collections::BTreeMap;

use super::Engine;

/// Images by the last part of their name. Those that only contain the word of their database are found by the word.
const IMAGES: [(&str, Engine); 10] = [
    ("postgis", Engine::Postgresql),
    ("timescaledb", Engine::Postgresql),
    ("timescaledb-ha", Engine::Postgresql),
    ("pgvector", Engine::Postgresql),
    ("pgvecto-rs", Engine::Postgresql),
    ("pgautoupgrade", Engine::Postgresql),
    ("vchord-postgres", Engine::Postgresql),
    ("citus", Engine::Postgresql),
    ("percona", Engine::Mysql),
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

/// Variables that only images of an engine set or read. MariaDB's first: its images have the MYSQL_ ones as well.
const VARIABLES: [(&str, Engine); 12] = [
    ("MARIADB_VERSION", Engine::Mariadb),
    ("MARIADB_MAJOR", Engine::Mariadb),
    ("MARIADB_ROOT_PASSWORD", Engine::Mariadb),
    ("MARIADB_ROOT_PASSWORD_FILE", Engine::Mariadb),
    ("MARIADB_DATABASE", Engine::Mariadb),
    ("PG_MAJOR", Engine::Postgresql),
    ("PGDATA", Engine::Postgresql),
    ("POSTGRESQL_VOLUME_DIR", Engine::Postgresql),
    ("MYSQL_MAJOR", Engine::Mysql),
    ("MYSQL_SHELL_VERSION", Engine::Mysql),
    ("MYSQL_ROOT_PASSWORD", Engine::Mysql),
    ("MYSQL_ROOT_PASSWORD_FILE", Engine::Mysql),
];

/// The engine of a container, by its image's name (`[host[:port]/][path/]name[:tag][@digest]`), else by the names of
/// its variables; `None` when neither says.
///
/// Only variables of servers count, not those an application is told its database by (`POSTGRES_PASSWORD`,
/// `MYSQL_DATABASE`, …).
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
