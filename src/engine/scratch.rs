//! A server of the same kind to try a backup on.

use std::collections::BTreeMap;
use std::time::Duration;

mod settings;

pub use settings::Settings;
pub(super) use settings::query as query_settings;

use super::{Command, Engine, Facts, custom, mysql, postgresql};

/// What an image's set-up reads of its environment besides passwords, and what a server's texts depend on.
fn is_set_up(engine: Engine, is_bitnami: bool, name: &str) -> bool {
    let names: &[&str] = match engine {
        // bitnami's `POSTGRESQL_USERNAME` is no administrator: it comes with the backup's roles.
        Engine::Postgresql if is_bitnami => &["POSTGRESQL_INITDB_ARGS", "POSTGRES_INITDB_ARGS"],
        Engine::Postgresql => &["POSTGRES_USER", "POSTGRES_DB", "POSTGRES_INITDB_ARGS"],
        Engine::Mariadb => &["MARIADB_USER", "MARIADB_DATABASE", "MYSQL_USER", "MYSQL_DATABASE"],
        Engine::Mysql => &["MYSQL_USER", "MYSQL_DATABASE"],
        Engine::Custom => &[],
    };
    names.contains(&name) || matches!(name, "LANG" | "LANGUAGE" | "TZ") || name.starts_with("LC_")
}

/// The environment of a scratch container: of the target's, what its image needs to set a server up, and what the label
/// `dumpcar.drill.env` names. Its passwords are made up.
///
/// A drill executes the backup. So the server has no secret that the backup could read: neither the target's passwords
/// nor anything of the application.
pub(super) fn env(
    engine: Engine,
    target: &BTreeMap<String, String>,
    wanted: &[String],
    password: &str,
) -> BTreeMap<String, String> {
    let is_bitnami = target.keys().any(|name| name.starts_with("BITNAMI_"));
    let is_kept = |name: &String| wanted.contains(name) || is_set_up(engine, is_bitnami, name);
    let kept = target.iter().filter(|(name, value)| is_kept(name) && !value.is_empty());
    let mut env: BTreeMap<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    let passwords: &[&str] = match engine {
        Engine::Postgresql if is_bitnami => &[],
        Engine::Postgresql => &["POSTGRES_PASSWORD"],
        // Images read one or the other. That of a user without a name is passed over.
        Engine::Mariadb => {
            &["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "MARIADB_PASSWORD", "MYSQL_PASSWORD"]
        }
        Engine::Mysql => &["MYSQL_ROOT_PASSWORD", "MYSQL_PASSWORD"],
        Engine::Custom => &[],
    };
    for name in passwords {
        env.entry((*name).to_owned()).or_insert_with(|| password.to_owned());
    }
    if engine == Engine::Postgresql {
        // The backup gives the administrator back a password that nobody knows here. Nobody can get to the server but from
        // inside of its container.
        if is_bitnami {
            env.insert("ALLOW_EMPTY_PASSWORD".to_owned(), "yes".to_owned());
        } else {
            let args = env.entry("POSTGRES_INITDB_ARGS".to_owned()).or_default();
            *args = format!("{args} --auth-local=trust").trim_start().to_owned();
            env.insert("POSTGRES_HOST_AUTH_METHOD".to_owned(), "trust".to_owned());
        }
    }
    env
}

/// Makes an administrator for the drill alone: accounts of the backup replace those of the image, and who loads is decided
/// before that. `name`: letters, digits and `_`, in no backup.
pub(super) fn account(engine: Engine, facts: &Facts<'_>, name: &str) -> Option<Command> {
    let flavour = match engine {
        Engine::Mariadb => mysql::Flavour::Mariadb,
        Engine::Mysql => mysql::Flavour::Mysql,
        Engine::Postgresql => {
            // A trigger on logins (17) would write into what is compared, or refuse this one.
            let make = format!(
                "CREATE ROLE {name} SUPERUSER LOGIN; DO 'BEGIN IF current_setting(''server_version_num'')::int >= 170000 \
                 THEN ALTER ROLE {name} SET event_triggers = off; END IF; END'"
            );
            return Some(postgresql::ask(facts, make));
        }
        Engine::Custom => return None,
    };
    // Without a password, as whoever gets there is in the container already. Only who may act for others can restore
    // that somebody may, and that is no part of ALL.
    let make = format!(
        "CREATE USER '{name}'@'localhost'; GRANT ALL PRIVILEGES ON *.* TO '{name}'@'localhost' WITH GRANT OPTION; \
         INSERT INTO mysql.proxies_priv SELECT Host, '{name}', Proxied_host, Proxied_user, With_grant, Grantor, \
         Timestamp FROM mysql.proxies_priv WHERE User = 'root' AND Host = 'localhost'; FLUSH PRIVILEGES"
    );
    Some(mysql::ask(flavour, facts, make))
}

/// Ends what a server does by itself, where its image takes no arguments that say so.
pub(super) fn calm(engine: Engine, facts: &Facts<'_>) -> Option<Command> {
    const OFF: &str = "SET GLOBAL event_scheduler = OFF";
    match engine {
        Engine::Mariadb => Some(mysql::ask(mysql::Flavour::Mariadb, facts, OFF.to_owned())),
        Engine::Mysql => Some(mysql::ask(mysql::Flavour::Mysql, facts, OFF.to_owned())),
        // Its background workers are counted at the start.
        Engine::Postgresql | Engine::Custom => None,
    }
}

/// The arguments of a drill's server behind the command `image` has for it: what its target has and a dump depends on, and
/// nothing that happens by itself. `wanted` is the label `dumpcar.drill.args`, and stands above both; `more` says where the data is.
pub(super) fn arguments(
    engine: Engine,
    image: &[String],
    settings: &Settings,
    more: &[String],
    wanted: &[String],
) -> Vec<String> {
    const POSTGRESQL: [&str; 2] = ["-c", "max_worker_processes=0"];
    // A row that was dumped has to get back in.
    // And a function that the target could make without a binary log, or when nobody minded.
    const MYSQL: [&str; 3] =
        ["--event-scheduler=OFF", "--max-allowed-packet=1G", "--log-bin-trust-function-creators=ON"];
    let calm: &[&str] = match engine {
        // Jobs of extensions (pg_cron, TimescaleDB) are background workers, and subscriptions are.
        Engine::Postgresql => &POSTGRESQL,
        Engine::Mariadb | Engine::Mysql => &MYSQL,
        Engine::Custom => &[],
    };
    let is_option = |word: &String| word.starts_with('-');
    // Who writes a command there wants that one.
    let (command, wanted) = match wanted {
        [command, rest @ ..] if !is_option(command) => (std::slice::from_ref(command), rest),
        _ => (image, wanted),
    };
    // An image without a command has an entry point that would take arguments for one.
    if command.is_empty() {
        return [wanted, more].concat();
    }
    let settings = settings.arguments(engine);
    let calm = calm.iter().map(|word| (*word).to_owned());
    let own = command.iter().cloned().chain(settings).chain(calm);
    own.chain(wanted.iter().cloned()).chain(more.iter().cloned()).collect()
}

/// Where a server has its sockets, outside of its volumes.
pub(super) fn run_folders(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Postgresql => &["/run/postgresql"],
        Engine::Mariadb | Engine::Mysql => &["/run/mysqld"],
        Engine::Custom => &[],
    }
}

/// Variables and arguments that move a server's data out of the image's volumes, to where everybody may make a folder.
/// For a custom one, the label `dumpcar.drill.args` can.
pub(super) fn data_in_layer(engine: Engine) -> (BTreeMap<String, String>, Vec<String>) {
    const FOLDER: &str = "/tmp/dumpcar-drill";
    match engine {
        Engine::Postgresql => (BTreeMap::from([("PGDATA".to_owned(), FOLDER.to_owned())]), Vec::new()),
        Engine::Mariadb | Engine::Mysql => (BTreeMap::new(), vec![format!("--datadir={FOLDER}")]),
        Engine::Custom => (BTreeMap::new(), Vec::new()),
    }
}

/// Prints, a line each: the name of process 1; the first word of its command line; the number of the process that answers as
/// the server, if it can be told.
///
/// While an image sets a server up, process 1 is its entry point, and the server that answers is one that will be stopped
/// again. An entry point may have any name, but it is a script: then the first word is that of a shell.
pub(super) fn answering(engine: Engine, facts: &Facts<'_>) -> Option<Command> {
    let of_mysql = |flavour| mysql::process(flavour, facts, PROCESS_ONE);
    match engine {
        Engine::Postgresql => Some(postgresql::process(facts, PROCESS_ONE)),
        Engine::Mariadb => Some(of_mysql(mysql::Flavour::Mariadb)),
        Engine::Mysql => Some(of_mysql(mysql::Flavour::Mysql)),
        Engine::Custom => None,
    }
}

/// Before the server is asked: what process 1 is then, it is when the answer comes.
const PROCESS_ONE: &str = r"
cat /proc/1/comm
tr '\000' '\n' </proc/1/cmdline | sed -n 1p
";

/// Who answers as the server, and whether that is the one that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// The number of its process, if it is known.
    pub process: Option<u32>,
    first: First,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// A server, and no script of that name.
    Server,
    /// A shell: an image's entry point, mostly, which still sets a server up.
    Script,
    /// An init process, say.
    Other,
}

impl Answering {
    pub(super) fn read(engine: Engine, stdout: &[u8]) -> Self {
        const SHELLS: [&str; 6] = ["sh", "ash", "bash", "busybox", "dash", "ksh"];
        let text = String::from_utf8_lossy(stdout);
        let mut lines = text.lines().map(str::trim);
        let (name, word) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let word = word.rsplit('/').next().unwrap_or_default();
        let process = lines.next().and_then(|number| number.parse().ok());
        let servers = servers(engine);
        let first = if servers.contains(&name) && servers.contains(&word) {
            First::Server
        } else if SHELLS.contains(&word) {
            First::Script
        } else {
            First::Other
        };
        Self { process, first }
    }

    /// How long this process has to answer until it is taken for the one that stays; `None` when it is another one that will.
    pub fn settles_after(&self) -> Option<Duration> {
        match (self.process, self.first) {
            (Some(1), _) | (None, First::Server) => Some(Duration::ZERO),
            (Some(_), First::Server) => None,
            // Nobody can tell. A script that sets something up takes its time.
            (_, First::Script) => Some(Duration::from_secs(120)),
            (_, First::Other) => Some(Duration::from_secs(15)),
        }
    }
}

/// The names of the servers as process 1.
fn servers(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Postgresql => &["postgres"],
        Engine::Mariadb => &["mariadbd", "mysqld"],
        Engine::Mysql => &["mysqld"],
        Engine::Custom => &[],
    }
}

pub(super) fn query(engine: Engine, facts: &Facts<'_>, database: &str, query: &str) -> Command {
    match engine {
        Engine::Postgresql => postgresql::query(facts, database, query),
        Engine::Mariadb => mysql::query(mysql::Flavour::Mariadb, facts, database, query),
        Engine::Mysql => mysql::query(mysql::Flavour::Mysql, facts, database, query),
        Engine::Custom => custom::hook(facts, query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(engine: Engine, pairs: &[(&str, &str)], wanted: &[&str]) -> String {
        let target = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let env = env(engine, &target, &wanted, "made-up");
        env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    /// All that a target may have.
    const TARGET: [(&str, &str); 22] = [
        ("APP_API_TOKEN", "canary"),
        ("DATABASE_URL", "postgres://app:canary@db/app"),
        ("LANG", "de_DE.utf8"),
        ("LC_COLLATE", "C"),
        ("MARIADB_PASSWORD", "canary"),
        ("MARIADB_ROOT_PASSWORD", "canary"),
        ("MARIADB_USER", "app"),
        ("MYSQL_DATABASE", "shop"),
        ("MYSQL_PASSWORD", "canary"),
        ("MYSQL_PASSWORD_FILE", "/run/secrets/canary"),
        ("MYSQL_PWD", "canary"),
        ("MYSQL_ROOT_PASSWORD", "canary"),
        ("MYSQL_USER", "app"),
        ("PGHOST", "elsewhere"),
        ("PGPASSWORD", "canary"),
        ("POSTGRESQL_PASSWORD", "canary"),
        ("POSTGRES_DB", "shop"),
        ("POSTGRES_INITDB_ARGS", "--locale=C"),
        ("POSTGRES_PASSWORD", "canary"),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/canary"),
        ("POSTGRES_USER", "app"),
        ("TZ", ""),
    ];

    #[test]
    fn a_server_gets_what_its_set_up_needs_and_made_up_passwords() {
        insta::assert_snapshot!(of(Engine::Postgresql, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C POSTGRES_DB=shop POSTGRES_HOST_AUTH_METHOD=trust POSTGRES_INITDB_ARGS=--locale=C --auth-local=trust POSTGRES_PASSWORD=made-up POSTGRES_USER=app");
        insta::assert_snapshot!(of(Engine::Mariadb, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C MARIADB_PASSWORD=made-up MARIADB_ROOT_PASSWORD=made-up MARIADB_USER=app MYSQL_DATABASE=shop MYSQL_PASSWORD=made-up MYSQL_ROOT_PASSWORD=made-up MYSQL_USER=app");
        insta::assert_snapshot!(of(Engine::Mysql, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C MYSQL_DATABASE=shop MYSQL_PASSWORD=made-up MYSQL_ROOT_PASSWORD=made-up MYSQL_USER=app");
        insta::assert_snapshot!(of(Engine::Custom, &TARGET, &[]), @"LANG=de_DE.utf8 LC_COLLATE=C");
        insta::assert_snapshot!(of(Engine::Postgresql, &[], &[]), @"POSTGRES_HOST_AUTH_METHOD=trust POSTGRES_INITDB_ARGS=--auth-local=trust POSTGRES_PASSWORD=made-up");
        let bitnami = [&TARGET[..], &[("BITNAMI_APP_NAME", "postgresql")]].concat();
        insta::assert_snapshot!(of(Engine::Postgresql, &bitnami, &[]), @"ALLOW_EMPTY_PASSWORD=yes LANG=de_DE.utf8 LC_COLLATE=C POSTGRES_INITDB_ARGS=--locale=C");
    }

    #[test]
    fn a_command_line_is_the_images_then_the_targets_then_calm_and_the_label_is_above_all() {
        let words = |line: &str| crate::model::words::split(line).unwrap();
        let line = |engine: Engine, image: &str, target: &str, wanted: &str| {
            let settings = engine.settings_of(&words(target));
            arguments(engine, &words(image), &settings, &words("--datadir=/x"), &words(wanted)).join(" ")
        };
        insta::assert_snapshot!(line(Engine::Mysql, "mysqld", "mysqld --sql-mode=ANSI --port=1", "--sql-mode=x"), @"mysqld --loose-sql-mode=ANSI --event-scheduler=OFF --max-allowed-packet=1G --log-bin-trust-function-creators=ON --sql-mode=x --datadir=/x");
        insta::assert_snapshot!(line(Engine::Postgresql, "postgres -c a=b", "-c jit=off", ""), @"postgres -c a=b -c jit=off -c max_worker_processes=0 --datadir=/x");
        // A command of the label is the whole one; an entry point without a command gets none.
        insta::assert_snapshot!(line(Engine::Mariadb, "mariadbd", "", "mysqld --y"), @"mysqld --event-scheduler=OFF --max-allowed-packet=1G --log-bin-trust-function-creators=ON --y --datadir=/x");
        insta::assert_snapshot!(line(Engine::Mariadb, "", "--lower-case-table-names=1", ""), @"--datadir=/x");
    }

    #[test]
    fn only_the_server_that_stays_is_waited_for_no_longer() {
        let settles = |stdout: &str| {
            Answering::read(Engine::Mariadb, stdout.as_bytes()).settles_after().map(|s| s.as_secs())
        };
        // It says so itself.
        assert_eq!(settles("mariadbd\nmariadbd\n1\n"), Some(0));
        assert_eq!(settles("docker-entrypoi\n/bin/sh\n1\n"), Some(0));
        // One that set the image up, whose place was taken while it was asked.
        assert_eq!(settles("mariadbd\nmariadbd\n78\n"), None);
        // A script of that name is no server.
        assert_eq!(settles("mariadbd\n/bin/bash\n78\n"), Some(120));
        assert_eq!(settles("mariadbd\n/bin/bash\n\n"), Some(120));
        assert_eq!(settles("s6-svscan\ns6-svscan\n212\n"), Some(15));
        // Its file cannot be read.
        assert_eq!(settles("mariadbd\n/usr/sbin/mariadbd\n"), Some(0));
        assert_eq!(settles(""), Some(15));
    }

    #[test]
    fn a_label_lets_more_through() {
        assert_eq!(
            of(Engine::Custom, &TARGET, &["APP_API_TOKEN", "MISSING"]),
            "APP_API_TOKEN=canary LANG=de_DE.utf8 LC_COLLATE=C"
        );
        let mysql = of(Engine::Mysql, &TARGET, &["MYSQL_ROOT_PASSWORD"]);
        assert!(mysql.contains("MYSQL_ROOT_PASSWORD=canary"), "{mysql}");
    }
}
