//! Memory and processors for threads, given out in turn.

use std::sync::{Condvar, Mutex, PoisonError};

/// First come, first served: who wants much is not passed over by those who want little.
pub(super) struct Budget {
    total: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: u64,
    /// Of whoever comes next, and of whoever is served next.
    ticket: u64,
    served: u64,
}

/// A part of a [`Budget`]; comes back when it is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    amount: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            state: Mutex::new(State { free: total, ticket: 0, served: 0 }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ticket - state.served
    }

    /// Waits until there is as much; who wants more than all gets all.
    pub(super) fn take(&self, amount: u64) -> Share<'_> {
        let amount = amount.min(self.total);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = state.ticket;
        state.ticket += 1;
        let not_yet = |state: &mut State| state.served != ticket || state.free < amount;
        let mut state = self.changed.wait_while(state, not_yet).unwrap_or_else(PoisonError::into_inner);
        state.free -= amount;
        state.served += 1;
        drop(state);
        // There may be enough left for the one behind.
        self.changed.notify_all();
        Share { budget: self, amount }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.state.lock().unwrap_or_else(PoisonError::into_inner).free += self.amount;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    #[test]
    fn no_more_is_out_than_there_is_and_everybody_gets_a_turn() {
        let budget = Budget::new(4);
        let (out, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for amount in [1, 2, 1, 4, 9, 1, 2, 3] {
                let (budget, out, most) = (&budget, &out, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let share = budget.take(amount);
                        let now = out.fetch_add(share.amount, Ordering::SeqCst) + share.amount;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        out.fetch_sub(share.amount, Ordering::SeqCst);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!((2..=4).contains(&most), "{most} of 4");
        assert_eq!(budget.state.into_inner().unwrap().free, 4);
    }

    #[test]
    fn who_wants_much_is_not_passed_over() {
        let budget = Budget::new(2);
        let first = budget.take(1);
        thread::scope(|scope| {
            for (tickets, amount) in [(2, 2), (3, 1)] {
                scope.spawn({
                    let budget = &budget;
                    move || drop(budget.take(amount))
                });
                while budget.state.lock().unwrap().ticket < tickets {
                    thread::yield_now();
                }
            }
            assert_eq!(budget.state.lock().unwrap().served, 1, "one is free, and not for the last one");
            drop(first);
        });
    }
}
