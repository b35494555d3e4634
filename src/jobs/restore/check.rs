//! Whether an object is what its manifest says.

use bytes::Bytes;

use super::context::Restore;
use crate::engine::{Edit, Replacement};
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::model::drill::Problem;
use crate::model::line::Name;
use crate::model::manifest::{ManifestObject, ObjectKind};
use crate::pipeline::{self, Form, ReadError};
use crate::store::{StoreError, StoreErrorKind};
use crate::worth;

impl Restore<'_> {
    /// How many bytes an object has behind its edit. It is read for that: a command is told before how much it gets.
    pub(super) async fn measured(&self, object: &ManifestObject, mut edit: Edit) -> Result<u64, JobError> {
        self.progress.set_stage(format!("checking {}", object.name));
        let mut bytes = 0;
        let count = async |piece: Bytes| {
            bytes += edit.take(Some(piece)).len() as u64;
            Ok(())
        };
        let read = Box::pin(pipeline::read(&self.store, &self.plan.key, object, Form::Plain, count));
        let what = format!("check {}", object.name);
        stoppable(self.stop, read).await?.map_err(|error| unread(&what, object, &error))?;
        bytes += edit.take(None).len() as u64;
        edit.problem().map_or(Ok(bytes), |problem| Err(JobError::new(JobErrorKind::Wrong, problem)))
    }

    /// What a tool chokes on may be damage, of which only the end of the object tells.
    pub(super) async fn damage_behind(&self, said: JobError, object: &ManifestObject) -> JobError {
        // Anything else was checked before.
        let is_unchecked = self.plan.target.engine.replacement() != Replacement::InPlace
            && object.kind == ObjectKind::Database;
        if !is_unchecked {
            return said;
        }
        self.progress.set_stage(format!("checking {}", object.name));
        match self.verify(object).await {
            Err(damage) if damage.blame().is_some() => damage.in_words(|damage| format!("{damage} ({said})")),
            Ok(()) | Err(_) => said,
        }
    }

    /// Reads an object to its end.
    pub(super) async fn verify(&self, object: &ManifestObject) -> Result<(), JobError> {
        let read =
            Box::pin(pipeline::read(&self.store, &self.plan.key, object, Form::Plain, async |_| Ok(())));
        let ends = stoppable(self.stop, read).await?;
        let what = format!("check {}", object.name);
        let ends = ends.map_err(|error| unread(&what, object, &error))?;
        self.check(object, &ends)
            .map_err(|reason| JobError::of_backup(damaged(object), format!("{what}: {reason}")))
    }

    pub(super) fn check(&self, object: &ManifestObject, ends: &pipeline::Ends) -> Result<(), String> {
        let checked = self.plan.target.engine.check(object.kind, &ends.head, &ends.tail, ends.bytes);
        checked.map_err(|error| format!("{}: {error}", object.name))
    }
}

pub(super) fn damaged(object: &ManifestObject) -> Problem {
    Problem::Damaged { object: Name::clean(&object.name) }
}

pub(super) fn unread(what: &str, object: &ManifestObject, error: &ReadError) -> JobError {
    let reason = match std::error::Error::source(error) {
        Some(source) => format!("{what}: {error}: {source}"),
        None => format!("{what}: {error}"),
    };
    match error {
        // That an object is missing or was replaced is one of the backup.
        ReadError::Store(error) if !worth::says_something(error) => {
            JobError::new(JobErrorKind::Store(error.kind), reason)
        }
        ReadError::Store(StoreError { kind: StoreErrorKind::NotFound, .. }) => {
            JobError::of_backup(Problem::Missing { object: Name::clean(&object.name) }, reason)
        }
        ReadError::Store(_) | ReadError::Codec { .. } | ReadError::Damaged { .. } | ReadError::Output(_) => {
            JobError::of_backup(damaged(object), reason)
        }
    }
}
