//! One object on its way into the store.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{MultipartId, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::patience::{Patience, transfer_limit};
use super::timeout::{ANSWER_LIMIT, COMPLETE_LIMIT, within};
use crate::model::parts::PartPlan;

/// Parts on their way at the same time. With the part being filled, memory is (3 + 1) parts.
pub(super) const IN_FLIGHT: u64 = 3;

/// Of very large parts fewer are on their way: then it is (1 + 1).
const IN_FLIGHT_BYTES: u64 = 192 * 1024 * 1024;

/// How long an abort waits for the parts under way. Short: Docker gives a container 10 s to stop.
const LAST_PARTS_LIMIT: Duration = Duration::from_secs(3);

/// How long an abort waits for an upload that was just asked for, and removes it. For the same reason.
const LAST_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How long a cut request may still be at work in the store.
const REPEAT_ABORT_AFTER: Duration = Duration::from_secs(1);

/// How long it takes to clean up once Dumpcar was told to stop. Of Docker's 10 s, ending the dump tool may take half. What
/// a store that does not answer keeps, the next start finds.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// An object that does not exist yet.
///
/// It comes into being by [`Upload::commit`] only. [`Upload::abort`] removes what was sent; an upload that is dropped
/// (a panic) is aborted in the background.
#[must_use = "an upload that is neither committed nor aborted leaves parts behind until the abort in its drop is done"]
pub struct Upload {
    store: Store,
    path: Path,
    plan: PartPlan,
    /// The part being filled.
    buffer: Vec<Bytes>,
    buffered: u64,
    /// All bytes written so far.
    written: u64,
    /// Whether its size is asked for together with that of others: see [`Store::confirm`].
    is_confirmed_later: bool,
    /// The request that begins a multipart upload, while it is not answered. It is a task of its own: an answer nobody
    /// waits for any more would be an upload nobody can abort.
    creating: Option<JoinHandle<Result<MultipartId, object_store::Error>>>,
    multipart: Option<Multipart>,
}

/// The state of an upload that outgrew its first part.
struct Multipart {
    id: MultipartId,
    sending: JoinSet<Result<(usize, PartId), StoreError>>,
    sent: Vec<(usize, PartId)>,
    next_index: usize,
    /// Cancelled once nobody wants the parts any more: those that wait for their next try end.
    enough: CancellationToken,
}

impl Store {
    /// Begins an object at `key` (relative to the prefix). Nothing is sent before the first part is full.
    ///
    /// `hint` is the expected size in the store, if there is one.
    pub fn upload(&self, key: &str, hint: Option<u64>) -> Upload {
        Upload {
            store: self.clone(),
            path: self.path(key),
            plan: self.part_plan(hint),
            buffer: Vec::new(),
            buffered: 0,
            written: 0,
            is_confirmed_later: false,
            creating: None,
            multipart: None,
        }
    }
}

impl Upload {
    /// Leaves it to [`Store::confirm`] to have the store confirm its size.
    pub fn confirmed_later(mut self) -> Self {
        self.is_confirmed_later = true;
        self
    }

    /// Appends bytes; waits while too many parts are on their way.
    ///
    /// # Errors
    /// A part was refused, or the object is larger than the store can hold. Nothing to do then but abort.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let number = self.multipart.as_ref().map_or(1, |multipart| multipart.next_index + 1);
            let Some(size) = u32::try_from(number).ok().and_then(|number| self.plan.size_of(number)) else {
                return Err(StoreError::new(
                    StoreErrorKind::Refused,
                    format!(
                        "{} is larger than the store's parts allow: raise DUMPCAR_S3_PART_SIZE or DUMPCAR_S3_MAX_PARTS",
                        self.path
                    ),
                ));
            };
            // A full buffer is sent only now that more follows: an object of exactly one part needs no multipart.
            if self.buffered >= size {
                self.send_part().await?;
                continue;
            }
            let room = usize::try_from(size - self.buffered).unwrap_or(usize::MAX);
            let piece = bytes.split_to(bytes.len().min(room));
            self.buffered += piece.len() as u64;
            self.written += piece.len() as u64;
            self.buffer.push(piece);
        }
        Ok(())
    }

    /// Sends what is buffered as the next part.
    async fn send_part(&mut self) -> Result<(), StoreError> {
        let store = self.store.clone();
        if self.multipart.is_none() {
            // Not tried again at will, since each answer that is lost leaves an upload. But the dump has begun.
            let mut patience = Patience::default();
            let id = loop {
                match self.create().await {
                    Ok(id) => break id,
                    Err(error) => patience.after(store.error("write", error)).await?,
                }
            };
            self.multipart = Some(Multipart::new(id));
        }
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        let in_flight = (IN_FLIGHT_BYTES / self.buffered.max(1)).clamp(1, IN_FLIGHT);
        while multipart.sending.len() as u64 >= in_flight {
            multipart.take_sent().await?;
        }
        let limit = transfer_limit(self.buffered, self.store.place.upload_share);
        let payload: PutPayload = self.buffer.drain(..).collect();
        self.buffered = 0;
        let index = multipart.next_index;
        multipart.next_index += 1;
        let (path, id) = (self.path.clone(), multipart.id.clone());
        let patience = Patience::until(&multipart.enough);
        // A task of its own: signing a part hashes it, which would hold up the dump.
        let sending = async move {
            let send = || store.backend.put_part(&path, &id, index, payload.clone());
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let sent = store.patiently(patience, "write", limit, send).await;
            sent.map(|part| (index, part))
                .map_err(|error| store.learned.part_refused(&store.place, number, error))
        };
        multipart.sending.spawn(sending.in_current_span());
        Ok(())
    }

    /// Begins a multipart upload. May be dropped: the answer is then waited for by whoever removes what was sent.
    async fn create(&mut self) -> Result<MultipartId, object_store::Error> {
        let creating = self.creating.get_or_insert_with(|| {
            let (store, path) = (self.store.clone(), self.path.clone());
            tokio::spawn(async move {
                let attributes = store.attributes();
                let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
                within(ANSWER_LIMIT, store.backend.create_multipart_opts(&path, options)).await
            })
        });
        let created = creating.await;
        self.creating = None;
        created.unwrap_or_else(|panicked| {
            Err(object_store::Error::Generic { store: "S3", source: panicked.into() })
        })
    }

    /// Makes the object exist and, unless that is left for later, has the store confirm its size. Returns the number of
    /// bytes.
    ///
    /// # Errors
    /// The object does not exist then, and nothing of it is left as far as the store still answers.
    pub async fn commit(mut self, stop: &CancellationToken) -> Result<u64, StoreError> {
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => Err(StoreError::new(StoreErrorKind::Stopped, "told to stop")),
            result = self.complete() => result,
        };
        match result {
            Ok(()) => {
                self.multipart = None;
                Ok(self.written)
            }
            Err(error) => {
                hurry(stop, self.take_back()).await;
                Err(error)
            }
        }
    }

    async fn complete(&mut self) -> Result<(), StoreError> {
        if self.multipart.is_none() {
            self.put_whole().await?;
            return self.confirm().await;
        }
        if self.buffered > 0 {
            self.send_part().await?;
        }
        let has_grown = self.has_grown_parts();
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        while !multipart.sending.is_empty() {
            multipart.take_sent().await?;
        }
        multipart.sent.sort_by_key(|(index, _)| *index);
        let parts: Vec<_> = multipart.sent.iter().map(|(_, part)| part.clone()).collect();
        let (backend, id) = (&self.store.backend, &multipart.id);
        let mut patience = Patience::default();
        loop {
            let completed = backend.complete_multipart(&self.path, id, parts.clone());
            let error = match within(COMPLETE_LIMIT, completed).await {
                Ok(_) => return self.confirm().await,
                Err(error) => self.store.error("write", error),
            };
            let error = if has_grown {
                self.store.learned.unequal_refused(&self.store.place, self.written, error)
            } else {
                error
            };
            // The answer may be lost though the object was made, and a repeated request then fails.
            let error = match self.store.size(&self.path).await {
                Ok(Some(size)) if size == self.written => return Ok(()),
                // It may have been done before; only the store can tell, once it answers again.
                Err(unknown) if error.kind == StoreErrorKind::Lost => match self.store.error("read", unknown)
                {
                    away if away.kind == StoreErrorKind::Transient => away,
                    _ => error,
                },
                Ok(_) | Err(_) => error,
            };
            patience.after(error).await?;
        }
    }

    /// Whether it outgrew the parts that are of one size.
    fn has_grown_parts(&self) -> bool {
        let sent = self.multipart.as_ref().map_or(0, |multipart| multipart.next_index);
        // The last one may have any size.
        let last_full = u32::try_from(sent.saturating_sub(1)).unwrap_or(u32::MAX).max(1);
        self.plan.size_of(last_full) != self.plan.size_of(1)
    }

    /// Sends what fits into one part.
    async fn put_whole(&self) -> Result<(), StoreError> {
        let payload: PutPayload = self.buffer.iter().cloned().collect();
        let put = || {
            let options = PutOptions { attributes: self.store.attributes(), ..PutOptions::default() };
            self.store.backend.put_opts(&self.path, payload.clone(), options)
        };
        let limit = transfer_limit(self.buffered, self.store.place.upload_share);
        self.store.patiently(Patience::default(), "write", limit, put).await.map(drop)
    }

    async fn confirm(&self) -> Result<(), StoreError> {
        if self.is_confirmed_later { Ok(()) } else { self.store.confirm_one(&self.path, self.written).await }
    }

    /// Removes everything sent so far; once told to stop, in a hurry.
    pub async fn abort(mut self, stop: &CancellationToken) {
        hurry(stop, self.discard()).await;
    }

    async fn discard(&mut self) {
        self.buffer.clear();
        if let Some(creating) = self.creating.take() {
            // Where the answer takes longer, this goes on behind our back.
            let removal = abort_created(creating, self.store.clone(), self.path.clone());
            let removal = tokio::spawn(removal.in_current_span());
            drop(tokio::time::timeout(LAST_ANSWER_LIMIT, removal).await);
        }
        if let Some(multipart) = self.multipart.take() {
            multipart.abort(&self.store, &self.path).await;
        }
    }

    /// Removes also what the store may have made of it all the same. What it is called is this run's alone.
    async fn take_back(&mut self) {
        self.discard().await;
        if let Err(left) = within(ANSWER_LIMIT, self.store.backend.delete(&self.path)).await
            && !matches!(left, object_store::Error::NotFound { .. })
        {
            let left = self.store.error("delete", left);
            tracing::warn!(key = %self.path, error = %left, "an object without a manifest may be left");
        }
    }
}

/// Cleans up, for [`STOP_LIMIT`] at the most after Dumpcar was told to stop.
async fn hurry(stop: &CancellationToken, clean_up: impl Future<Output = ()>) {
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_LIMIT).await;
    };
    tokio::select! {
        () = clean_up => {}
        () = too_late => tracing::warn!("the store does not answer: parts of an upload may be left"),
    }
}

/// Aborts an upload as soon as its id is known.
async fn abort_created(
    creating: JoinHandle<Result<MultipartId, object_store::Error>>,
    store: Store,
    path: Path,
) {
    if let Ok(Ok(id)) = creating.await {
        Multipart::new(id).abort(&store, &path).await;
    }
}

impl Multipart {
    fn new(id: MultipartId) -> Self {
        Self {
            id,
            sending: JoinSet::new(),
            sent: Vec::new(),
            next_index: 0,
            enough: CancellationToken::new(),
        }
    }

    /// Waits for one part to arrive.
    async fn take_sent(&mut self) -> Result<(), StoreError> {
        match self.sending.join_next().await {
            Some(Ok(Ok(part))) => self.sent.push(part),
            Some(Ok(Err(error))) => return Err(error),
            Some(Err(panicked)) => {
                return Err(StoreError::new(
                    StoreErrorKind::Transient,
                    format!("sending a part crashed: {panicked}"),
                ));
            }
            None => {}
        }
        Ok(())
    }

    /// Lets the parts under way arrive first: one that arrives after the abort would stay, and cost money for ever.
    ///
    /// S3 says that an abort may have to be repeated for parts that were on their way; those are the ones that a slow
    /// line did not get through in time.
    async fn abort(mut self, store: &Store, path: &Path) {
        self.enough.cancel();
        let arrived = async { while self.sending.join_next().await.is_some() {} };
        let is_late = tokio::time::timeout(LAST_PARTS_LIMIT, arrived).await.is_err();
        self.sending.shutdown().await;
        self.try_to_abort(store, path).await;
        if is_late {
            tokio::time::sleep(REPEAT_ABORT_AFTER).await;
            self.try_to_abort(store, path).await;
        }
    }

    async fn try_to_abort(&self, store: &Store, path: &Path) {
        if let Err(error) = store.abort_upload(path, &self.id).await {
            tracing::warn!(key = %path, %error, "an unfinished upload is left in the bucket");
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, path) = (self.store.clone(), self.path.clone());
        if let Some(creating) = self.creating.take() {
            drop(runtime.spawn(abort_created(creating, store, path).in_current_span()));
        } else if let Some(multipart) = self.multipart.take() {
            let removal = async move { multipart.abort(&store, &path).await };
            drop(runtime.spawn(removal.in_current_span()));
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("path", &self.path)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
