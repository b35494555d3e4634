//! Who may read (RFC 7617).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};

use crate::config::BasicLogin;

/// Whether the header `Authorization` has the user's name and the password. Digests are compared, whose bytes say nothing of the
/// password's: so the time that it takes does not, either.
pub(super) fn is_allowed(login: &BasicLogin, authorization: Option<&[u8]>) -> bool {
    let wanted = format!("{}:{}", login.user, login.password.expose());
    let sent = authorization.and_then(|header| {
        let (scheme, token) = header.split_at_checked("Basic ".len())?;
        let token = scheme.eq_ignore_ascii_case(b"Basic ").then_some(token)?;
        BASE64_STANDARD.decode(token.trim_ascii()).ok()
    });
    sent.is_some_and(|sent| digest(&SHA256, &sent).as_ref() == digest(&SHA256, wanted.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn only_the_user_with_the_password_is_allowed() {
        let login = BasicLogin { user: "ops".into(), password: Secret::new("a:é") };
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text)).into_bytes();
        assert!(is_allowed(&login, Some(&basic("ops:a:é"))));
        let lower = [b"basic ".as_slice(), BASE64_STANDARD.encode("ops:a:é").as_bytes()].concat();
        assert!(is_allowed(&login, Some(&lower)));
        for wrong in ["ops:a", "ops:a:éx", "Ops:a:é", "ops", ""] {
            assert!(!is_allowed(&login, Some(&basic(wrong))), "{wrong}");
        }
        for wrong in [&b""[..], b"Basic", b"Basic ", b"Basic ???", b"Bearer b3BzOmE6w6k="] {
            assert!(!is_allowed(&login, Some(wrong)));
        }
        assert!(!is_allowed(&login, None));
    }
}
