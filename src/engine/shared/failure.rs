//! The kinds of failure that a tool or a server may have.

/// What went wrong, as far as whoever runs the command has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolFailure {
    /// The server knows no such user, or not with this password.
    AuthRefused,
    /// The tool is not in the container.
    ToolMissing,
    /// Nothing answers, or it starts, stops, recovers, or has no connection free.
    NotAccepting,
    /// Another container's server answers, or may, because they share a network.
    OtherServer,
    /// The database was dropped or renamed after it was listed.
    DatabaseGone,
    /// The login may not read all of it, or not write it.
    PermissionDenied,
    /// What is restored belongs to a role the server does not have.
    RoleMissing,
    /// Somebody held a lock, or changed a table, in the meantime.
    Busy,
    /// A password file cannot be read.
    PasswordFile,
    /// What is restored asks for something by its name alone, and that is not in the path.
    NameHidden,
    /// The server cannot take what is restored, for want of an extension, a library, a locale, a tablespace, or for its age.
    Lacking,
    /// A dump tells the client to do something, and not the server.
    ClientCommand,
    /// There is no room for what has to be written.
    DiskFull,
    /// Nothing may be written there.
    ReadOnly,
    /// The server, or its container, has too little memory for it.
    NoMemory,
    /// The tool died of a signal.
    Killed,
    Other,
}

impl ToolFailure {
    /// Whether the same command may well succeed a minute later.
    pub fn is_transient(self) -> bool {
        match self {
            // The next attempt lists the databases anew.
            Self::DatabaseGone | Self::NotAccepting | Self::Busy | Self::NoMemory | Self::Killed => true,
            Self::AuthRefused
            | Self::ToolMissing
            | Self::OtherServer
            | Self::PermissionDenied
            | Self::RoleMissing
            | Self::NameHidden
            | Self::Lacking
            | Self::PasswordFile
            | Self::ClientCommand
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Other => false,
        }
    }

    /// Whether the same would happen to every command for this server.
    pub fn is_of_the_server(self) -> bool {
        match self {
            Self::ToolMissing | Self::NotAccepting | Self::OtherServer | Self::PasswordFile => true,
            // A server may refuse a login for one of its databases only.
            Self::AuthRefused
            | Self::DatabaseGone
            | Self::PermissionDenied
            | Self::RoleMissing
            | Self::Busy
            | Self::ClientCommand
            | Self::DiskFull
            | Self::ReadOnly
            | Self::NoMemory
            | Self::NameHidden
            | Self::Lacking
            | Self::Killed
            | Self::Other => false,
        }
    }

    /// Whether the server has refused something of what it was told, and not for want of what it needs for that.
    pub fn is_refusal(self) -> bool {
        match self {
            Self::PermissionDenied
            | Self::RoleMissing
            | Self::NameHidden
            | Self::ClientCommand
            | Self::Other => true,
            Self::AuthRefused
            | Self::ToolMissing
            | Self::NotAccepting
            | Self::OtherServer
            | Self::DatabaseGone
            | Self::Busy
            | Self::Lacking
            | Self::PasswordFile
            | Self::DiskFull
            | Self::ReadOnly
            | Self::NoMemory
            | Self::Killed => false,
        }
    }
}
