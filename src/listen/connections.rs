//! How many connections there are at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// So many connections are open at once. Each may have a page of 200 targets, which has 550 KB, for a client that reads slowly.
const MOST: usize = 16;

/// A connection that is older makes room for a new one: a request takes milliseconds, and one that only waits took more.
const GRACE: Duration = Duration::from_secs(1);

/// The open ones, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<VecDeque<Open>>>);

#[derive(Debug)]
struct Open {
    since: Instant,
    evict: CancellationToken,
}

/// A connection's place, which it has until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    evict: CancellationToken,
}

impl Connections {
    /// A place; `None` if there is none. Slow clients that hold all of them lose the oldest one to whoever comes.
    pub(super) fn take(&self) -> Option<Place> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST {
            open.front().filter(|oldest| now.duration_since(oldest.since) > GRACE)?;
            open.pop_front()?.evict.cancel();
        }
        let evict = CancellationToken::new();
        open.push_back(Open { since: now, evict: evict.clone() });
        Some(Place { connections: self.clone(), evict })
    }
}

impl Place {
    /// Ends when the connection has to make room.
    pub(super) async fn evicted(&self) {
        self.evict.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was evicted is not there any more; its token is cancelled, and all others are not.
        self.evict.cancel();
        open.retain(|other| !other.evict.is_cancelled());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_once_it_is_old() {
        let connections = Connections::default();
        let start = Instant::now();
        let mut places: Vec<_> = (0..MOST).map(|_| connections.take_at(start).unwrap()).collect();
        assert!(connections.take_at(start + GRACE).is_none(), "a burst takes no place of another");
        let later = start + GRACE + Duration::from_millis(1);
        let new = connections.take_at(later).unwrap();
        assert!(places[0].evict.is_cancelled());
        assert!(places[1..].iter().all(|place| !place.evict.is_cancelled()));
        // One that ends makes room as well; that of one evicted was taken already.
        drop(places.remove(0));
        assert_eq!(connections.0.lock().unwrap().len(), MOST);
        drop(new);
        assert!(connections.take_at(start).is_some());
    }
}
