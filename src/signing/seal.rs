//! JSON with its own signature in it: what is read and written in one piece, so that content and signature never part.

use serde_json::{Map, Value};

use super::{Namespace, Signature, Signer, TrustedSigners, Unsigned};

/// The field of a JSON object that has its signature, in base64.
const FIELD: &str = "signature";

/// Adds the signature to a JSON object.
///
/// It is that of the other fields in the order of their names, without any white space. So it holds however the file is
/// laid out.
///
/// # Panics
/// On what is no JSON object.
pub fn seal(kind: Namespace, json: &[u8], signer: &Signer) -> Vec<u8> {
    let mut object: Map<String, Value> =
        serde_json::from_slice(json).expect("what Dumpcar writes is a JSON object");
    let signature = signer.sign(kind, &canonical(&object));
    object.insert(FIELD.to_owned(), Value::String(signature.to_base64()));
    let mut sealed = serde_json::to_vec_pretty(&object).expect("it has only string keys");
    sealed.push(b'\n');
    sealed
}

/// What was signed of a JSON object by one of the trusted keys.
///
/// Only this is to be looked at afterwards: of a field that stands there twice, say, it has the one that was signed.
///
/// # Errors
/// Why it does not count as signed.
pub fn open(kind: Namespace, sealed: &[u8], trusted: &TrustedSigners) -> Result<Vec<u8>, Unsigned> {
    let mut object: Map<String, Value> = serde_json::from_slice(sealed).map_err(|_| Unsigned::Missing)?;
    let signature = match object.remove(FIELD) {
        Some(Value::String(text)) => Signature::from_base64(&text)?,
        Some(_) => return Err(Unsigned::Malformed),
        None => return Err(Unsigned::Missing),
    };
    let signed = canonical(&object);
    trusted.verify(kind, &signed, &signature)?;
    Ok(signed)
}

fn canonical(object: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(object).expect("it has only string keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"version": 1, "b": {"z": 1.5, "a": [null, "x\n"]}, "a": "é"}"#;

    fn signer() -> Signer {
        Signer::from_seed(&[1; 32])
    }

    fn trusted() -> TrustedSigners {
        signer().public_key().to_string().parse().unwrap()
    }

    fn sealed() -> Vec<u8> {
        seal(Namespace::Record, JSON.as_bytes(), &signer())
    }

    #[test]
    fn what_was_signed_comes_out_however_it_is_laid_out() {
        let compact = serde_json::to_vec(&serde_json::from_slice::<Value>(&sealed()).unwrap()).unwrap();
        for sealed in [sealed(), compact, [b"\n\t ", &sealed()[..]].concat()] {
            let opened = open(Namespace::Record, &sealed, &trusted()).unwrap();
            assert_eq!(opened, r#"{"a":"é","b":{"a":[null,"x\n"],"z":1.5},"version":1}"#.as_bytes());
        }
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let sealed = String::from_utf8(sealed()).unwrap();
        let open = |text: &str| open(Namespace::Record, text.as_bytes(), &trusted());
        for (what, changed, reason) in [
            ("a value", sealed.replace("é", "e"), Unsigned::Altered),
            ("a name", sealed.replace("\"z\"", "\"y\""), Unsigned::Altered),
            ("a number", sealed.replace("1.5", "1.6"), Unsigned::Altered),
            ("a field more", sealed.replacen('{', "{\"c\": 1,", 1), Unsigned::Altered),
            (
                "a field twice",
                sealed.replace("\"version\": 1", "\"version\": 1, \"version\": 2"),
                Unsigned::Altered,
            ),
            ("no signature", JSON.to_owned(), Unsigned::Missing),
            (
                "another type of signature",
                sealed.replace("\"signature\": \"", "\"signature\": 1, \"x\": \""),
                Unsigned::Malformed,
            ),
            ("rubbish", sealed.replace("U1NIU0lH", "U1NIU0lI"), Unsigned::Malformed),
            ("no object", "[]".to_owned(), Unsigned::Missing),
        ] {
            assert_ne!(changed, sealed, "{what}");
            assert_eq!(open(&changed), Err(reason), "{what}");
        }
        // Of two, the last one is what counts, for the signature and for what comes out.
        let twice = sealed.replace("\"version\": 1", "\"version\": 2, \"version\": 1");
        assert!(String::from_utf8(open(&twice).unwrap()).unwrap().ends_with("\"version\":1}"));
    }

    #[test]
    fn another_kind_or_key_does_not_count() {
        assert_eq!(
            open(Namespace::Drill, &sealed(), &trusted()),
            Err(Unsigned::OtherNamespace(Namespace::Drill))
        );
        let other = Signer::from_seed(&[2; 32]).public_key();
        let others: TrustedSigners = other.to_string().parse().unwrap();
        assert_eq!(
            open(Namespace::Record, &sealed(), &others),
            Err(Unsigned::Untrusted(signer().public_key()))
        );
    }
}
