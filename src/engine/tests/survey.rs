use crate::engine::Engine;

#[test]
fn a_login_that_reads_no_accounts_is_not_silent() {
    for (engine, word) in
        [(Engine::POSTGRESQL, "without their passwords"), (Engine::MYSQL, "grants are not backed up")]
    {
        let survey = engine.parse_survey(b"version 9.7.0\naccounts 0\n").unwrap();
        assert!(survey.notes.iter().any(|note| note.contains(word)), "{:?}", survey.notes);
    }
}

#[test]
fn an_older_server_and_another_kind_are_told() {
    let older = |engine: Engine, server, of, backup| engine.older(server, of, backup).is_some();
    for (engine, server, backup, is) in [
        (Engine::POSTGRESQL, "15.9 (Debian)", "17.6", true),
        (Engine::POSTGRESQL, "17.1", "17.6", false),
        (Engine::POSTGRESQL, "17.1", "9.6.24", false),
        (Engine::MARIADB, "10.11.18-MariaDB", "11.8.9-MariaDB", true),
        (Engine::MARIADB, "11.8.1-MariaDB", "11.8.9-MariaDB", false),
        (Engine::MYSQL, "8.0.36", "8.4.1", true),
        (Engine::MYSQL, "9.7.0", "8.4.1", false),
        (Engine::MYSQL, "", "8.4.1", false),
        (Engine::CUSTOM, "", "", false),
    ] {
        assert_eq!(older(engine, server, engine, backup), is, "{engine} {server} {backup}");
    }
    let words = Engine::MARIADB.older("11.8.9-MariaDB", Engine::MYSQL, "9.7.0").unwrap();
    assert!(
        words.starts_with("the backup is of mysql 9.7.0, and the server is mariadb 11.8.9-MariaDB: "),
        "{words}"
    );
}
