//! What a drill's server is told of its target's settings.

use std::collections::{BTreeMap, BTreeSet};

use super::session::ask;
use crate::engine::shared::facts::Facts;
use crate::engine::shared::settings::Rules;
use crate::model::command::Command;

pub(super) static RULES: Rules = Rules {
    names: &NAMES,
    has_extensions: true,
    has_short: true,
    libraries: &["shared_preload_libraries"],
    between_libraries: ',',
    no_libraries: &[],
    not: Some(("wal_level", "minimal")),
    arguments,
};

const NAMES: [&str; 38] = [
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

fn arguments(values: &BTreeMap<String, String>, libraries: &BTreeSet<String>) -> Vec<String> {
    let list = libraries.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let list = (!list.is_empty()).then(|| ("shared_preload_libraries".to_owned(), list));
    let all = values.clone().into_iter().chain(list);
    all.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]).collect()
}

/// Asks a server for them, wherever they come from: a file that is mounted there, or its command line.
pub(super) fn query(facts: &Facts<'_>) -> Command {
    let names = NAMES.join("', '");
    ask(
        facts,
        format!(
            "SELECT encode(convert_to(name, 'UTF8'), 'hex') || ' ' || encode(convert_to(setting, 'UTF8'), 'hex') \
             FROM pg_catalog.pg_settings WHERE source IN ('configuration file', 'command line') AND setting <> '' \
             AND (name IN ('{names}') OR name LIKE '%.%') AND lower(name) <> 'search_path'"
        ),
    )
}
