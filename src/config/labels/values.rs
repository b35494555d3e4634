//! What the values of labels look like.

use super::parse::{self, Parsed};
use crate::engine::{is_host, is_socket};
use crate::model::helper::{is_file_path, split_path};
use crate::model::manifest::is_extension;
use crate::model::target::TargetName;

/// Names between commas, each once, in their order.
pub(super) fn list(text: &str) -> Parsed<Vec<String>> {
    let mut items: Vec<String> = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if !items.iter().any(|other| other == item) {
            items.push(item.to_owned());
        }
    }
    if items.is_empty() { Err("must be names with commas between them".to_owned()) } else { Ok(items) }
}

pub(super) fn names(text: &str) -> Parsed<Vec<TargetName>> {
    list(text)?.iter().map(|name| parse::own(name)).collect()
}

pub(super) fn absolute_path(text: &str) -> Parsed<String> {
    let path = parse::plain(text)?;
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err("must be an absolute path inside the container".to_owned())
    }
}

/// Paths of files between commas. Only a name may be a pattern: a folder is that of one volume.
pub(super) fn file_patterns(text: &str) -> Parsed<Vec<String>> {
    let patterns = list(text)?;
    for pattern in &patterns {
        let (folder, _) = split_path(pattern);
        if !is_file_path(pattern) {
            return Err(
                "must be absolute paths of files inside the container, with commas between them".to_owned()
            );
        }
        if folder.contains(['*', '?']) {
            return Err("may have * and ? in the name of a file only, and not in that of a folder".to_owned());
        }
    }
    Ok(patterns)
}

pub(super) fn extension(text: &str) -> Parsed<String> {
    if is_extension(text) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 16 letters, digits or dots, like sql or tar.gz".to_owned())
    }
}

pub(super) fn host(text: &str) -> Parsed<String> {
    if is_host(text) {
        Ok(text.to_owned())
    } else {
        Err("must be the name or address of a host, as the container knows it".to_owned())
    }
}

pub(super) fn port(text: &str) -> Parsed<u16> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| "must be a port, 1 to 65535".to_owned())
}

pub(super) fn socket(text: &str) -> Parsed<String> {
    if is_socket(text) {
        Ok(text.to_owned())
    } else {
        Err("must be an absolute path inside the container".to_owned())
    }
}
