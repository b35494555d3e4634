//! Uploads into a store that fails on cue, in paused time: a quarter of an hour takes no time at all.

use std::sync::Arc;

use tokio::time::Instant;

use super::*;
use crate::store::flaky::{Do, Flaky, store, store_of};

const SMALL: usize = 1000;
const LARGE: usize = 12 << 20;

async fn upload(backend: &Arc<Flaky>, bytes: usize) -> Result<u64, StoreError> {
    let stop = CancellationToken::new();
    let mut upload = store(backend).upload("k", None);
    match upload.write(Bytes::from(vec![7; bytes])).await {
        Ok(()) => upload.commit(&stop).await,
        Err(error) => {
            upload.abort(&stop).await;
            Err(error)
        }
    }
}

async fn stored(backend: &Flaky) -> Option<u64> {
    backend.inner.head(&Path::from("p/k")).await.ok().map(|meta| meta.size)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_ten_minutes_costs_nothing() {
    for (operation, bytes) in [
        ("create", LARGE),
        ("part", LARGE),
        ("complete", LARGE),
        ("head", LARGE),
        ("put", SMALL),
        ("head", SMALL),
    ] {
        let ten_minutes = Duration::from_secs(600);
        let backend = Flaky::new(move |other, _, time| match other {
            _ if other == operation && time < ten_minutes => Do::Refuse(503, "SlowDown"),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, bytes).await, Ok(bytes as u64), "{operation}");
        assert_eq!(stored(&backend).await, Some(bytes as u64));
        // Every 30 s, not all the time.
        assert!((10..=75).contains(&backend.calls(operation)), "{operation}: {}", backend.calls(operation));
        assert!(backend.start.elapsed() < ten_minutes + Duration::from_secs(35));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_given_up_and_nothing_is_left() {
    for (operation, bytes) in [("part", LARGE), ("complete", LARGE), ("put", SMALL), ("head", SMALL)] {
        let backend = Flaky::new(move |other, _, _| match other {
            _ if other == operation => Do::Refuse(503, "SlowDown"),
            _ => Do::It,
        });
        let error = upload(&backend, bytes).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Transient);
        assert!(error.to_string().contains("SlowDown (tried for 14m"), "{error}");
        assert_eq!(stored(&backend).await, None);
        assert_eq!(backend.calls("abort"), u32::from(bytes == LARGE), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_tried_again() {
    for (operation, status, code, bytes) in [
        ("create", 404, "NoSuchBucket", LARGE),
        ("part", 403, "AccessDenied", LARGE),
        ("part", 403, "RequestTimeTooSkewed", LARGE),
        ("part", 400, "ExpiredToken", LARGE),
        ("part", 400, "QuotaExceeded", LARGE),
        ("part", 404, "NoSuchUpload", LARGE),
        ("complete", 403, "AccessDenied", LARGE),
        ("complete", 400, "InvalidPart", LARGE),
        ("put", 403, "AccessDenied", SMALL),
        ("head", 403, "AccessDenied", SMALL),
    ] {
        let backend = Flaky::new(move |other, _, _| match other {
            _ if other == operation => Do::Refuse(status, code),
            _ => Do::It,
        });
        let error = upload(&backend, bytes).await.unwrap_err();
        assert_ne!(error.kind, StoreErrorKind::Transient, "{code}");
        assert!(backend.calls(operation) <= 3, "{operation} {code}: {}", backend.calls(operation));
        assert_eq!(stored(&backend).await, None);
        assert!(backend.start.elapsed() < Duration::from_secs(1), "{operation} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_accident_on_the_way_is_tried_again_in_spite_of_its_status() {
    for (status, code) in [(400, "RequestTimeout"), (400, "BadDigest"), (409, "OperationAborted"), (429, "")]
    {
        let backend = Flaky::new(move |operation, nth, _| match operation {
            "part" if nth == 1 => Do::Refuse(status, code),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_that_was_done_is_believed_by_the_size_alone() {
    // Also when the size cannot be asked for some time.
    for away in [0, 300] {
        let backend = Flaky::new(move |operation, nth, time| match operation {
            "complete" if nth == 1 => Do::ItAndRefuse(500, "InternalError"),
            "head" if time.as_secs() < away => Do::Refuse(503, "SlowDown"),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64));
        assert_eq!((backend.calls("create"), backend.calls("abort")), (1, 0));
    }
}

/// What lay at the key before does not count as what was sent.
#[tokio::test(start_paused = true)]
async fn a_complete_that_was_not_done_is_not_believed_because_something_is_there() {
    let backend = Flaky::new(|operation, nth, _| match operation {
        "complete" if nth == 1 => Do::Refuse(500, "InternalError"),
        _ => Do::It,
    });
    assert_eq!(upload(&backend, SMALL).await, Ok(SMALL as u64));
    assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64));
    assert_eq!(stored(&backend).await, Some(LARGE as u64));
}

/// Why a complete failed is what counts, whatever the question for the size is answered.
#[tokio::test(start_paused = true)]
async fn a_question_for_the_size_that_fails_does_not_hide_why_a_complete_failed() {
    for (completing, asking, kind) in [
        (Do::Refuse(403, "AccessDenied"), (503, "SlowDown"), StoreErrorKind::Denied),
        // It was done, and keys that may only write cannot find that out: the run has to begin anew.
        (Do::ItAndRefuse(500, "InternalError"), (403, "AccessDenied"), StoreErrorKind::Lost),
    ] {
        let backend = Flaky::new(move |operation, nth, _| match operation {
            "complete" if nth == 1 => completing,
            "head" => Do::Refuse(asking.0, asking.1),
            _ => Do::It,
        });
        assert_eq!(upload(&backend, LARGE).await.unwrap_err().kind, kind);
    }
}

/// Memory is bounded by what is on its way: three parts, or 192 MiB in fewer of them, one at the least.
#[tokio::test(start_paused = true)]
async fn of_large_parts_fewer_are_on_their_way() {
    for (mebibytes, on_their_way) in [(5, 3), (64, 3), (65, 2), (96, 2), (97, 1), (300, 1)] {
        let backend = Flaky::new(|operation, _, _| match operation {
            "part" => Do::Hang,
            _ => Do::It,
        });
        // Half of the parts are equal, and large enough for what is expected.
        let mut upload = store_of(&backend, 20).upload("k", Some(10 * (mebibytes << 20)));
        let piece = Bytes::from_static(&[7; 1 << 20]);
        let write_on = async { while upload.write(piece.clone()).await.is_ok() {} };
        assert!(tokio::time::timeout(Duration::from_secs(1), write_on).await.is_err(), "it waits");
        assert_eq!(backend.calls("part"), on_their_way, "{mebibytes} MiB");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_gets_no_answer_is_sent_again() {
    let backend = Flaky::new(|operation, nth, _| match operation {
        "part" if nth <= 2 => Do::Hang,
        _ => Do::It,
    });
    assert_eq!(upload(&backend, LARGE).await, Ok(LARGE as u64));
    // 5 MiB at the slowest rate that counts, and a minute.
    assert_eq!(backend.start.elapsed().as_secs(), 80 + 60 + 1);
}

#[tokio::test(start_paused = true)]
async fn an_abort_does_not_wait_for_parts_that_wait_for_the_store() {
    let backend = Flaky::new(|operation, _, _| match operation {
        "part" => Do::Refuse(503, "SlowDown"),
        _ => Do::It,
    });
    let mut upload = store(&backend).upload("k", None);
    upload.write(Bytes::from(vec![7; LARGE])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let start = Instant::now();
    upload.abort(&CancellationToken::new()).await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert_eq!(backend.calls("abort"), 1);
}

/// Also one whose beginning is not confirmed yet, and one that is dropped, as by a panic.
#[tokio::test(start_paused = true)]
async fn an_upload_that_is_given_up_is_aborted_as_soon_as_its_id_is_known() {
    for seconds in [0, 3, 60] {
        for is_dropped in [false, true] {
            let backend = Flaky::new(move |operation, _, _| match operation {
                "create" => Do::ItLate(Duration::from_secs(seconds)),
                _ => Do::It,
            });
            let mut upload = store(&backend).upload("k", None);
            let write = upload.write(Bytes::from(vec![7; LARGE]));
            assert_eq!(tokio::time::timeout(Duration::from_secs(1), write).await.is_ok(), seconds == 0);
            if is_dropped {
                drop(upload);
            } else {
                upload.abort(&CancellationToken::new()).await;
            }
            tokio::time::sleep(Duration::from_secs(seconds + 1)).await;
            assert_eq!(backend.calls("abort"), 1, "{seconds} {is_dropped}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_wait_within_dockers_ten_seconds() {
    // For the store to take a part, to complete, and to clean up.
    for hanging in [&["part", "abort"][..], &["complete", "abort"], &["abort"], &["complete"], &["head"]] {
        let backend = Flaky::new(move |operation, _, _| match operation {
            _ if hanging.contains(&operation) => Do::Hang,
            _ => Do::It,
        });
        let mut upload = store(&backend).upload("k", None);
        upload.write(Bytes::from(vec![7; LARGE])).await.unwrap();
        let stop = CancellationToken::new();
        let stopper = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stopper.cancel();
        });
        let start = Instant::now();
        let ended = upload.commit(&stop).await;
        assert!(start.elapsed() <= Duration::from_secs(2) + STOP_LIMIT, "{hanging:?}: {:?}", start.elapsed());
        if hanging != ["abort"] {
            assert_eq!(ended.unwrap_err().kind, StoreErrorKind::Stopped, "{hanging:?}");
        }
    }
}

/// R2 refuses parts of unequal size, as long as they can be equal.
#[tokio::test(start_paused = true)]
async fn parts_are_as_large_as_planned_however_the_bytes_come() {
    const MAX_PARTS: u32 = 100;
    const PIECE: usize = (3 << 20) + 1;
    let plan = PartPlan::new(MAX_PARTS, 5 << 20, None);
    // The equal half, and two of the growing ones.
    let planned: Vec<usize> = (1..=52).map(|n| usize::try_from(plan.size_of(n).unwrap()).unwrap()).collect();
    assert!(planned[49] == 5 << 20 && planned[50] > planned[49], "{planned:?}");
    let whole: usize = planned.iter().sum();
    let backend = Flaky::new(|_, _, _| Do::It);
    let mut upload = store_of(&backend, MAX_PARTS).upload("k", None);
    let bytes = Bytes::from(vec![7; whole]);
    for start in (0..whole).step_by(PIECE) {
        upload.write(bytes.slice(start..whole.min(start + PIECE))).await.unwrap();
    }
    assert_eq!(upload.commit(&CancellationToken::new()).await.unwrap(), whole as u64);
    let parts = backend.parts.lock().unwrap().clone();
    let sizes: Vec<usize> = (0..parts.len()).map(|index| parts[&index]).collect();
    assert_eq!(sizes, planned);
    assert_eq!(stored(&backend).await, Some(whole as u64));
}
