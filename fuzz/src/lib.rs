//! The pure part of Dumpcar, from its own sources, under the same paths, and nothing of what it needs for the rest.
#![allow(dead_code, unreachable_pub, reason = "what is not fuzzed is used by the rest of Dumpcar")]

#[path = "../../src/config/mod.rs"]
pub mod config;
mod docker;
#[path = "../../src/engine/mod.rs"]
pub mod engine;
#[path = "../../src/fuzzing.rs"]
pub mod fuzzing;
#[path = "../../src/model/mod.rs"]
pub mod model;
#[path = "../../src/secret.rs"]
pub mod secret;
