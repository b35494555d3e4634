//! Who the tools of PostgreSQL log in as.

use crate::engine::shared::facts::Facts;
use crate::engine::shared::login::{Login, Password, User, password, user};

/// In the official image nobody needs a password on the socket; in bitnami's everybody does.
pub(super) fn login(facts: &Facts<'_>) -> Login {
    const ADMIN: [&str; 2] = ["POSTGRESQL_POSTGRES_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD_FILE"];
    const OWNER: [&str; 4] =
        ["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRESQL_PASSWORD", "POSTGRESQL_PASSWORD_FILE"];
    const NAMES: [&str; 5] =
        ["POSTGRES_USER", "POSTGRES_USER_FILE", "POSTGRESQL_USERNAME", "POSTGRESQL_USER", "PGUSER"];
    let admin = password(facts, &ADMIN);
    let named = |name: &str| User::Named(name.to_owned());
    let user = match facts.user {
        Some(name) => named(name),
        // bitnami: POSTGRESQL_USERNAME is then an ordinary user.
        None if admin.is_some() => named("postgres"),
        None => user(facts, &NAMES).unwrap_or_else(|| named("postgres")),
    };
    let admin = admin.filter(|_| user == named("postgres"));
    let password = match facts.password_file {
        Some(path) => Password::File(path.to_owned()),
        None => admin.or_else(|| password(facts, &OWNER)).unwrap_or(Password::Absent),
    };
    Login { user, password, notes: Vec::new() }
}
