//! What Docker answers about a container: read or refused. What was read names one container, and is about the one asked for.

use crate::docker::read_container;
use crate::model::id::{ContainerId, is_container_name};

/// An answer of any content.
pub fn container(data: &[u8]) {
    let container = match read_container(data, None) {
        Ok(container) => container,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(container.id.as_str().len() == 64 && is_container_name(container.id.as_str()));
    assert!(
        container
            .image_id
            .as_str()
            .strip_prefix("sha256:")
            .is_some_and(|digest| digest.parse::<ContainerId>().is_ok())
    );
    assert!(!container.state.is_empty(), "a container without a state is in none");
    assert!(read_container(data, Some(&container.id)).is_ok());
    let other = if container.id.as_str().starts_with('0') { "1" } else { "0" };
    let other: ContainerId = other.repeat(64).parse().expect("it has 64 digits");
    assert!(read_container(data, Some(&other)).is_err(), "it is about another one");
}
