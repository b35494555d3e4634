use super::*;

fn holder(boot: &str, network: &str, engine: Option<&str>, container: Option<(&str, &str)>) -> Holder {
    Holder {
        instance: Line::clean("host-a"),
        process: "01".repeat(16).parse().unwrap(),
        boot: Line::clean(boot),
        network: Line::clean(network),
        docker_engine: engine.map(Line::clean),
        container: container
            .map(|(id, started)| HolderContainer { id: id_of(id), started: Line::clean(started) }),
    }
}

/// An id for each word.
fn id_of(word: &str) -> ContainerId {
    let digits = hex::encode(word);
    format!("{digits:0>64}").parse().unwrap()
}

fn record() -> RunRecord {
    RunRecord {
        version: VERSION,
        run: "00000000deadbeef".parse().unwrap(),
        target: "shop".parse().unwrap(),
        container: Some(id_of("shop")),
        docker_engine: Some(Line::clean("E")),
        stamp: Some("2026-11-23T23-00-00Z".parse().unwrap()),
        prunes: vec!["2026-11-16T23-00-00Z".parse().unwrap()],
        restores: false,
        started: "2026-11-23T23:00:00Z".parse().unwrap(),
        holder: holder("b", "net:[1]", Some("E"), Some(("abc", "10:00"))),
    }
}

#[test]
fn a_record_is_read_back_and_a_newer_one_is_left_alone() {
    let read = |json: &[u8]| RunRecord::from_json(json, &record().key());
    assert_eq!(read(&record().to_json()).unwrap(), record());
    let newer = RunRecord { version: 2, ..record() }.to_json();
    assert!(matches!(read(&newer), Err(RecordError::Newer(2))));
    assert!(matches!(read(br#"{"version": 2}"#), Err(RecordError::Newer(2))));
    let none = RunRecord { version: 0, ..record() }.to_json();
    for json in [b"{".as_slice(), &none] {
        assert!(matches!(read(json), Err(RecordError::Malformed(_))));
    }
    let elsewhere = RunRecord::from_json(&record().to_json(), ".dumpcar/runs/other/00000000deadbeef.json");
    assert!(matches!(elsewhere, Err(RecordError::Misplaced)));
}

#[test]
fn only_a_restore_has_to_be_finished_on_its_own_engine() {
    let [own, other] = ["E", "F"].map(Line::clean);
    let restore = RunRecord { restores: true, ..record() };
    assert!(restore.is_elsewhere(Some(&other)) && restore.is_elsewhere(None));
    assert!(!restore.is_elsewhere(Some(&own)));
    assert!(!record().is_elsewhere(Some(&other)), "what a backup leaves is in the bucket");
    // Whoever takes a record over does not move its container.
    let taken = RunRecord { holder: holder("c", "net:[2]", Some("F"), None), ..restore.clone() };
    assert!(taken.is_elsewhere(Some(&other)));
    // Older records have only their holder's.
    let older = RunRecord { docker_engine: None, ..restore };
    assert!(older.is_elsewhere(Some(&other)) && !older.is_elsewhere(Some(&own)));
    let unknown = holder("b", "net:[1]", None, None);
    assert!(!RunRecord { holder: unknown, ..older }.is_elsewhere(Some(&other)), "nothing is known");
}

/// A record comes from whoever can write into the bucket.
#[test]
fn a_record_that_names_what_is_no_name_is_none() {
    let whole: serde_json::Value = serde_json::from_slice(&record().to_json()).unwrap();
    let read = |json: &serde_json::Value| RunRecord::from_json(json.to_string().as_bytes(), &record().key());
    assert!(read(&whole).is_ok());
    for (pointer, text) in [
        ("/container", "victim/kill?x="),
        ("/container", "../build?remote=http://127.0.0.1/Dockerfile&networkmode=host&x="),
        ("/container", "shop-db-1"),
        ("/container", ""),
        ("/holder/container/id", "../info#"),
        ("/holder/container/started", "10:00\nINFO backup committed"),
        ("/holder/process", "00"),
        ("/holder/process", "0123456789abcdef0123456789abcde/"),
        ("/holder/instance", "a\u{1b}]0;x"),
        ("/holder/boot", "\u{202e}"),
        ("/run", "00000000DEADBEEF"),
        ("/target", "../shop"),
        ("/stamp", "2026-11-23"),
        ("/prunes/0", "../x"),
        ("/started", "yesterday"),
    ] {
        let mut planted = whole.clone();
        *planted.pointer_mut(pointer).unwrap() = text.into();
        assert!(read(&planted).is_err(), "{pointer} {text:?}");
    }
    let mut long = whole.clone();
    long["holder"]["instance"] = "x".repeat(257).into();
    assert!(read(&long).is_err());
}

#[test]
fn only_what_docker_knows_to_have_stopped_has_stopped() {
    for state in ["created", "exited", "dead"] {
        assert_eq!(Witness::of(state, "10:00"), Witness::Stopped, "{state}");
    }
    for state in ["paused", "restarting", "removing", "", "stopped", "Exited"] {
        assert_eq!(Witness::of(state, "10:00"), Witness::Silent, "{state}");
    }
    assert_eq!(Witness::of("running", "10:00"), Witness::Runs { started: Line::clean("10:00") });
}

#[test]
fn a_key_names_its_record() {
    assert_eq!(record().key(), ".dumpcar/runs/shop/00000000deadbeef.json");
    let named = RunRecord::parse_key(&record().key());
    assert_eq!(named, Some((record().target, record().run)));
    for other in [
        ".dumpcar/runs/shop/x.json",
        ".dumpcar/runs/00000000deadbeef.json",
        ".dumpcar/runs/shop/00000000DEADBEEF.json",
        "shop/2026-11-23T23-00-00Z/manifest.json",
    ] {
        assert_eq!(RunRecord::parse_key(other), None, "{other}");
    }
}

#[test]
fn only_what_proves_the_end_of_a_process_counts() {
    let judge = holder("b", "net:[2]", Some("E"), Some(("own", "9:00")));
    let runs = |started: &str| Witness::Runs { started: Line::clean(started) };
    let other = || holder("b", "net:[1]", Some("E"), Some(("other", "8:00")));
    for (what, held, witness, fate) in [
        (
            "an earlier start of the judge's container",
            holder("b", "net:[1]", Some("E"), Some(("own", "8:00"))),
            Witness::Silent,
            Fate::Dead,
        ),
        (
            "the same, before the machine was started anew",
            holder("a", "net:[2]", Some("E"), Some(("own", "8:00"))),
            Witness::Silent,
            Fate::Dead,
        ),
        ("another container that runs", other(), runs("8:00"), Fate::Unknown),
        ("one that was started anew", other(), runs("8:30"), Fate::Dead),
        ("one that was stopped", other(), Witness::Stopped, Fate::Dead),
        ("one that was removed", other(), Witness::Missing, Fate::Dead),
        ("nobody to ask", other(), Witness::Silent, Fate::Unknown),
        (
            "one of another engine on the same kernel",
            holder("b", "net:[1]", Some("F"), Some(("other", "8:00"))),
            Witness::Missing,
            Fate::Unknown,
        ),
        (
            "one of a machine cloned with its engine's name",
            holder("a", "net:[1]", Some("E"), Some(("other", "8:00"))),
            Witness::Missing,
            Fate::Unknown,
        ),
        (
            "one of an engine that does not say who it is",
            holder("b", "net:[1]", None, Some(("other", "8:00"))),
            Witness::Missing,
            Fate::Unknown,
        ),
        ("no container at all", holder("b", "net:[1]", Some("E"), None), Witness::Missing, Fate::Unknown),
    ] {
        assert_eq!(held.fate(&judge, &witness), fate, "{what}");
    }
    // Neither engine says who it is: the same nothing is no proof.
    let nameless = holder("b", "net:[2]", None, Some(("own", "9:00")));
    let held = holder("b", "net:[1]", None, Some(("other", "8:00")));
    assert_eq!(held.fate(&nameless, &Witness::Missing), Fate::Unknown);
}
