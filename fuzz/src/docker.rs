#[path = "../../src/docker/trailer.rs"]
mod trailer;

pub(crate) use trailer::TrailerStripper;
