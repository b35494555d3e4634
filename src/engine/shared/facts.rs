//! What an engine is told of a container.

use std::collections::BTreeMap;
use std::fmt;

/// What is known of a container, as far as an engine wants to know it.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The image's name as the container was started with.
    pub image: &'a str,
    /// The command line of its first process, without the program.
    pub arguments: &'a [String],
    /// Whether Docker says that it has its network from another container, or from the host.
    pub shares_network: bool,
    /// The environment the container was configured with. An exec sees this one, not what an entry point made of it.
    pub env: &'a BTreeMap<String, String>,
    /// `dumpcar.user`.
    pub user: Option<&'a str>,
    /// `dumpcar.password-file`: a path inside the container.
    pub password_file: Option<&'a str>,
    /// `dumpcar.host`.
    pub host: Option<&'a str>,
    /// `dumpcar.port`.
    pub port: Option<u16>,
    /// `dumpcar.socket`: a path inside the container.
    pub socket: Option<&'a str>,
    /// `dumpcar.path`, or where an application of this image has its databases: patterns for files inside the container.
    pub paths: &'a [String],
    /// `dumpcar.exec-user`.
    pub exec_user: Option<&'a str>,
    /// `dumpcar.args`, split into words: further arguments of the dump tool.
    pub args: &'a [String],
    /// `dumpcar.command`.
    pub command: Option<&'a str>,
    /// `dumpcar.restore-command`.
    pub restore_command: Option<&'a str>,
    /// `dumpcar.extension`.
    pub extension: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// A container without labels.
    pub fn new(image: &'a str, env: &'a BTreeMap<String, String>) -> Self {
        Self {
            image,
            arguments: &[],
            shares_network: false,
            env,
            user: None,
            password_file: None,
            host: None,
            port: None,
            socket: None,
            paths: &[],
            exec_user: None,
            args: &[],
            command: None,
            restore_command: None,
            extension: None,
        }
    }

    /// An environment variable that is set and not empty: entry points take an empty one for an absent one.
    pub(in crate::engine) fn variable(&self, name: &str) -> Option<&'a str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Facts<'_> {
    /// Of the environment only the names: its values are passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("image", &self.image)
            .field("env", &self.env.keys())
            .field("user", &self.user)
            .field("password_file", &self.password_file)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("socket", &self.socket)
            .field("paths", &self.paths)
            .field("exec_user", &self.exec_user)
            .field("args", &self.args)
            .field("command", &self.command)
            .field("restore_command", &self.restore_command)
            .field("extension", &self.extension)
            .finish()
    }
}
