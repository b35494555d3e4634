//! What a message can be about.

/// What has happened to a target, or to Dumpcar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    BackupFailed,
    /// Suspicious or incomplete.
    BackupNotGood,
    /// Good, and something besides it went wrong.
    BackupProblem,
    BackupOverdue,
    TargetGone,
    TargetMisconfigured,
    DrillFailed,
    DrillInconclusive,
    VerificationFailed,
    /// Docker or the store does not answer, or there is nothing to back up.
    Daemon,
    Recovered,
    BackupGood,
    Digest,
    Test,
    /// Several things of different kinds in one message.
    Report,
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Somebody may read it some time.
    Info,
    /// What was wrong is well again.
    Good,
    /// Somebody must act.
    Problem,
}

impl Kind {
    /// The end of a CloudEvents type: part of the contract with those who read messages by a program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BackupFailed => "backup.failed",
            Self::BackupNotGood => "backup.not_good",
            Self::BackupProblem => "backup.problem",
            Self::BackupOverdue => "backup.overdue",
            Self::TargetGone => "target.gone",
            Self::TargetMisconfigured => "target.misconfigured",
            Self::DrillFailed => "drill.failed",
            Self::DrillInconclusive => "drill.inconclusive",
            Self::VerificationFailed => "verification.failed",
            Self::Daemon => "daemon.problem",
            Self::Recovered => "recovered",
            Self::BackupGood => "backup.good",
            Self::Digest => "digest",
            Self::Test => "test",
            Self::Report => "report",
        }
    }

    /// What is said of a thing of this kind, behind its name.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::BackupFailed => "backup failed",
            Self::BackupNotGood => "backup not good",
            Self::BackupProblem => "backup made, with a problem",
            Self::BackupOverdue => "backup overdue",
            Self::TargetGone => "target disappeared",
            Self::TargetMisconfigured => "wrong labels",
            Self::DrillFailed => "drill failed",
            Self::DrillInconclusive => "drill inconclusive",
            Self::VerificationFailed => "verification failed",
            Self::Daemon => "cannot work",
            Self::Recovered => "good again",
            Self::BackupGood => "backup good",
            Self::Digest => "weekly digest",
            Self::Test => "test message",
            Self::Report => "report",
        }
    }

    pub(super) fn severity(self) -> Severity {
        match self {
            Self::BackupFailed
            | Self::BackupNotGood
            | Self::BackupProblem
            | Self::BackupOverdue
            | Self::TargetGone
            | Self::TargetMisconfigured
            | Self::DrillFailed
            | Self::DrillInconclusive
            | Self::VerificationFailed
            | Self::Daemon
            | Self::Report => Severity::Problem,
            Self::Recovered => Severity::Good,
            Self::BackupGood | Self::Digest | Self::Test => Severity::Info,
        }
    }
}

impl Severity {
    /// As it is called in messages that programs read.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Problem => "problem",
        }
    }
}
