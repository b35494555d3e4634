//! The client library's errors, turned into what the user can do about them.

use std::time::Duration;

use bollard::errors::Error as BollardError;

use super::error::DockerError;
use super::transport::{Foreign, TooLong};
use crate::causes::{causes, innermost};
use crate::model::certificate::{self, Cures};

/// Docker answers a request at once, or something is wrong; an engine that pulls or removes at full load stays under it.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// An answer that says nothing.
pub(super) fn nonsense(what: &'static str, error: &dyn std::error::Error) -> DockerError {
    DockerError::Nonsense { what, reason: one_line(&error.to_string()) }
}

/// Turns the client's error into what the user can do about it.
pub(super) fn classify(host: &str, what: &'static str, error: BollardError) -> DockerError {
    if let BollardError::DockerResponseServerError { status_code, message } = error {
        let message = one_line(&message);
        return match status_code {
            400 if message.contains("HTTP request to an HTTPS server") => DockerError::Untrusted(format!(
                "Docker at {host} speaks TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with its certificates"
            )),
            404 => DockerError::NotFound { message },
            // Docker itself knows no rights; a proxy or a plugin does.
            403 => DockerError::Forbidden { what, host: host.to_owned(), message },
            status => DockerError::Refused { what, status, message },
        };
    }
    // The one mistake in the use of the HTTP client that an answer can make look like one.
    if let BollardError::HyperResponseError { err } = &error
        && err.is_user()
    {
        return DockerError::NotUpgraded { host: host.to_owned() };
    }
    if let Some(too_long) = cause::<TooLong>(&error) {
        return DockerError::Nonsense { what, reason: too_long.to_string() };
    }
    if let Some(foreign) = cause::<Foreign>(&error) {
        return DockerError::Foreign { what, reason: foreign.to_string() };
    }
    if matches!(error, BollardError::RequestTimeoutError) {
        return DockerError::Timeout { what, seconds: ANSWER_LIMIT.as_secs() };
    }
    from_io(host, &error)
}

/// What a message says, short enough for a log: a proxy answers with a page of HTML.
fn one_line(message: &str) -> String {
    let mut words = String::new();
    let mut is_tag = false;
    for c in message.chars() {
        match c {
            // Docker's own messages have no tags, but an image name may be `<none>`.
            '<' if message.trim_start().starts_with('<') => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                words.push(' ');
            }
            _ if is_tag => {}
            c => words.push(if c.is_control() { ' ' } else { c }),
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// The client's error as the first of its causes: where it is only around an I/O error, that one.
fn first(error: &BollardError) -> &(dyn std::error::Error + 'static) {
    if let BollardError::IOError { err } = error { err } else { error }
}

/// An error of this type among the causes; an error inside of an I/O error is none of its causes.
fn cause<T: std::error::Error + 'static>(error: &BollardError) -> Option<&T> {
    causes(first(error)).find_map(|error| {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        error.downcast_ref::<T>().or_else(|| inside?.downcast_ref::<T>())
    })
}

pub(super) fn no_socket(host: String) -> DockerError {
    DockerError::Unreachable {
        host,
        reason: "there is no such socket; mount it (-v /var/run/docker.sock:/var/run/docker.sock), or set DOCKER_HOST".into(),
    }
}

/// Looks for the operating system's reason below the layers of the HTTP client.
fn from_io(host: &str, error: &BollardError) -> DockerError {
    use std::io::ErrorKind;
    let innermost = innermost(first(error));
    let io = causes(first(error)).filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    let kind = io.map(std::io::Error::kind).last();
    if let Some(words) = untrusted(host, &innermost.to_string()) {
        return DockerError::Untrusted(words);
    }
    let host = host.to_owned();
    let is_socket = host.starts_with("unix://");
    match kind {
        Some(ErrorKind::PermissionDenied) => {
            let uid = own_uid();
            let cure = cure_of_denied(&host, uid);
            DockerError::Denied { host, uid, cure }
        }
        Some(ErrorKind::NotFound) if is_socket => no_socket(host),
        Some(ErrorKind::ConnectionRefused) => DockerError::Unreachable {
            host,
            reason: "connection refused; is Docker (or the proxy) running?".into(),
        },
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => {
            DockerError::Broken { reason: innermost.to_string() }
        }
        Some(_) | None => DockerError::Broken { reason: innermost.to_string() },
    }
}

/// What is wrong with one side's certificate.
fn untrusted(host: &str, words: &str) -> Option<String> {
    let server = format!("Docker at {host}");
    let cures = Cures { authority: "ca.pem in DOCKER_CERT_PATH", name: "DOCKER_HOST" };
    if let Some(text) = certificate::refused(&server, words, cures) {
        return Some(text);
    }
    if certificate::is_plain(words) {
        return Some(format!(
            "{server} does not speak TLS there: remove DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or correct the port"
        ));
    }
    let alert = words.split_once("received fatal alert: ")?.1;
    Some(format!(
        "{server} refused the client's certificate ({alert}): cert.pem and key.pem in DOCKER_CERT_PATH must be there, valid, and \
         signed by the authority that the engine was given (--tlscacert)"
    ))
}

/// What lets this process use the socket. Who owns it can be seen by everybody.
fn cure_of_denied(host: &str, uid: u32) -> String {
    use std::os::unix::fs::MetadataExt;
    if uid == 0 {
        return "that is root, so it is something else than the socket's owner. SELinux: add security_opt: [\"label:disable\"]. \
                User-namespace remapping (userns-remap): add userns_mode: host. A rootless engine: mount its own socket \
                ($XDG_RUNTIME_DIR/docker.sock) as /var/run/docker.sock"
            .to_owned();
    }
    let group =
        host.strip_prefix("unix://").and_then(|path| std::fs::metadata(path).ok()).map(|meta| meta.gid());
    match group {
        // A group that everybody in the container would have.
        Some(0) | None => "run as root (user: \"0\"), or give the socket a group of its own".to_owned(),
        Some(group) => format!(
            "the socket belongs to the group {group}: run as root, or add group_add: [\"{group}\"] to the container (docker run --group-add {group})"
        ),
    }
}

/// The process's user, for the message about a socket it may not use.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
