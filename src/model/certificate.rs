//! What a certificate that is not taken means, in the words of the TLS library, and what to do about it.

/// What cures depend on the server for.
#[derive(Debug, Clone, Copy)]
pub struct Cures<'a> {
    /// Where the authority's certificate belongs.
    pub authority: &'a str,
    /// What to correct if the certificate is for another name.
    pub name: &'a str,
}

/// Reads the causes of a connection's failure; `None` if none of them is the server's certificate.
pub fn refused(server: &str, chain: &str, cures: Cures<'_>) -> Option<String> {
    let (_, problem) = chain.split_once("invalid peer certificate: ")?;
    let problem = problem.split([' ', ':', '(', ';', '"']).next().unwrap_or_default();
    const OWN: &str = "CaUsedAsEndEntity";
    let problem = if chain.contains(OWN) { OWN } else { problem };
    let cure = match problem {
        // `openssl req -x509` makes such a one unless it is told not to.
        OWN => {
            "it is an authority's own and no server's: make it with `openssl req -x509 -addext basicConstraints=critical,CA:FALSE \
             -addext subjectAltName=DNS:…`"
                .to_owned()
        }
        "UnknownIssuer" => format!("nobody who is trusted has signed it: put its authority's into {}", cures.authority),
        // An error that tells more is told in words.
        "NotValidForName" | "NotValidForNameContext" | "certificate" if is_of_name(problem, chain) => {
            format!("it is for another name: correct {}, or the certificate", cures.name)
        }
        "Expired" | "ExpiredContext" => "it has expired: renew it, or set this host's clock".to_owned(),
        "certificate" if chain.contains("certificate expired") => {
            "it has expired: renew it, or set this host's clock".to_owned()
        }
        "NotValidYet" | "NotValidYetContext" => "it is not valid yet: set this host's clock".to_owned(),
        "certificate" if chain.contains("not valid yet") => "it is not valid yet: set this host's clock".to_owned(),
        _ => return None,
    };
    // The library's own name for it, if it has one.
    let name = if problem == "certificate" { String::new() } else { format!(" ({problem})") };
    Some(format!("{server} has a certificate that cannot be taken{name}: {cure}"))
}

fn is_of_name(problem: &str, chain: &str) -> bool {
    problem != "certificate" || chain.contains("not valid for name")
}

/// Whether the server has no TLS there, though it was spoken to in it.
pub fn is_plain(chain: &str) -> bool {
    chain.contains("InvalidContentType") || chain.contains("WrongVersionNumber")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_cure_in_either_form() {
        let cures = Cures { authority: "AUTHORITY", name: "NAME" };
        let said =
            |words: &str| refused("the server", &format!("x: invalid peer certificate: {words}"), cures);
        for (words, cure) in [
            (
                "UnknownIssuer",
                "(UnknownIssuer): nobody who is trusted has signed it: put its authority's into AUTHORITY",
            ),
            ("NotValidForName", "it is for another name: correct NAME"),
            (
                "certificate not valid for name \"a\"; certificate is only valid for b",
                "taken: it is for another name",
            ),
            ("Expired", "it has expired"),
            (
                "certificate expired: verification time 1 (UNIX), but certificate is not valid after 0",
                "it has expired",
            ),
            ("certificate not valid yet: verification time 1 (UNIX)", "it is not valid yet"),
            ("Other(OtherError(CaUsedAsEndEntity))", "(CaUsedAsEndEntity): it is an authority's own"),
        ] {
            let told = said(words).unwrap();
            assert!(
                told.starts_with("the server has a certificate") && told.contains(cure),
                "{words}: {told}"
            );
        }
        assert_eq!(said("BadEncoding"), None);
        assert_eq!(refused("the server", "Connection refused", cures), None);
    }
}
