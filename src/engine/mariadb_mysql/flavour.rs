//! Which of the two a server is.

/// Which of the two. What differs between them is decided by a `match` on this, in this folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Flavour {
    Mariadb,
    Mysql,
}
