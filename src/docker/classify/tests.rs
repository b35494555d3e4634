use super::*;

#[test]
fn what_may_pass_is_told_from_what_will_not() {
    for (status, is_transient) in
        [(400, false), (403, false), (404, true), (409, true), (500, true), (502, true), (503, true)]
    {
        let answer = BollardError::DockerResponseServerError { status_code: status, message: "no".into() };
        assert_eq!(classify("unix:///d", "create an exec", answer).is_transient(), is_transient, "{status}");
    }
    assert!(classify("unix:///d", "x", BollardError::RequestTimeoutError).is_transient());
}

#[test]
fn a_page_of_html_becomes_a_line() {
    let page =
        "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n";
    assert_eq!(one_line(page), "403 Forbidden Request forbidden by administrative rules.");
    assert_eq!(one_line("  image <none>\n is gone "), "image <none> is gone");
    assert_eq!(one_line(&"x".repeat(1000)).len(), 300);
}

#[test]
fn the_group_of_the_socket_is_named_by_its_number() {
    use std::os::unix::fs::{MetadataExt, chown};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // Only root may give it away.
    drop(chown(&path, None, Some(998)));
    let group = std::fs::metadata(&path).unwrap().gid();
    let host = format!("unix://{}", path.display());
    assert_eq!(
        cure_of_denied(&host, 1000),
        format!(
            "the socket belongs to the group {group}: run as root, or add group_add: [\"{group}\"] to the container (docker run --group-add {group})"
        )
    );
    let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = from_io(&host, &BollardError::IOError { err: refused }).to_string();
    let start = format!("Docker at {host} may not be used by this process (uid {}): ", own_uid());
    assert!(error.starts_with(&start), "{error}");
}

/// Root owns the socket in any case: what refuses it is something else.
#[test]
fn a_socket_that_is_denied_to_root_is_no_matter_of_its_group() {
    let root = cure_of_denied("unix:///var/run/docker.sock", 0);
    for word in ["SELinux", "label:disable", "userns_mode: host", "rootless", "XDG_RUNTIME_DIR"] {
        assert!(root.contains(word), "{word}: {root}");
    }
    assert!(cure_of_denied("unix:///nowhere", 1000).contains("run as root"));
}
