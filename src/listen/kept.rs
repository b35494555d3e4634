//! What was answered within the last second. Who asks a thousand times a second costs no more than who asks once, and two never
//! make the same page at a time: the processors are there for backups.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For how long an answer is the same.
const LASTS: Duration = Duration::from_secs(1);

/// Answers by what was asked for. There are as many as there are pages.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Second<T>>);

#[derive(Debug)]
struct Second<T> {
    began: Option<Instant>,
    answers: HashMap<String, T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(Second { began: None, answers: HashMap::new() }))
    }
}

impl<T: Clone> Kept<T> {
    /// The answer, made anew at most once a second. That there is none is not kept: anything can be asked for.
    pub(super) fn answer(&self, what: &str, make: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if second.began.is_none_or(|began| now.duration_since(began) >= LASTS) {
            *second = Second { began: Some(now), answers: HashMap::new() };
        }
        if let Some(answer) = second.answers.get(what) {
            return Some(answer.clone());
        }
        let answer = make()?;
        second.answers.insert(what.to_owned(), answer.clone());
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_page_is_made_once_a_second() {
        let kept = Kept::default();
        assert_eq!(kept.answer("/", || Some(1)), Some(1));
        assert_eq!(kept.answer("/", || Some(2)), Some(1));
        assert_eq!(kept.answer("/other", || Some(3)), Some(3));
        assert_eq!(kept.answer("/none", || None), None);
        assert_eq!(kept.answer("/none", || Some(4)), Some(4));
        tokio::time::advance(LASTS).await;
        assert_eq!(kept.answer("/", || Some(5)), Some(5));
        assert_eq!(kept.answer("/other", || Some(6)), Some(6));
    }
}
