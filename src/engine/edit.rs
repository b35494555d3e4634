//! What happens to a dump between the store and the server.

use bytes::Bytes;

use super::mariadb_mysql::restore::accounts::AccountFilter;
use super::mariadb_mysql::restore::separate::Separator;
use super::postgresql::edit::DumpEdit;
use super::redis::commands::Commands;

/// What a dump passes on its way into a server.
#[derive(Debug)]
pub enum Edit {
    Nothing,
    Postgresql(Box<DumpEdit>),
    Separator(Box<Separator>),
    Accounts(Box<AccountFilter>),
    Redis(Box<Commands>),
}

impl Edit {
    /// By how many bytes a dump gets longer; `None` if only the dump tells.
    pub fn room(&self) -> Option<u64> {
        match self {
            Self::Postgresql(_) => Some(DumpEdit::ROOM),
            Self::Nothing | Self::Separator(_) | Self::Accounts(_) => Some(0),
            Self::Redis(_) => None,
        }
    }

    /// The same before anything has passed it, where [`Edit::room`] is not known.
    pub fn anew(&self) -> Self {
        match self {
            Self::Redis(commands) => Self::Redis(Box::new(commands.anew())),
            Self::Nothing | Self::Postgresql(_) | Self::Separator(_) | Self::Accounts(_) => Self::Nothing,
        }
    }

    /// What of the dump does not work by itself when it is restored, with the statements that make it.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Postgresql(edit) => edit.notes(),
            Self::Redis(commands) => commands.notes(),
            Self::Nothing | Self::Separator(_) | Self::Accounts(_) => &[],
        }
    }

    /// Why what was passed on is not all of the dump.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Redis(commands) => commands.problem(),
            Self::Nothing | Self::Postgresql(_) | Self::Separator(_) | Self::Accounts(_) => None,
        }
    }

    /// What can be passed on when this piece of the dump has come; without one, at its end, what is left.
    pub fn take(&mut self, piece: Option<Bytes>) -> Bytes {
        match (self, piece) {
            (Self::Postgresql(edit), Some(piece)) => edit.take(piece),
            (Self::Postgresql(edit), None) => edit.end(),
            (Self::Separator(separator), piece) => separator.take(piece.as_deref()),
            (Self::Accounts(filter), piece) => filter.take(piece.as_deref()),
            (Self::Redis(commands), piece) => commands.take(piece.as_deref()),
            (Self::Nothing, piece) => piece.unwrap_or_default(),
        }
    }
}
