pub(crate) mod docker;
pub(crate) mod engine;
pub(crate) mod garage;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod servers;
pub(crate) mod sidecar;
pub(crate) mod world;
