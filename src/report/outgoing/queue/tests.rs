use std::sync::Mutex;

use tokio::time::Instant;

use super::*;

fn refusal(may_pass: bool, after: Option<u64>) -> Refusal {
    let after = after.map(Duration::from_secs);
    Refusal { reason: "no".to_owned(), may_pass, after, status: None }
}

/// Sends parcels to somebody who refuses the first ones so; returns when each try was, in seconds, and what was tried.
async fn tries(refusals: Vec<Refusal>, parcels: Vec<u32>) -> Vec<(u64, u32)> {
    let (begun, tried) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let (kept, left) = (Arc::clone(&tried), Arc::new(Mutex::new(refusals)));
    let (queue, work) = Queue::new("test", CancellationToken::new(), move |parcel: &u32| {
        kept.lock().unwrap().push((begun.elapsed().as_secs(), *parcel));
        let mut left = left.lock().unwrap();
        let refused = (!left.is_empty()).then(|| left.remove(0));
        async move { refused.map_or_else(|| Ok(Answer::default()), Err) }
    });
    parcels.into_iter().for_each(|parcel| queue.put(parcel));
    drop(queue);
    work.await;
    let tried = tried.lock().unwrap();
    tried.clone()
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_five_times_and_then_given_up() {
    let refusals = vec![refusal(true, None); 5];
    assert_eq!(tries(refusals, vec![1, 2]).await, [(0, 1), (2, 1), (10, 1), (42, 1), (170, 1), (170, 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_tried_once() {
    assert_eq!(tries(vec![refusal(false, Some(5))], vec![1, 2]).await, [(0, 1), (0, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_left_alone_for_as_long_as_it_asks_within_reason() {
    let refusals = vec![refusal(true, Some(35)), refusal(true, Some(0)), refusal(true, Some(1_000_000))];
    assert_eq!(tries(refusals, vec![1]).await, [(0, 1), (35, 1), (43, 1), (643, 1)]);
}

/// What is logged meanwhile.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_and_what_has_no_room_is_dropped() {
    let closing = CancellationToken::new();
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let (queue, work) = Queue::new("test", closing.clone(), move |_: &usize| {
        *counted.lock().unwrap() += 1;
        async { Ok(Answer::default()) }
    });
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, || (0..10 * ROOM).for_each(|parcel| queue.put(parcel)));
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(told.matches("more is to be sent than it takes: messages are lost").count(), 1, "{told}");
    assert!(queue.is_full.load(Ordering::Relaxed));
    closing.cancel();
    work.await;
    assert_eq!(*count.lock().unwrap(), ROOM);
}

/// At the end of the program, what waits is tried, and nobody waits for a later try.
#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_a_pause() {
    let closing = CancellationToken::new();
    let (queue, work) =
        Queue::new("test", closing.clone(), |_: &u32| async { Err(refusal(true, Some(500))) });
    queue.put(1);
    let work = tokio::spawn(work);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!work.is_finished());
    let told = Instant::now();
    closing.cancel();
    work.await.unwrap();
    assert_eq!(told.elapsed(), Duration::ZERO);
}
