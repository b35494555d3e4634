use super::*;
use crate::model::compression::Compression;

fn parse(labels: &[(&str, &str)]) -> Result<Option<TargetLabels>, LabelErrors> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TargetLabels::parse(&labels, "dumpcar")
}

fn target(labels: &[(&str, &str)]) -> TargetLabels {
    parse(&[&[("dumpcar.enable", "true")], labels].concat()).unwrap().unwrap()
}

fn errors(labels: &[(&str, &str)]) -> String {
    parse(&[&[("dumpcar.enable", "true")], labels].concat()).unwrap_err().to_string()
}

#[test]
fn a_container_opts_in() {
    for on in [
        &[("dumpcar.enable", "true")][..],
        &[("dumpcar.enabled", "1")],
        &[("dumpcar.enable", "yes"), ("dumpcar.enabled", "TRUE")],
    ] {
        assert!(parse(on).unwrap().is_some(), "{on:?}");
    }
    for off in [
        &[][..],
        &[("dumpcar.enable", "false")],
        &[("dumpcar.name", "x")],
        &[("dumpcar.enable", "off"), ("dumpcar.typo", "x")],
        &[("dumpcarx.enable", "true")],
        &[("dumpcar", "true")],
    ] {
        assert_eq!(parse(off).unwrap(), None, "{off:?}");
    }
    let labels = HashMap::from([("com.example.dumpcar.enable".to_owned(), "true".to_owned())]);
    assert!(TargetLabels::parse(&labels, "com.example.dumpcar").unwrap().is_some());
}

#[test]
fn an_unclear_wish_is_an_error() {
    let cases: [&[(&str, &str)]; 4] = [
        &[("dumpcar.enable", "")],
        &[("dumpcar.enable", "ja")],
        &[("dumpcar.enable", "true"), ("dumpcar.enabled", "false")],
        &[("dumpcar.enabel", "true")],
    ];
    let lines: Vec<String> = cases.iter().map(|labels| parse(labels).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    dumpcar.enable: must be true or false
    dumpcar.enable: must be true or false
    dumpcar.enable: differs from dumpcar.enabled; keep one of them
    dumpcar.enabel: is not a known label; did you mean dumpcar.enable?
    ");
}

#[test]
fn everything_can_be_set() {
    let labels = target(&[
        ("dumpcar.name", "shop"),
        ("dumpcar.was", "store, store-db"),
        ("dumpcar.engine", "postgres"),
        ("dumpcar.databases", "shop, crm,,shop"),
        ("dumpcar.exclude", "test_*"),
        ("dumpcar.user", "backup"),
        ("dumpcar.password-file", "/run/secrets/db"),
        ("dumpcar.port", "5433"),
        ("dumpcar.socket", "/tmp"),
        ("dumpcar.exec-user", "999:999"),
        ("dumpcar.args", "--exclude-table='order items' -v"),
        ("dumpcar.schedule", "@hourly"),
        ("dumpcar.keep-last", "1"),
        ("dumpcar.keep-hourly", "2"),
        ("dumpcar.keep-daily", "3"),
        ("dumpcar.keep-weekly", "4"),
        ("dumpcar.keep-monthly", "5"),
        ("dumpcar.keep-yearly", "6"),
        ("dumpcar.keep-within", "7d"),
        ("dumpcar.shrink-alert", "off"),
        ("dumpcar.compression", "zstd:3"),
        ("dumpcar.transport", "off"),
        ("dumpcar.timeout", "1h"),
        ("dumpcar.group", "blue"),
        ("dumpcar.before", "redis-cli save"),
        ("dumpcar.after", "true"),
        ("dumpcar.ping", "https://hc-ping.com/0b6ea0f0-9b0e-4a0a-8d2c-0b6ea0f09b0e"),
        ("dumpcar.command", ""),
        ("traefik.enable", "maybe"),
    ]);
    let expected = TargetLabels {
        name: Some("shop".parse().unwrap()),
        was: vec!["store".parse().unwrap(), "store-db".parse().unwrap()],
        engine: Some(Engine::POSTGRESQL),
        databases: vec!["shop".into(), "crm".into()],
        exclude: vec![Glob::new("test_*")],
        paths: Vec::new(),
        user: Some("backup".into()),
        password_file: Some("/run/secrets/db".into()),
        host: None,
        port: Some(5433),
        socket: Some("/tmp".into()),
        exec_user: Some("999:999".into()),
        args: vec!["--exclude-table=order items".into(), "-v".into()],
        schedule: Some("@hourly".parse().unwrap()),
        retention: RetentionSettings {
            last: Some(1),
            hourly: Some(2),
            daily: Some(3),
            weekly: Some(4),
            monthly: Some(5),
            yearly: Some(6),
            within: Some(Duration::from_secs(7 * 86_400)),
        },
        shrink_alert: Some(ShrinkAlert::OFF),
        compression: Some(CompressionChoice::Fixed(Compression::Zstd(3))),
        transport: Some(Transport::Off),
        timeout: Some(Duration::from_secs(3_600)),
        group: Some("blue".into()),
        before: Some("redis-cli save".into()),
        after: Some("true".into()),
        custom: None,
        drill: DrillLabels::default(),
        ping: Some(PingUrl::parse("https://hc-ping.com/0b6ea0f0-9b0e-4a0a-8d2c-0b6ea0f09b0e").unwrap()),
    };
    assert_eq!(labels, expected);
}

#[test]
fn a_command_alone_makes_a_target_custom() {
    let custom = target(&[("dumpcar.command", "redis-cli --rdb -")]);
    assert_eq!(custom.engine, Some(Engine::CUSTOM));
    let command = CustomCommand { dump: "redis-cli --rdb -".into(), restore: None, extension: "dump".into() };
    assert_eq!(custom.custom, Some(command));
    let full = target(&[
        ("dumpcar.command", "x"),
        ("dumpcar.engine", "Custom"),
        ("dumpcar.restore-command", "y"),
        ("dumpcar.extension", "tar.gz"),
    ]);
    assert_eq!(
        full.custom,
        Some(CustomCommand { dump: "x".into(), restore: Some("y".into()), extension: "tar.gz".into() })
    );
}

#[test]
fn each_error_names_its_label_and_the_cure() {
    let wrong = [
        ("name", "../etc"),
        ("engine", "oracle"),
        ("databases", " , "),
        ("exclude", ","),
        ("path", "/data/*/app.db"),
        ("user", "a\nb"),
        ("password-file", "secrets/db"),
        ("host", "a b"),
        ("port", "65536"),
        ("socket", "mysqld.sock"),
        ("exec-user", "a\nb"),
        ("args", "'unclosed"),
        ("schedule", "0 0 0 * * *"),
        ("keep-last", "x"),
        ("keep-hourly", "x"),
        ("keep-daily", "x"),
        ("keep-weekly", "x"),
        ("keep-monthly", "x"),
        ("keep-yearly", "x"),
        ("keep-within", "1M"),
        ("shrink-alert", "100"),
        ("compression", "rar"),
        ("transport", "gzip"),
        ("timeout", "90"),
        ("group", "a\nb"),
        ("drill", "true"),
        ("drill-query", "select 1"),
        ("databse", "shop"),
        ("retention", "7"),
    ];
    let labels: Vec<(String, &str)> =
        wrong.iter().map(|(name, value)| (format!("dumpcar.{name}"), *value)).collect();
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    insta::assert_snapshot!(errors(&labels), @"
    dumpcar.databse: is not a known label; did you mean dumpcar.databases?
    dumpcar.drill-query: is not a known label; did you mean dumpcar.drill.query?
    dumpcar.retention: is not a known label; did you mean dumpcar.keep-last?
    dumpcar.host: does not go together with dumpcar.socket; keep one of them
    dumpcar.engine: must be postgresql, mariadb, mysql, redis, valkey, sqlite or custom
    dumpcar.name: must be 1 to 100 letters, digits, dots, dashes or underscores, and start with a letter or digit
    dumpcar.databases: must be names with commas between them
    dumpcar.exclude: must be names with commas between them
    dumpcar.path: may have * and ? in the name of a file only, and not in that of a folder
    dumpcar.user: must be one line
    dumpcar.password-file: must be an absolute path inside the container
    dumpcar.host: must be the name or address of a host, as the container knows it
    dumpcar.port: must be a port, 1 to 65535
    dumpcar.socket: must be an absolute path inside the container
    dumpcar.exec-user: must be one line
    dumpcar.args: has an unclosed quote or ends in a backslash
    dumpcar.schedule: has 6 cron fields; it takes five (minute, hour, day, month, weekday), without seconds and years
    dumpcar.keep-last: must be a whole number, like 7
    dumpcar.keep-hourly: must be a whole number, like 7
    dumpcar.keep-daily: must be a whole number, like 7
    dumpcar.keep-weekly: must be a whole number, like 7
    dumpcar.keep-monthly: must be a whole number, like 7
    dumpcar.keep-yearly: must be a whole number, like 7
    dumpcar.keep-within: has the unit M, which is easily mistaken for minutes (m): use d or w
    dumpcar.shrink-alert: must be a percentage from 1% to 99%, or off
    dumpcar.compression: must be auto, xz, xz:0 to xz:9, zstd, zstd:1 to zstd:22, gzip, gzip:1 to gzip:9, or none
    dumpcar.transport: must be one of auto, on, off, true, false
    dumpcar.timeout: needs a unit, like 15m
    dumpcar.group: must be one line
    dumpcar.drill: must be five cron fields like `0 23 * * *`, one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, an interval like `every 6h`, or off
    ");
}

#[test]
fn what_does_not_go_together_is_an_error() {
    let cases: [&[(&str, &str)]; 6] = [
        &[("dumpcar.host", "db"), ("dumpcar.port", "0"), ("dumpcar.socket", "/tmp")],
        &[("dumpcar.engine", "custom")],
        &[("dumpcar.command", "x"), ("dumpcar.engine", "mysql")],
        &[("dumpcar.restore-command", "x"), ("dumpcar.extension", "sql")],
        &[("dumpcar.command", "x"), ("dumpcar.extension", "../x")],
        &[
            ("dumpcar.command", "x"),
            ("dumpcar.databases", "x"),
            ("dumpcar.exclude", "x"),
            ("dumpcar.user", "x"),
            ("dumpcar.password-file", "/x"),
            ("dumpcar.host", "x"),
            ("dumpcar.port", "1"),
            ("dumpcar.socket", "/x"),
            ("dumpcar.args", "x"),
        ],
    ];
    let lines: Vec<String> = cases.iter().map(|labels| errors(labels)).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    dumpcar.host: does not go together with dumpcar.socket; keep one of them
    dumpcar.port: must be a port, 1 to 65535
    dumpcar.engine: custom needs dumpcar.command as well
    dumpcar.engine: must be custom or absent, because dumpcar.command is set
    dumpcar.restore-command: needs dumpcar.command as well
    dumpcar.extension: needs dumpcar.command as well
    dumpcar.extension: must be 1 to 16 letters, digits or dots, like sql or tar.gz
    dumpcar.databases: has no effect together with dumpcar.command; remove it
    dumpcar.exclude: has no effect together with dumpcar.command; remove it
    dumpcar.user: has no effect together with dumpcar.command; remove it
    dumpcar.password-file: has no effect together with dumpcar.command; remove it
    dumpcar.host: has no effect together with dumpcar.command; remove it
    dumpcar.port: has no effect together with dumpcar.command; remove it
    dumpcar.socket: has no effect together with dumpcar.command; remove it
    dumpcar.args: has no effect together with dumpcar.command; remove it
    ");
}

/// Promise P6: labels hold no secrets, but people put them there.
#[test]
fn no_error_shows_a_value() {
    let names: Vec<String> =
        NAMES.iter().chain(&ENABLE).chain(&["drill", "typo"]).map(|n| format!("dumpcar.{n}")).collect();
    let canary = "'c4n4ry\nhunter2";
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), canary)).collect();
    let mut cases: Vec<Vec<(&str, &str)>> =
        all.iter().map(|pair| vec![("dumpcar.enable", "true"), *pair]).collect();
    cases.push(all.iter().copied().chain([("dumpcar.enable", "true")]).collect());
    cases.push(all);
    for labels in cases {
        let Err(errors) = parse(&labels) else { continue };
        let text = format!("{errors} {errors:?}");
        assert!(!text.contains("c4n4ry") && !text.contains("hunter2"), "{labels:?}: {text}");
    }
}

#[test]
fn a_label_in_capitals_beside_an_enabled_one_is_an_error() {
    assert_eq!(
        errors(&[("DUMPCAR.schedule", "@daily")]),
        "DUMPCAR.schedule: has capitals: write dumpcar.schedule"
    );
    assert_eq!(
        errors(&[("dumpcar.Schedule", "@daily")]),
        "dumpcar.Schedule: is not a known label; did you mean dumpcar.schedule?"
    );
    // No wish for a backup.
    assert_eq!(parse(&[("Dumpcar.Name", "x"), ("Dumpcar.Enable", "no")]).unwrap(), None);
}

#[test]
fn every_spelling_of_others_leads_to_a_label() {
    for (other, own) in SPELLINGS {
        assert!(NAMES.contains(own) && !NAMES.contains(other), "{other} {own}");
        let wanted = format!("dumpcar.{other}: is not a known label; did you mean dumpcar.{own}?");
        assert_eq!(errors(&[(&format!("dumpcar.{other}"), "x")]), wanted);
    }
}
