use crate::engine::{Engine, Settings};
use crate::model::words;

fn arguments(engine: Engine, settings: &Settings) -> Vec<String> {
    settings.arguments(engine.setting_rules().unwrap())
}

fn of(engine: Engine, line: &str) -> Settings {
    engine.settings_of(&words::split(line).unwrap())
}

fn shown(engine: Engine, line: &str) -> String {
    let settings = of(engine, line);
    let left_out: Vec<_> = settings.left_out.iter().map(String::as_str).collect();
    format!("{} | {}", arguments(engine, &settings).join(" "), left_out.join(" "))
}

#[test]
fn what_a_dump_depends_on_is_taken_and_what_belongs_to_the_target_is_left() {
    insta::assert_snapshot!(shown(Engine::POSTGRESQL,
        "docker-entrypoint.sh postgres -c shared_preload_libraries='pg_cron, pg_stat_statements,/opt/x' -cwal_level=logical \
         --max-locks-per-transaction=256 -c cron.database_name=app -c port=5433 -c shared_buffers=8GB -p 5433 \
         -D /data -c config_file=/etc/x -c archive_command='cp %p /x' -c ssl=on -c pgsodium.getkey_script=/k"),
        @r#"-c cron.database_name=app -c max_locks_per_transaction=256 -c wal_level=logical -c shared_preload_libraries="pg_cron","pg_stat_statements" | archive_command config_file pgsodium.getkey_script port shared_buffers ssl"#);
    insta::assert_snapshot!(shown(Engine::MYSQL,
        "mysqld --lower-case-table-names=1 --character_set_server utf8mb4 --sql-mode= --loose-federated --skip-log-bin \
         --innodb-buffer-pool-size=8G --port=3307 --socket /tmp/x --init-file=/x --event-scheduler=ON --default-time-zone='+02:00' \
         --plugin-load-add=auth_ed25519=auth_ed25519.so;server_audit.so;/x/y.so"),
        @"--loose-character-set-server=utf8mb4 --loose-default-time-zone=+02:00 --loose-federated=1 --loose-lower-case-table-names=1 --loose-sql-mode= --loose-plugin-load-add=auth_ed25519=auth_ed25519.so | event_scheduler init_file innodb_buffer_pool_size port skip_log_bin socket");
    // A shell's script, and no option at all.
    let script =
        ["-c".to_owned(), "exec docker-entrypoint.sh mariadbd --lower_case_table_names=1".to_owned()];
    let settings = Engine::MARIADB.settings_of(&script);
    assert_eq!(arguments(Engine::MARIADB, &settings), ["--loose-lower-case-table-names=1"]);
    assert_eq!(of(Engine::CUSTOM, "sleep infinity --x=1"), Settings::default());
}

#[test]
fn a_server_tells_the_same_whatever_its_files_say() {
    let hex = hex::encode::<&str>;
    let told =
        format!("{} {}\nnonsense\n{} {}\n", hex("lower_case_table_names"), hex("1"), hex("port"), hex("1"));
    let settings = Engine::MYSQL.with_settings(Settings::default(), told.as_bytes());
    assert_eq!(arguments(Engine::MYSQL, &settings), ["--loose-lower-case-table-names=1"]);
}

#[test]
fn a_library_that_the_image_lacks_is_left_out() {
    let mut settings = of(Engine::POSTGRESQL, "-c shared_preload_libraries=a,b");
    assert!(!settings.without_missing("FATAL:  could not access file \"c\": No such file or directory"));
    assert!(settings.without_missing("FATAL:  could not access file \"b\": No such file or directory"));
    assert_eq!(arguments(Engine::POSTGRESQL, &settings), ["-c", "shared_preload_libraries=\"a\""]);
    assert!(settings.left_out.contains("b"));
}
