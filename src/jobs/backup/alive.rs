//! A long dump says now and then that it lives: who reads the log at 3 a.m. wants to know whether it hangs.

use std::time::Duration;

use crate::pipeline::Progress;

/// Most dumps have ended by then, and say nothing.
const FIRST: Duration = Duration::from_secs(60);

/// The pauses after that: a night of eight hours makes about a hundred lines.
const NEXT: Duration = Duration::from_secs(5 * 60);

/// How far a dump is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alive {
    pub(super) plain_bytes: u64,
    pub(super) stored_bytes: u64,
    /// Of the dump, since it was said last.
    pub(super) bytes_per_second: u64,
}

/// Does `work`, and says meanwhile how far it is.
pub(super) async fn during<T>(
    progress: &Progress,
    work: impl Future<Output = T>,
    mut say: impl FnMut(Alive),
) -> T {
    let begun = (progress.plain_bytes(), progress.stored_bytes());
    let (mut last, mut pause) = (begun.0, FIRST);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = tokio::time::sleep(pause) => {}
        }
        let (plain, stored) = (progress.plain_bytes(), progress.stored_bytes());
        say(Alive {
            plain_bytes: plain.saturating_sub(begun.0),
            stored_bytes: stored.saturating_sub(begun.1),
            bytes_per_second: plain.saturating_sub(last) / pause.as_secs(),
        });
        (last, pause) = (plain, NEXT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a dump that takes so many minutes and prints 6 MB each second.
    async fn said(minutes: u64) -> Vec<(u64, u64)> {
        let (progress, mut said) = (Progress::default(), Vec::new());
        // An object before this one.
        progress.add_plain(77);
        let work = async {
            for _ in 0..minutes * 60 {
                progress.add_plain(6_000_000);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let say =
            |alive: Alive| said.push((alive.plain_bytes / 1_000_000, alive.bytes_per_second / 1_000_000));
        during(&progress, work, say).await;
        said
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_dump_says_now_and_then_that_it_lives() {
        assert_eq!(said(0).await, []);
        let rates: Vec<u64> = said(13).await.into_iter().map(|(_, rate)| rate).collect();
        assert_eq!(rates, [6, 6, 6]);
        let sizes: Vec<u64> = said(7).await.into_iter().map(|(size, _)| size).collect();
        assert!(matches!(sizes.as_slice(), [360..=366, 2160..=2166]), "{sizes:?}");
    }
}
