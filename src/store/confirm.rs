//! What the store says it has of what it took.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::patience::Patience;
use super::timeout::ANSWER_LIMIT;
use crate::model::key::BackupKey;

/// A listing is read this much further than the objects that are looked for. There is nothing else in a folder in the
/// making, and a listing may never end.
const MORE: usize = 1000;

impl Store {
    /// Has the store confirm the sizes of a backup's objects: with one listing instead of a question for each. What the
    /// listing does not show with the right size is asked for by itself: a listing may lag behind, or not be allowed.
    ///
    /// # Errors
    /// See [`StoreError`]. One is not there, or has another size.
    pub async fn confirm(&self, folder: &BackupKey, objects: &[(&str, u64)]) -> Result<(), StoreError> {
        let path = self.path(&folder.to_string());
        let list = || {
            let listed = self.backend.list(Some(&path)).take(objects.len() + MORE);
            listed.map_ok(|meta| (meta.location, meta.size)).try_collect()
        };
        let listed = self.patiently(Patience::default(), "list", ANSWER_LIMIT, list).await;
        let listed: BTreeMap<Path, u64> = match listed {
            // It was away for too long already.
            Err(error) if error.kind == StoreErrorKind::Transient => return Err(error),
            other => other.unwrap_or_default(),
        };
        for (name, size) in objects {
            let path = self.path(&folder.object(name));
            if listed.get(&path) != Some(size) {
                self.confirm_one(&path, *size).await?;
            }
        }
        Ok(())
    }

    /// Has the store confirm the size of one object.
    ///
    /// # Errors
    /// See [`StoreError`]. It is not there, or has another size.
    pub(super) async fn confirm_one(&self, path: &Path, written: u64) -> Result<(), StoreError> {
        let mut patience = Patience::default();
        let size = loop {
            match self.size(path).await.map_err(|error| self.error("read", error)) {
                Err(error) => match patience.after(error).await {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
                answered @ Ok(_) => break answered,
            }
        };
        match size {
            // What is left is the store's word for bytes whose SHA-256 was signed: it checked them when it took them.
            Err(error) if error.is_denied() && self.place().may_be_write_only => Ok(()),
            Err(error) => Err(error),
            Ok(Some(size)) if size == written => Ok(()),
            Ok(Some(size)) => Err(StoreError::new(
                StoreErrorKind::Damaged,
                format!("{path} has {size} bytes in the store instead of {written}"),
            )),
            Ok(None) => Err(StoreError::new(
                StoreErrorKind::Damaged,
                format!("the store took {path} but does not have it"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::ObjectStoreExt as _;

    use super::*;
    use crate::store::flaky::{Do, Flaky, store};

    const OBJECTS: [(&str, u64); 3] = [("globals.sql.xz", 2), ("app.sql.xz", 0), ("crm.sql.xz", 3)];

    /// What is said of [`OBJECTS`] where these are stored.
    async fn confirm(backend: &Arc<Flaky>, stored: &[(&str, u64)]) -> Result<(), StoreError> {
        let store = store(backend);
        let folder = BackupKey::parse("shop/2026-11-23T23-00-00Z/x").unwrap().0;
        for (name, size) in stored {
            let bytes = vec![7; usize::try_from(*size).unwrap()];
            backend.inner.put(&store.path(&folder.object(name)), bytes.into()).await.unwrap();
        }
        store.confirm(&folder, &OBJECTS).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_listing_confirms_everything_and_nothing_else_is_confirmed() {
        let [globals, app, crm] = OBJECTS;
        for (stored, heads, words) in [
            (&OBJECTS[..], 0, None),
            (&[globals, app, crm, ("more.sql.xz", 9)], 0, None),
            (
                &[globals, crm],
                1,
                Some("the store took p/shop/2026-11-23T23-00-00Z/app.sql.xz but does not have it"),
            ),
            (&[globals, app, ("crm.sql.xz", 4)], 1, Some("crm.sql.xz has 4 bytes in the store instead of 3")),
            (&[], 1, Some("does not have it")),
        ] {
            let backend = Flaky::new(|_, _, _| Do::It);
            let said = confirm(&backend, stored).await.map_err(|error| error.to_string());
            match words {
                None => assert_eq!(said, Ok(())),
                Some(words) => assert!(said.as_ref().unwrap_err().contains(words), "{said:?}"),
            }
            assert_eq!((backend.calls("list"), backend.calls("head")), (1, heads), "{stored:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_for_ten_minutes_costs_nothing_and_one_that_stays_away_is_given_up() {
        for (minutes, is_confirmed) in [(10, true), (20, false)] {
            let away = Duration::from_secs(minutes * 60);
            let backend = Flaky::new(move |operation, _, time| match operation {
                "list" if time < away => Do::Refuse(503, "SlowDown"),
                _ => Do::It,
            });
            let said = confirm(&backend, &OBJECTS).await;
            assert_eq!((said.is_ok(), backend.calls("head")), (is_confirmed, 0), "{said:?}");
        }
    }

    /// Where a listing is not to be had, each object is asked for.
    #[tokio::test(start_paused = true)]
    async fn a_listing_that_is_refused_is_made_up_for() {
        for (stored, is_confirmed) in [(&OBJECTS[..], true), (&OBJECTS[..2], false)] {
            let backend = Flaky::new(|operation, _, _| match operation {
                "list" => Do::Refuse(403, "AccessDenied"),
                _ => Do::It,
            });
            assert_eq!(confirm(&backend, stored).await.is_ok(), is_confirmed);
            assert_eq!(backend.calls("head"), 3);
        }
    }
}
