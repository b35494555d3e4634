use std::collections::BTreeMap;

use crate::engine::{Engine, Facts, Loading, Password, Surroundings};
use crate::model::content::{Counter, Dialect, PUT_OFF};
use crate::model::words;

const DUMP: &[u8] = include_bytes!("../../model/content/rdb/tests/dumps/redis-7.0.rdb");

fn surroundings(free: &str) -> Surroundings {
    Engine::REDIS.parse_surroundings(free.as_bytes()).unwrap()
}

/// The commands that a dump becomes: their words.
fn commands(dump: &[u8], free: &str, piece: usize, is_on_trial: bool) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let loading = Loading { is_on_trial, ..Loading::default() };
    let mut edit = Engine::VALKEY.edit(loading, &surroundings(free), "mark");
    let mut all = Vec::new();
    for piece in dump.chunks(piece) {
        all.extend_from_slice(&edit.take(Some(piece.to_vec().into())));
    }
    all.extend_from_slice(&edit.take(None));
    (parse(&all), edit.problem().map(str::to_owned))
}

fn parse(mut all: &[u8]) -> Vec<Vec<Vec<u8>>> {
    fn number(all: &mut &[u8], sign: u8) -> usize {
        assert_eq!(all[0], sign);
        let end = all.iter().position(|byte| *byte == b'\r').unwrap();
        let number = std::str::from_utf8(&all[1..end]).unwrap().parse().unwrap();
        *all = &all[end + 2..];
        number
    }
    let mut commands = Vec::new();
    while !all.is_empty() {
        let mut words = Vec::new();
        for _ in 0..number(&mut all, b'*') {
            let length = number(&mut all, b'$');
            let (word, rest) = all.split_at(length);
            words.push(word.to_vec());
            all = rest.strip_prefix(b"\r\n").unwrap();
        }
        commands.push(words);
    }
    commands
}

fn keys(dump: &[u8]) -> u64 {
    let mut counter = Counter::new(Dialect::Rdb);
    counter.take(dump);
    counter.end().rows
}

#[test]
fn a_dump_becomes_a_command_for_each_key_whatever_its_pieces() {
    let free = "free 9\nfree 8\nused 7\nfree 6\n";
    let (whole, problem) = commands(DUMP, free, DUMP.len(), false);
    assert_eq!(problem, None);
    let is = |name: &str| whole.iter().filter(|words| words[0] == name.as_bytes()).collect::<Vec<_>>();
    assert_eq!(is("RESTORE").len() as u64, keys(DUMP));
    // Each database of the dump has one that is empty, and is marked with its own number.
    let claims: Vec<_> =
        is("EVAL").iter().map(|words| [words[3].clone(), words[4].clone(), words[5].clone()]).collect();
    let claim = |of: &str, place: &str| ["mark", of, place].map(|word| word.as_bytes().to_vec());
    assert_eq!(claims, [claim("0", "9"), claim("3", "8"), claim("15", "6")]);
    for piece in [1, 13, 4096] {
        assert!(commands(DUMP, free, piece, false) == (whole.clone(), None), "{piece}");
    }
    // What is measured is what is sent.
    let mut edit = Engine::REDIS.edit(Loading::default(), &surroundings(free), "mark");
    assert_eq!(edit.room(), None);
    drop(edit.take(Some(DUMP.into())));
    let mut again = edit.anew();
    assert_eq!(parse(&again.take(Some(DUMP.into()))), whole);
}

#[test]
fn on_trial_nothing_expires_for_a_hundred_years() {
    let restores = |is_on_trial| {
        let (all, _) = commands(DUMP, "free 1\nfree 2\nfree 3\n", 4096, is_on_trial);
        let times = all.into_iter().filter(|words| words[0] == b"RESTORE");
        times
            .map(|words| {
                (words[1].clone(), String::from_utf8(words[2].clone()).unwrap().parse::<u64>().unwrap())
            })
            .collect::<Vec<_>>()
    };
    let (real, later) = (restores(false), restores(true));
    assert!(real.iter().any(|(_, time)| *time > 0) && real.iter().any(|(_, time)| *time == 0));
    for ((name, time), (other, later)) in real.iter().zip(&later) {
        assert_eq!(name, other);
        assert_eq!(*later, if *time == 0 { PUT_OFF * u64::from(*later != 0) } else { time + PUT_OFF });
    }
}

#[test]
fn what_does_not_fit_or_is_cut_off_is_a_problem_before_anything_changes_places() {
    let (_, problem) = commands(DUMP, "free 1\nused 0\nfree 2\n", 4096, false);
    assert!(problem.unwrap().contains("3 databases, and the server has fewer"), "too few");
    let (_, problem) = commands(&DUMP[..DUMP.len() / 2], "free 1\nfree 2\nfree 3\n", 4096, false);
    assert!(problem.unwrap().contains("cannot be put back into a running server"), "cut off");
    for stdout in ["welcome", "free x", "free -1", "free 99999999999999"] {
        assert!(Engine::REDIS.parse_surroundings(stdout.as_bytes()).is_err(), "{stdout}");
    }
}

#[test]
fn a_server_is_found_and_logged_into_as_its_command_line_says() {
    let of = |line: &str, variables: &[(&str, &str)], label: Option<&str>| {
        let env: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let arguments = words::split(line).unwrap();
        let facts = Facts { arguments: &arguments, user: label, ..Facts::new("db", &env) };
        let login = Engine::REDIS.login(&facts).unwrap();
        let command = Engine::REDIS.survey(&facts).unwrap();
        let argument =
            command.env.iter().find(|(name, _)| name == "DUMPCAR_ARGUMENT").map(|(_, value)| value.clone());
        (Engine::REDIS.looked_for(&facts), login.password, argument.unwrap_or_default())
    };
    let usual = "127.0.0.1, port 6379".to_owned();
    let none = Password::Absent;
    assert_eq!(of("redis-server", &[], None), (usual.clone(), none.clone(), String::new()));
    assert_eq!(
        of("redis-server --requirepass pw", &[], None),
        (usual.clone(), none.clone(), "pw".to_owned())
    );
    assert_eq!(
        of("", &[("REDIS_ARGS", "--requirepass 'p w'")], None),
        (usual.clone(), none.clone(), "p w".to_owned())
    );
    let variable = Password::Variable("REDIS_PASSWORD");
    assert_eq!(of("", &[("REDIS_PASSWORD", "x")], None), (usual.clone(), variable, String::new()));
    // Another user has another password.
    assert_eq!(
        of("redis-server --requirepass pw", &[("REDIS_PASSWORD", "x")], Some("me")),
        (usual, none, String::new())
    );
    assert_eq!(of("redis-server --port 0 --unixsocket /tmp/s", &[], None).0, "the socket /tmp/s");
    assert_eq!(
        of("valkey-server --port 7001", &[("REDIS_PORT_NUMBER", "1")], None).0,
        "127.0.0.1, port 7001"
    );
    assert_eq!(of("", &[("REDIS_PORT_NUMBER", "7002")], None).0, "127.0.0.1, port 7002");
}
