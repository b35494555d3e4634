//! What the tests stand on: a scripted Docker, a real S3 protocol server in process, and the real program between them.

pub(crate) mod crowd;
pub(crate) mod docker;
pub(crate) mod fault;
pub(crate) mod forward;
pub(crate) mod hostile;
pub(crate) mod lab;
pub(crate) mod peak;
pub(crate) mod provider;
pub(crate) mod receiver;
pub(crate) mod s3;
pub(crate) mod smtp;
pub(crate) mod stored;
pub(crate) mod tls;
pub(crate) mod witness;
pub(crate) mod world;
