//! What a drill's server is told of its target's settings.

use std::collections::{BTreeMap, BTreeSet};

use super::flavour::Flavour;
use super::session::ask;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::settings::Rules;
use crate::model::command::Command;

pub(super) static RULES: Rules = Rules {
    names: &NAMES,
    has_extensions: false,
    has_short: false,
    // `name=file`, or the file alone.
    libraries: &["plugin_load", "plugin_load_add"],
    between_libraries: ';',
    // Those that look at passwords, of which a drill has its own, or keep a record of what is done.
    no_libraries: &["password", "cracklib", "audit", "log", "replic"],
    not: None,
    arguments,
};

const NAMES: [&str; 37] = [
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

fn arguments(values: &BTreeMap<String, String>, libraries: &BTreeSet<String>) -> Vec<String> {
    let values = values.iter().map(|(name, value)| (name.as_str(), value));
    let all = values.chain(libraries.iter().map(|file| ("plugin_load_add", file)));
    all.map(|(name, value)| format!("--loose-{}={value}", name.replace('_', "-"))).collect()
}

/// Asks a server for them, wherever they come from: a file that is mounted there, or its command line.
pub(super) fn query(flavour: Flavour, facts: &Facts<'_>) -> Command {
    let variables = match flavour {
        Flavour::Mariadb => "information_schema.global_variables",
        Flavour::Mysql => "performance_schema.global_variables",
    };
    ask(flavour, facts, statements(variables))
}

/// What a dump does not say itself, and an image can be set up with.
fn statements(variables: &str) -> String {
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
