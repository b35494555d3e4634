//! What a drill's server is told of its target's settings: what changes the meaning of a dump, or whether it loads.
//!
//! Everything else stays with the target: ports, sockets, files, sizes of memory, replication, logs.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Command, Engine, Facts, mysql, postgresql};
use crate::model::line::is_unsafe;
use crate::model::words;

/// No setting worth having is longer.
const LONGEST: usize = 4096;

/// Names with dots are those of extensions, and are taken as well.
const POSTGRESQL: [&str; 38] = [
    "allow_in_place_tablespaces",
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "check_function_bodies",
    "createrole_self_grant",
    "datestyle",
    "default_table_access_method",
    "default_text_search_config",
    "default_toast_compression",
    "default_with_oids",
    "escape_string_warning",
    "event_triggers",
    "extra_float_digits",
    "icu_validation_level",
    "intervalstyle",
    "jit",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "local_preload_libraries",
    "max_identifier_length",
    "max_locks_per_transaction",
    "operator_precedence_warning",
    "password_encryption",
    "quote_all_identifiers",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "standard_conforming_strings",
    "synchronize_seqscans",
    "timezone",
    "timezone_abbreviations",
    "transform_null_equals",
    "wal_level",
    "xmlbinary",
    "xmloption",
];

const MYSQL: [&str; 37] = [
    "authentication_policy",
    "block_encryption_mode",
    "character_set_collations",
    "character_set_server",
    "collation_server",
    "default_authentication_plugin",
    "default_collation_for_utf8mb4",
    "default_storage_engine",
    "default_time_zone",
    "default_week_format",
    "div_precision_increment",
    "explicit_defaults_for_timestamp",
    "federated",
    "ft_min_word_len",
    "innodb_default_row_format",
    "innodb_file_format",
    "innodb_file_per_table",
    "innodb_force_primary_key",
    "innodb_ft_min_token_size",
    "innodb_large_prefix",
    "innodb_page_size",
    "innodb_read_only_compressed",
    "innodb_strict_mode",
    "lc_time_names",
    "lower_case_table_names",
    "mysql_native_password",
    "old_mode",
    "plugin_load",
    "plugin_load_add",
    "plugin_maturity",
    "restrict_fk_on_non_standard_key",
    "show_gipk_in_create_table_and_information_schema",
    "skip_name_resolve",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
    "strict_password_validation",
];

/// Plugins that look at passwords, of which a drill has its own, or keep a record of what is done.
const NO_PLUGINS: [&str; 5] = ["password", "cracklib", "audit", "log", "replic"];

/// Settings of a server by name, in the server's own spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// Files a server loads: its preload libraries, or its plugins.
    libraries: BTreeSet<String>,
    /// The names of those that are not taken.
    pub left_out: BTreeSet<String>,
}

impl Settings {
    /// Those of a command line, as Docker tells the arguments of a container.
    pub(in super::super) fn of_arguments(engine: Engine, arguments: &[String]) -> Self {
        let mut settings = Self::default();
        let words = plain_words(arguments);
        let mut rest = words.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            let option = match engine {
                Engine::Postgresql if word == "-c" => rest.next(),
                Engine::Postgresql => word.strip_prefix("-c").or_else(|| word.strip_prefix("--")),
                Engine::Mariadb | Engine::Mysql => word.strip_prefix("--"),
                Engine::Custom => None,
            };
            let Some(option) = option.filter(|option| !option.is_empty()) else { continue };
            match option.split_once('=') {
                Some((name, value)) => settings.add(engine, name, value),
                None => {
                    let value = rest.next_if(|next| !next.starts_with('-'));
                    settings.add(engine, option, value.unwrap_or("1"));
                }
            }
        }
        settings
    }

    /// Those that a server has told: see [`query`].
    pub(in super::super) fn told(mut self, engine: Engine, stdout: &[u8]) -> Self {
        for line in String::from_utf8_lossy(stdout).lines() {
            let pair = line.split_once(' ').map(|(name, value)| (text(name), text(value)));
            if let Some((Some(name), Some(value))) = pair {
                self.add(engine, &name, &value);
            }
        }
        self
    }

    fn add(&mut self, engine: Engine, name: &str, value: &str) {
        let mut name = name.trim().to_ascii_lowercase();
        if matches!(engine, Engine::Mariadb | Engine::Mysql) || !name.contains('.') {
            name = name.replace('-', "_");
        }
        let name = name.trim_start_matches("loose_").to_owned();
        let value = value.trim().trim_matches(|c| c == '\'' || c == '"');
        let is_known = match engine {
            // An extension's setting that names a file is one of the target.
            Engine::Postgresql => {
                POSTGRESQL.contains(&name.as_str()) || (name.contains('.') && !value.contains('/'))
            }
            Engine::Mariadb | Engine::Mysql => MYSQL.contains(&name.as_str()),
            Engine::Custom => false,
        };
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if !is_known || !is_name || value.len() > LONGEST || value.chars().any(is_unsafe) {
            self.left_out.insert(name.chars().filter(|c| !is_unsafe(*c)).take(64).collect());
            return;
        }
        match name.as_str() {
            "shared_preload_libraries" => self.libraries.extend(libraries(value, ',')),
            // `name=file`, or the file alone.
            "plugin_load" | "plugin_load_add" => self.libraries.extend(libraries(value, ';')),
            "wal_level" if value == "minimal" => {}
            _ => drop(self.values.insert(name, value.to_owned())),
        }
    }

    /// Leaves out a library that the image does not have, or names the server so in what it printed. Whether there was one.
    pub fn without_missing(&mut self, printed: &str) -> bool {
        let is_told = |name: &String| {
            let file = name.rsplit(['/', '=']).next().unwrap_or(name);
            let file = file.strip_suffix(".so").unwrap_or(file);
            printed.contains(&format!("access file \"{name}\""))
                || printed.contains(&format!("/{file}\""))
                || printed.contains(&format!("/{file}.so\""))
        };
        let missing: Vec<_> = self.libraries.iter().filter(|name| is_told(name)).cloned().collect();
        for name in &missing {
            self.libraries.remove(name);
            self.left_out.insert(name.clone());
        }
        !missing.is_empty()
    }

    /// As arguments of the server. What it does not know is passed over, where it can be told so.
    pub(in super::super) fn arguments(&self, engine: Engine) -> Vec<String> {
        match engine {
            Engine::Postgresql => {
                let list =
                    self.libraries.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
                let list = (!list.is_empty()).then(|| ("shared_preload_libraries".to_owned(), list));
                let all = self.values.clone().into_iter().chain(list);
                all.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]).collect()
            }
            Engine::Mariadb | Engine::Mysql => {
                let values = self.values.iter().map(|(name, value)| (name.as_str(), value));
                let all = values.chain(self.libraries.iter().map(|file| ("plugin_load_add", file)));
                all.map(|(name, value)| format!("--loose-{}={value}", name.replace('_', "-"))).collect()
            }
            Engine::Custom => Vec::new(),
        }
    }
}

/// The words of a command line; those of a script that a shell is given are looked at as well.
fn plain_words(arguments: &[String]) -> Vec<String> {
    let split = |word: &String| match words::split(word) {
        Ok(words) if words.len() > 1 && words.iter().any(|word| is_server(word)) => words,
        Ok(_) | Err(_) => vec![word.clone()],
    };
    arguments.iter().flat_map(split).collect()
}

fn is_server(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    matches!(name, "postgres" | "mysqld" | "mariadbd" | "mysqld_safe" | "mariadbd-safe")
}

fn libraries(list: &str, end: char) -> impl Iterator<Item = String> + '_ {
    let names = list.split(end).map(|name| name.trim().trim_matches('"'));
    let is_plain = |name: &&str| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=' | '$' | '/');
        let file = name.strip_prefix("$libdir/").unwrap_or(name);
        !file.is_empty() && !file.contains(['/', '$']) && name.chars().all(is_known)
    };
    let is_wanted = move |name: &&str| !NO_PLUGINS.iter().any(|word| name.contains(word)) || end == ',';
    names.filter(is_plain).filter(is_wanted).map(str::to_owned)
}

/// Text as the hexadecimal digits of its bytes.
fn text(digits: &str) -> Option<String> {
    String::from_utf8(hex::decode(digits.trim()).ok()?).ok()
}

/// Asks a server for its settings, wherever they come from: a file that is mounted there, or its command line.
pub(in super::super) fn query(engine: Engine, facts: &Facts<'_>) -> Option<Command> {
    match engine {
        Engine::Postgresql => {
            let names = POSTGRESQL.join("', '");
            Some(postgresql::ask(
                facts,
                format!(
                    "SELECT encode(convert_to(name, 'UTF8'), 'hex') || ' ' || encode(convert_to(setting, 'UTF8'), 'hex') \
                 FROM pg_catalog.pg_settings WHERE source IN ('configuration file', 'command line') AND setting <> '' \
                 AND (name IN ('{names}') OR name LIKE '%.%') AND lower(name) <> 'search_path'"
                ),
            ))
        }
        Engine::Mariadb => {
            let statement = mysql_query("information_schema.global_variables");
            Some(mysql::ask(mysql::Flavour::Mariadb, facts, statement))
        }
        Engine::Mysql => {
            let statement = mysql_query("performance_schema.global_variables");
            Some(mysql::ask(mysql::Flavour::Mysql, facts, statement))
        }
        Engine::Custom => None,
    }
}

/// What a dump does not say itself, and an image can be set up with.
fn mysql_query(variables: &str) -> String {
    const NAMES: [&str; 6] = [
        "explicit_defaults_for_timestamp",
        "innodb_default_row_format",
        "innodb_read_only_compressed",
        "innodb_strict_mode",
        "lower_case_table_names",
        "restrict_fk_on_non_standard_key",
    ];
    let names = NAMES.join("', '");
    format!(
        "SELECT CONCAT(HEX(LOWER(variable_name)), ' ', HEX(variable_value)) FROM {variables} \
         WHERE LOWER(variable_name) IN ('{names}') AND variable_value <> ''; \
         SELECT DISTINCT CONCAT(HEX('plugin_load_add'), ' ', HEX(plugin_library)) FROM information_schema.plugins \
         WHERE plugin_library IS NOT NULL AND plugin_status = 'ACTIVE'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(engine: Engine, line: &str) -> Settings {
        Settings::of_arguments(engine, &words::split(line).unwrap())
    }

    fn shown(engine: Engine, line: &str) -> String {
        let settings = of(engine, line);
        let left_out: Vec<_> = settings.left_out.iter().map(String::as_str).collect();
        format!("{} | {}", settings.arguments(engine).join(" "), left_out.join(" "))
    }

    #[test]
    fn what_a_dump_depends_on_is_taken_and_what_belongs_to_the_target_is_left() {
        insta::assert_snapshot!(shown(Engine::Postgresql,
            "docker-entrypoint.sh postgres -c shared_preload_libraries='pg_cron, pg_stat_statements,/opt/x' -cwal_level=logical \
             --max-locks-per-transaction=256 -c cron.database_name=app -c port=5433 -c shared_buffers=8GB -p 5433 \
             -D /data -c config_file=/etc/x -c archive_command='cp %p /x' -c ssl=on -c pgsodium.getkey_script=/k"),
            @r#"-c cron.database_name=app -c max_locks_per_transaction=256 -c wal_level=logical -c shared_preload_libraries="pg_cron","pg_stat_statements" | archive_command config_file pgsodium.getkey_script port shared_buffers ssl"#);
        insta::assert_snapshot!(shown(Engine::Mysql,
            "mysqld --lower-case-table-names=1 --character_set_server utf8mb4 --sql-mode= --loose-federated --skip-log-bin \
             --innodb-buffer-pool-size=8G --port=3307 --socket /tmp/x --init-file=/x --event-scheduler=ON --default-time-zone='+02:00' \
             --plugin-load-add=auth_ed25519=auth_ed25519.so;server_audit.so;/x/y.so"),
            @"--loose-character-set-server=utf8mb4 --loose-default-time-zone=+02:00 --loose-federated=1 --loose-lower-case-table-names=1 --loose-sql-mode= --loose-plugin-load-add=auth_ed25519=auth_ed25519.so | event_scheduler init_file innodb_buffer_pool_size port skip_log_bin socket");
        // A shell's script, and no option at all.
        let script =
            ["-c".to_owned(), "exec docker-entrypoint.sh mariadbd --lower_case_table_names=1".to_owned()];
        let settings = Settings::of_arguments(Engine::Mariadb, &script);
        assert_eq!(settings.arguments(Engine::Mariadb), ["--loose-lower-case-table-names=1"]);
        assert_eq!(of(Engine::Custom, "sleep infinity --x=1"), Settings::default());
    }

    #[test]
    fn a_server_tells_the_same_whatever_its_files_say() {
        let hex = hex::encode::<&str>;
        let told = format!(
            "{} {}\nnonsense\n{} {}\n",
            hex("lower_case_table_names"),
            hex("1"),
            hex("port"),
            hex("1")
        );
        let settings = Settings::default().told(Engine::Mysql, told.as_bytes());
        assert_eq!(settings.arguments(Engine::Mysql), ["--loose-lower-case-table-names=1"]);
    }

    #[test]
    fn a_library_that_the_image_lacks_is_left_out() {
        let mut settings = of(Engine::Postgresql, "-c shared_preload_libraries=a,b");
        assert!(!settings.without_missing("FATAL:  could not access file \"c\": No such file or directory"));
        assert!(settings.without_missing("FATAL:  could not access file \"b\": No such file or directory"));
        assert_eq!(settings.arguments(Engine::Postgresql), ["-c", "shared_preload_libraries=\"a\""]);
        assert!(settings.left_out.contains("b"));
    }
}
