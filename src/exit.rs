//! Exit statuses, which are part of the contract with scripts.

use std::process::ExitCode;

/// How the program ended. An unknown status is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done,
    /// It failed.
    Failed,
    /// The command line or a setting is wrong; nothing was tried.
    Usage,
    /// Some targets failed, others did not.
    Partial,
    /// Nothing matched: no labelled container, no such target, no such backup.
    Nothing,
    /// Ended by this signal.
    Signal(u8),
}

impl Exit {
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Nothing => 4,
            Self::Signal(number) => 128 + number,
        }
    }

    /// The status of several targets together.
    pub fn of_targets(good: usize, bad: usize) -> Self {
        match (good, bad) {
            (0, 0) => Self::Nothing,
            (_, 0) => Self::Done,
            (0, _) => Self::Failed,
            (_, _) => Self::Partial,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.status().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_are_the_documented_ones() {
        let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Partial, Exit::Nothing, Exit::Signal(15)];
        assert_eq!(all.map(Exit::status), [0, 1, 2, 3, 4, 143]);
    }

    #[test]
    fn one_good_target_makes_a_failure_partial() {
        assert_eq!(Exit::of_targets(0, 0), Exit::Nothing);
        assert_eq!(Exit::of_targets(2, 0), Exit::Done);
        assert_eq!(Exit::of_targets(0, 2), Exit::Failed);
        assert_eq!(Exit::of_targets(1, 1), Exit::Partial);
    }
}
