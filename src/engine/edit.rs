//! What happens to a dump between the store and the server.

use bytes::Bytes;

use super::mariadb_mysql::restore::accounts::AccountFilter;
use super::mariadb_mysql::restore::separate::Separator;
use super::postgresql::edit::DumpEdit;

/// What a dump passes on its way into a server. Behind it, it is longer by [`Edit::room`].
#[derive(Debug)]
pub enum Edit {
    Nothing,
    Postgresql(Box<DumpEdit>),
    Separator(Box<Separator>),
    Accounts(Box<AccountFilter>),
}

impl Edit {
    /// By how many bytes a dump gets longer.
    pub fn room(&self) -> u64 {
        match self {
            Self::Postgresql(_) => DumpEdit::ROOM,
            Self::Nothing | Self::Separator(_) | Self::Accounts(_) => 0,
        }
    }

    /// What of the dump does not work by itself when it is restored, with the statements that make it.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Postgresql(edit) => edit.notes(),
            Self::Nothing | Self::Separator(_) | Self::Accounts(_) => &[],
        }
    }

    /// What can be passed on when this piece of the dump has come; without one, at its end, what is left.
    pub fn take(&mut self, piece: Option<Bytes>) -> Bytes {
        match (self, piece) {
            (Self::Postgresql(edit), Some(piece)) => edit.take(piece),
            (Self::Postgresql(edit), None) => edit.end(),
            (Self::Separator(separator), piece) => separator.take(piece.as_deref()),
            (Self::Accounts(filter), piece) => filter.take(piece.as_deref()),
            (Self::Nothing, piece) => piece.unwrap_or_default(),
        }
    }
}
