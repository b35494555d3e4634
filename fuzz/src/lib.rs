//! The pure part of Dumpcar and its Docker client, from its own sources, under the same paths, and nothing of what it needs
//! for the rest.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "what is not fuzzed is used by the rest of Dumpcar")]

#[path = "../../src/causes.rs"]
mod causes;
#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/docker/mod.rs"]
pub mod docker;
#[path = "../../src/engine/mod.rs"]
pub mod engine;
#[path = "../../src/fuzzing/mod.rs"]
pub mod fuzzing;
#[path = "../../src/model/mod.rs"]
pub mod model;
mod random;
#[path = "../../src/secret.rs"]
pub mod secret;
#[path = "../../src/signing/mod.rs"]
pub mod signing;
