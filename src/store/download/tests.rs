//! Downloads from a store that fails on cue, in paused time.

use std::time::Duration;

use object_store::PutPayload;
use tokio::time::Instant;

use super::*;
use crate::store::flaky::{Do, Flaky, store};

/// [`RANGE`] as a length.
const LENGTH: usize = 16 << 20;

/// Two ranges and a bit.
const SIZE: usize = 2 * LENGTH + 1000;

fn content(seed: u8) -> Bytes {
    // No period that a range could be shifted by unseen.
    let period: Vec<u8> = (0..=250).map(|byte: u8| byte.wrapping_add(seed)).collect();
    let mut content = period.repeat(SIZE / period.len() + 1);
    content.truncate(SIZE);
    content.into()
}

/// Reads an object from a store with this script. Returns also how many ranges were asked for, and how long it took.
async fn read(
    script: impl Fn(&'static str, u32, Duration) -> Do + Send + Sync + 'static,
) -> (Result<Bytes, StoreError>, u32, Duration) {
    let backend = Flaky::new(script);
    backend.inner.put(&Path::from("p/k"), PutPayload::from_bytes(content(0))).await.unwrap();
    let start = Instant::now();
    let read = async {
        let mut download = store(&backend).download("k").await?;
        let mut all = Vec::new();
        while let Some(piece) = download.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(Bytes::from(all))
    };
    let read = read.await;
    (read, backend.calls("get"), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_ten_minutes_costs_nothing() {
    let (read, gets, took) = read(|operation, nth, at| match (operation, nth) {
        ("get", 2..) if at < Duration::from_secs(600) => Do::Refuse(503, "SlowDown"),
        _ => Do::It,
    })
    .await;
    assert_eq!(read.unwrap(), content(0));
    assert!(gets > 5, "{gets}");
    assert!(took > Duration::from_secs(600), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_asked_for_again() {
    let (read, gets, took) = read(|operation, nth, _| match (operation, nth) {
        ("get", 2) => Do::Hang,
        _ => Do::It,
    })
    .await;
    assert_eq!(read.unwrap(), content(0));
    assert_eq!(gets, 4);
    assert!(took >= transfer_limit(RANGE, None), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_given_up() {
    let (read, _, took) = read(|operation, nth, _| match (operation, nth) {
        ("get", 2..) => Do::Refuse(503, "SlowDown"),
        _ => Do::It,
    })
    .await;
    let error = read.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Transient);
    assert!(error.to_string().contains("(tried for 14m"), "{error}");
    assert!(took < Duration::from_secs(16 * 60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_will_stay_is_said_at_once() {
    for (status, code, kind) in [
        (403, "AccessDenied", StoreErrorKind::Denied),
        (404, "NoSuchKey", StoreErrorKind::NotFound),
        (400, "InvalidRange", StoreErrorKind::Refused),
    ] {
        let (read, gets, took) = read(move |operation, nth, _| match (operation, nth) {
            ("get", 2) => Do::Refuse(status, code),
            _ => Do::It,
        })
        .await;
        assert_eq!(read.unwrap_err().kind, kind, "{code}");
        assert_eq!((gets, took), (2, Duration::ZERO), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_at_the_beginning_shows_at_once() {
    let (read, _, took) = read(|operation, _, _| match operation {
        "head" => Do::Refuse(503, "SlowDown"),
        _ => Do::It,
    })
    .await;
    assert_eq!(read.unwrap_err().kind, StoreErrorKind::Transient);
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn ranges_of_two_objects_never_make_one() {
    let backend = Flaky::new(|_, _, _| Do::It);
    let path = Path::from("p/k");
    backend.inner.put(&path, PutPayload::from_bytes(content(0))).await.unwrap();
    let mut download = store(&backend).download("k").await.unwrap();
    let first = download.next().await.unwrap().unwrap();
    let second = download.next().await.unwrap().unwrap();
    assert_eq!([first, second].concat(), content(0)[..2 * LENGTH]);
    backend.inner.put(&path, PutPayload::from_bytes(content(1))).await.unwrap();
    let error = download.next().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Damaged);
    assert_eq!(error.to_string(), "p/k was replaced in the bucket while it was read");
}

#[tokio::test(start_paused = true)]
async fn one_range_is_fetched_ahead_and_no_more() {
    let backend = Flaky::new(|_, _, _| Do::It);
    backend.inner.put(&Path::from("p/k"), PutPayload::from_bytes(content(0))).await.unwrap();
    let mut download = store(&backend).download("k").await.unwrap();
    drop(download.next().await.unwrap());
    // Paused time goes on only when nothing else is left to do.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(backend.calls("get"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_piece_nobody_waited_for_is_not_lost() {
    let backend = Flaky::new(|operation, nth, _| match (operation, nth) {
        ("get", 1) => Do::Refuse(503, "SlowDown"),
        _ => Do::It,
    });
    backend.inner.put(&Path::from("p/k"), PutPayload::from_bytes(content(0))).await.unwrap();
    let mut download = store(&backend).download("k").await.unwrap();
    tokio::time::timeout(Duration::from_millis(10), download.next()).await.unwrap_err();
    assert_eq!(download.next().await.unwrap().unwrap(), content(0).slice(..LENGTH));
}

#[tokio::test(start_paused = true)]
async fn what_was_checked_is_what_is_read_again() {
    let backend = Flaky::new(|_, _, _| Do::It);
    let put = async |key: &str, seed| {
        backend.inner.put(&Path::from(key), PutPayload::from_bytes(content(seed))).await.unwrap();
    };
    put("p/k", 0).await;
    put("p/other", 1).await;
    let plain = store(&backend);
    let pinned = plain.pinned();
    for key in ["k", "other", "k"] {
        pinned.download(key).await.unwrap();
    }
    put("p/k", 2).await;
    for _ in 0..2 {
        let error = pinned.download("k").await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Damaged);
        assert!(error.to_string().contains("k was replaced in the bucket after it was checked"), "{error}");
    }
    pinned.download("other").await.unwrap();
    plain.download("k").await.unwrap();
    plain.pinned().download("k").await.unwrap();
}
