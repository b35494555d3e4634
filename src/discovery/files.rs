//! Targets whose databases are files of an application.

use crate::config::labels::TargetLabels;
use crate::engine::Engine;

/// The labels of a target with the paths of its databases.
///
/// # Errors
/// Where they are is not known, or there are labels for a server, or paths of what is none of files.
pub(super) fn with_paths(
    labels: TargetLabels,
    engine: Engine,
    image: &str,
    prefix: &str,
) -> Result<TargetLabels, String> {
    if !engine.is_file() {
        return if labels.paths.is_empty() {
            Ok(labels)
        } else {
            Err(format!(
                "the label {prefix}.path has no effect on {engine}: remove it, or set {prefix}.engine to what has files"
            ))
        };
    }
    let of_server = [
        ("user", labels.user.is_some()),
        ("password-file", labels.password_file.is_some()),
        ("host", labels.host.is_some()),
        ("port", labels.port.is_some()),
        ("socket", labels.socket.is_some()),
        ("args", !labels.args.is_empty()),
    ];
    if let Some((label, _)) = of_server.iter().find(|(_, is_set)| *is_set) {
        return Err(format!(
            "the label {prefix}.{label} has no effect on {engine}, which has no server: remove it"
        ));
    }
    if !labels.paths.is_empty() {
        return Ok(labels);
    }
    match engine.usual_paths(image) {
        [] => Err(format!(
            "where are its databases? Set the label {prefix}.path to the file inside the container, like /data/app.db, or /data/*.db"
        )),
        paths => Ok(TargetLabels { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..labels }),
    }
}
