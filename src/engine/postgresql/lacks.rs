//! What PostgreSQL says about a dump when it is not the dump's fault.

/// Words in lower case, words that follow on the same line, and what to do.
const SIGNS: [(&str, &str, &str); 18] = [
    (
        "extension \"",
        "\" is not available",
        "install the extension in the server's image (Debian: postgresql-VERSION-NAME)",
    ),
    (
        "could not open extension control file",
        "",
        "install the extension in the server's image (Debian: postgresql-VERSION-NAME)",
    ),
    (
        "extension \"",
        "\" has no installation script",
        "the image has another version of the extension: use the backup's image",
    ),
    (
        "loaded via ",
        "shared_preload_libraries",
        "start the server with that library (`-c shared_preload_libraries=…`; for a drill, by the label dumpcar.drill.args)",
    ),
    (
        "must be preloaded",
        "",
        "start the server with that library (`-c shared_preload_libraries=…`; for a drill, by the label dumpcar.drill.args)",
    ),
    (
        "unrecognized configuration parameter",
        "",
        "the server is older than the backup, or starts without a library that has this parameter (`-c shared_preload_libraries=…`; \
         for a drill, by the label dumpcar.drill.args)",
    ),
    (
        "can only create extension in database",
        "",
        "start the server with `-c cron.database_name=…`, for a drill by the label dumpcar.drill.args",
    ),
    ("could not access file \"", "no such file", "install that library in the server's image"),
    ("could not load library \"", "", "install what that library needs in the server's image"),
    (
        "could not open collator for locale",
        "",
        "take an image whose ICU knows the locale, or pass --server-locale to make the database with the server's own",
    ),
    (
        "could not create locale",
        "",
        "add the locale to the image (`localedef`), or pass --server-locale to make the database with the server's own",
    ),
    (
        "invalid lc_",
        " locale name",
        "add the locale to the image (`localedef`), or pass --server-locale to make the database with the server's own",
    ),
    (
        "invalid locale name",
        "",
        "add the locale to the image (`localedef`), or pass --server-locale to make the database with the server's own",
    ),
    (
        "icu is not supported in this build",
        "",
        "take an image with ICU, or pass --server-locale to make the database with the server's own locale",
    ),
    (
        "collation \"pg_catalog.",
        " does not exist",
        "columns sort by a locale that the image lacks: add it (`localedef`), then \
         `SELECT pg_import_system_collations('pg_catalog')` in template0 and template1",
    ),
    (
        "no security label providers have been loaded",
        "",
        "start the server with the library of the provider (`-c shared_preload_libraries=…`; for a drill, by the label \
         dumpcar.drill.args)",
    ),
    (
        "security label provider \"",
        "\" is not loaded",
        "start the server with the library of the provider (`-c shared_preload_libraries=…`; for a drill, by the label \
         dumpcar.drill.args)",
    ),
    (
        "tablespace \"",
        "\" does not exist",
        "make it first, by hand or by --globals, or pass --no-tablespaces",
    ),
];

/// Where the server says that it lacks something, and what to do about that.
pub(in crate::engine) fn find(said: &str) -> Option<(&str, &'static str)> {
    said.lines().find_map(|line| {
        let lower = line.to_ascii_lowercase();
        let has =
            |first: &str, then: &str| lower.split_once(first).is_some_and(|(_, rest)| rest.contains(then));
        let is_error = lower.contains("error:") || lower.contains("fatal:");
        let (_, _, cure) = SIGNS.iter().find(|(first, then, _)| is_error && has(first, then))?;
        Some((line, *cure))
    })
}

/// Whether a name was not found that may well be there: in a schema that was not looked into.
pub(in crate::engine) fn is_hidden(said: &str) -> bool {
    const KINDS: [&str; 10] = [
        "function ",
        "operator ",
        "relation ",
        "type ",
        "text search ",
        "aggregate ",
        "procedure ",
        "operator class ",
        "collation ",
        "no schema has been selected",
    ];
    said.lines().filter_map(|line| line.split_once("error:")).any(|(_, error)| {
        let error = error.trim_start();
        KINDS.iter().any(|kind| error.starts_with(kind))
            && (error.contains("does not exist") || error.starts_with("no schema"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_found_may_be_hidden() {
        for said in [
            "psql:<stdin>:40: error:  function clean(text) does not exist\nline 1: select",
            "error:  operator does not exist: public.hstore = public.hstore",
            "error:  relation \"src\" does not exist",
            "error:  type \"cube\" does not exist",
            "error:  collation \"mine\" for encoding \"utf8\" does not exist",
            "error:  text search dictionary \"unaccent\" does not exist",
        ] {
            assert!(is_hidden(said) && find(said).is_none(), "{said}");
        }
        for said in [
            "error:  role \"x\" does not exist",
            "error:  duplicate key value",
            "warning:  function x() does not exist",
            "error:  column \"function \" does not exist",
        ] {
            assert!(!is_hidden(said), "{said}");
        }
    }

    #[test]
    fn what_the_server_lacks_has_a_cure() {
        for (said, word) in [
            ("error:  extension \"postgis\" is not available", "install"),
            ("error:  pg_cron can only be loaded via shared_preload_libraries", "drill.args"),
            ("fatal:  extension \"timescaledb\" must be preloaded", "drill.args"),
            ("error:  unrecognized configuration parameter \"transaction_timeout\"", "older"),
            ("error:  invalid lc_collate locale name: \"de_de.utf-8\"", "--server-locale"),
            ("error:  could not create locale \"de_de.utf-8\": no such file or directory", "--server-locale"),
            ("error:  collation \"pg_catalog.de_de\" for encoding \"utf8\" does not exist", "pg_import"),
            ("error:  tablespace \"fast\" does not exist", "--no-tablespaces"),
        ] {
            assert!(find(said).is_some_and(|(_, cure)| cure.contains(word)), "{said}");
        }
        assert_eq!(find("error:  duplicate key value"), None);
    }
}
