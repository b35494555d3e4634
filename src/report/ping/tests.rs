use super::*;
use crate::model::trigger::Trigger;

fn config(url: &str) -> PingUrl {
    let pairs = [("DUMPCAR_STORE", "s3://backups/x"), ("DUMPCAR_PING_URL", url)];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = crate::config::Config::from_pairs(pairs, &|_| Err(std::io::ErrorKind::NotFound.into()));
    config.unwrap().notify.ping.unwrap()
}

fn asked(ping: &Ping, url: &str) -> Option<(String, String)> {
    let request = ping.request(&config(url), 10)?;
    Some((request.url.expose().to_owned(), request.body))
}

fn ping(body: Result<&str, &str>, rid: Option<&str>) -> Ping {
    let elapsed = Some(Duration::from_millis(1_500));
    let body = body.map(str::to_owned).map_err(str::to_owned);
    Ping { rid: rid.map(str::to_owned), elapsed, ..Ping::of(body) }
}

#[test]
fn the_signal_is_in_the_path_and_the_rest_stays() {
    let start = Ping { signal: Signal::Start, ..ping(Ok(""), Some("r")) };
    let of = |ping: &Ping, url: &str| asked(ping, url).unwrap().0;
    assert_eq!(of(&start, "https://hc-ping.com/u"), "https://hc-ping.com/u/start?rid=r");
    assert_eq!(of(&ping(Ok(""), Some("r")), "https://hc-ping.com/u/"), "https://hc-ping.com/u?rid=r");
    let slug = "https://hc-ping.com/key/shop?create=1";
    assert_eq!(of(&ping(Err(""), Some("r")), slug), "https://hc-ping.com/key/shop/fail?create=1&rid=r");
    assert_eq!(of(&ping(Ok(""), None), slug), "https://hc-ping.com/key/shop?create=1");
}

#[test]
fn the_last_words_come_within_the_limit() {
    let (_, body) = asked(&ping(Err("a tool said: no disk"), None), "https://hc-ping.com/u").unwrap();
    assert_eq!(body, "d: no disk");
    assert_eq!((tail("ääää", 3), tail("abc", 0), tail("abc", 9)), ("ä", "", "abc"));
}

#[test]
fn uptime_kuma_has_all_of_it_in_the_query_and_no_start() {
    let url = "https://kuma.example.com/api/push/TOKEN?status=up&msg=OK&ping=";
    let start = Ping { signal: Signal::Start, ..ping(Ok(""), None) };
    assert_eq!(asked(&start, url), None);
    let (up, body) = asked(&ping(Ok("1 KiB stored"), Some("r")), url).unwrap();
    assert_eq!(up, "https://kuma.example.com/api/push/TOKEN?status=up&msg=1%20KiB%20stored&ping=1500");
    assert_eq!(body, "");
    let (down, _) = asked(&ping(Err(&"&x\u{1b}".repeat(400)), None), url).unwrap();
    assert!(down.contains("status=down&msg=%26x%5Cu%7B1b%7D%26x") && down.len() < 900, "{down}");
}

#[test]
fn a_run_has_one_uuid_that_services_take() {
    let id: RunId = "0123456789abcdef".parse().unwrap();
    let made = uuid(&id);
    assert_eq!(made, uuid(&id));
    assert_ne!(made, uuid(&"0123456789abcdee".parse().unwrap()));
    let parts: Vec<usize> = made.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert!(made.split('-').nth(2).unwrap().starts_with('8'), "{made}");
    assert!(made.split('-').nth(3).unwrap().starts_with(['8', '9', 'a', 'b']), "{made}");
}

fn run(name: &str, id: &str) -> Run {
    Run::new(
        id.parse().unwrap(),
        Job::Backup,
        Some(name.parse().unwrap()),
        Trigger::Schedule,
        Timestamp::UNIX_EPOCH,
    )
}

/// One that is good must not hide another one that is not.
#[test]
fn the_ping_for_all_targets_is_good_only_if_all_are() {
    let (mut state, board, all) = (State::default(), Board::default(), config("https://hc-ping.com/all"));
    let mut send = |event: &Event| {
        board.take(event, Timestamp::UNIX_EPOCH);
        let pings = state.take(event, Timestamp::UNIX_EPOCH, Some(&all), &board);
        pings.into_iter().map(|(_, ping)| (ping.signal, ping.rid, ping.body)).collect::<Vec<_>>()
    };
    let problem = |problem: Option<&str>| Event::Problem {
        about: "blog".to_owned(),
        problem: problem.map(str::to_owned),
    };
    let ended =
        || Event::AllEnded(crate::report::Summary { good: 1, bad: vec![], stored_bytes: 0, next: None });
    let (one, other) = (run("shop", "0123456789abcdef"), run("blog", "1123456789abcdef"));
    let rid = uuid(&one.id);
    assert_eq!(send(&Event::Started(one)), [(Signal::Start, Some(rid.clone()), String::new())]);
    assert!(send(&Event::Started(other.clone())).is_empty());
    assert!(send(&problem(Some("no disk"))).is_empty());
    assert!(send(&ended()).is_empty());
    let fail = (Signal::Fail, Some(rid), "blog: no disk".to_owned());
    assert_eq!(send(&Event::Alive), [fail]);
    assert!(send(&Event::Alive).is_empty());
    // Another target's run ends well, and this one still fails.
    send(&ended());
    assert_eq!(send(&Event::Alive), [(Signal::Fail, None, "blog: no disk".to_owned())]);
    assert!(send(&problem(None)).is_empty());
    send(&Event::Started(other.clone()));
    send(&ended());
    let good = (Signal::Success, Some(uuid(&other.id)), "all targets are good".to_owned());
    assert_eq!(send(&Event::Alive), [good]);
}

#[test]
fn a_target_with_a_url_of_its_own_is_pinged_there() {
    let (mut state, board, own) = (State::default(), Board::default(), config("https://hc-ping.com/shop"));
    let mut send = |event: &Event| state.take(event, Timestamp::UNIX_EPOCH, None, &board);
    let name = || "shop".parse().unwrap();
    send(&Event::Target { target: name(), change: Change::Pinged(Some(own.clone())) });
    let started = send(&Event::Started(run("shop", "0123456789abcdef")));
    assert_eq!(
        started.iter().map(|(url, ping)| (url, ping.signal)).collect::<Vec<_>>(),
        [(&own, Signal::Start)]
    );
    assert!(send(&Event::Started(run("blog", "1123456789abcdef"))).is_empty());
    let end = |verdict| Event::Ended { run: run("shop", "0123456789abcdef"), end: End::Backup(verdict) };
    let failed = send(&end(Verdict::Failed { reason: "no disk".to_owned() }));
    assert_eq!((failed[0].1.signal, failed[0].1.body.as_str()), (Signal::Fail, "no disk"));
    // Somebody else's run says how it is, and a stopped one has no end.
    assert!(send(&end(Verdict::Busy { reason: "x".to_owned() })).is_empty());
    assert!(send(&end(Verdict::Stopped)).is_empty());
    send(&Event::Target { target: name(), change: Change::Pinged(None) });
    assert!(send(&end(Verdict::Failed { reason: "no disk".to_owned() })).is_empty());
}

#[tokio::test]
async fn the_queue_of_an_address_that_nobody_names_any_more_ends() {
    let (board, outbox) = (Board::default(), Outbox::new());
    let (all, own) = (config("https://hc-ping.com/all"), config("https://hc-ping.com/shop"));
    let queue = || outbox.queue("test", |_: &Ping| async { Ok(Answer::default()) });
    let mut state =
        State { queues: vec![(all.clone(), queue()), (own.clone(), queue())], ..State::default() };
    for (change, left) in [(Some(own), 2), (None, 1)] {
        let event = Event::Target { target: "shop".parse().unwrap(), change: Change::Pinged(change) };
        state.take(&event, Timestamp::UNIX_EPOCH, Some(&all), &board);
        assert_eq!(state.queues.len(), left);
    }
    assert_eq!(state.queues[0].0, all);
}
