//! The bucket: uploads that commit or leave nothing, and the catalog of what is there.
//!
//! Only this module names S3.

mod answer;
mod backup;
mod bucket;
mod catalog;
mod cause;
mod client;
mod confirm;
mod diagnosis;
mod download;
mod error;
#[cfg(test)]
pub(crate) mod flaky;
mod forgotten;
mod heard;
mod kept;
mod learned;
mod lifecycle;
mod limit;
mod lister;
mod patience;
mod place;
mod proxy;
mod readme;
mod records;
mod refusal;
mod s3;
mod sender;
mod signed;
mod signers;
mod timeout;
mod trial;
mod unfinished;
mod upload;
mod verified;

pub use bucket::{Backend, Store};
pub use catalog::{Catalog, StoredBackup, Version};
pub use download::Download;
pub use error::{StoreError, StoreErrorKind};
pub use kept::{Deleted, Kept, Lock};
pub use place::Place;
pub use records::{Records, StoredRecord};
pub use s3::S3Error;
pub use signers::Signing;
pub use trial::{Abilities, Trial};
pub use unfinished::Unfinished;
pub use upload::Upload;
