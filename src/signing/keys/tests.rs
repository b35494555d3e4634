use proptest::prelude::*;

use super::*;

/// Made by `ssh-keygen -t ed25519 -N '' -C 'host-a backups'`, the others with a passphrase or `-t ecdsa`.
const FILE: &str = include_str!("../fixtures/ed25519");
const PUBLIC: &str = include_str!("../fixtures/ed25519.pub");
const FINGERPRINT: &str = "SHA256:um9aepnOuy5Xf3Ud3/2vgK+H5cu7F7TqtOJFxIEecbI";

fn seed_of(file: &str) -> [u8; 32] {
    let file = disarm(PRIVATE, file).unwrap();
    let (public, private) = parts(&file).unwrap();
    seed(private, public).unwrap().try_into().unwrap()
}

#[test]
fn a_key_of_ssh_keygen_is_read() {
    for text in
        [FILE.to_owned(), FILE.trim_end().to_owned(), FILE.replace('\n', "\r\n"), format!("\n{FILE}\n")]
    {
        let signer: Signer = text.parse().unwrap();
        assert_eq!(format!("{} host-a backups\n", signer.public_key()), PUBLIC);
        assert_eq!(signer.public_key().fingerprint(), FINGERPRINT);
    }
}

#[test]
fn the_file_is_the_one_that_ssh_keygen_writes() {
    let bytes = disarm(PRIVATE, FILE).unwrap();
    let check = parts(&bytes).unwrap().1.first_chunk().copied().map(u32::from_be_bytes).unwrap();
    assert_eq!(private_key_file(&seed_of(FILE), check, "host-a backups").expose(), FILE);
}

#[test]
fn what_cannot_be_used_is_told_apart_and_never_shown() {
    let line = FILE.lines().nth(2).unwrap();
    for (text, error) in [
        ("", KeyError::NoKey),
        ("hunter2", KeyError::NoKey),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", KeyError::NoKey),
        (PUBLIC, KeyError::Public),
        (include_str!("../fixtures/encrypted"), KeyError::Encrypted),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            KeyError::Encrypted,
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", KeyError::Encrypted),
        (include_str!("../fixtures/ecdsa"), KeyError::OtherType),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", KeyError::OtherType),
        (&FILE.replace(line, ""), KeyError::Damaged),
        (&FILE.replace(line, &line.replace('A', "!")), KeyError::Damaged),
        (&FILE.replace("-----END", "x\n-----END"), KeyError::Damaged),
        (&FILE.replace("-----END OPENSSH PRIVATE KEY-----", ""), KeyError::Damaged),
        (&format!("{FILE}x"), KeyError::Damaged),
    ] {
        assert_eq!(text.parse::<Signer>().map(|signer| signer.public_key()), Err(error), "{text}");
    }
    let signer: Signer = FILE.parse().unwrap();
    let seed = format!("{:?}", seed_of(FILE));
    assert!(!format!("{signer:?}").contains(seed.get(1..20).unwrap()), "{signer:?}");
}

#[test]
fn no_bit_of_a_key_can_be_changed_but_those_of_its_comment() {
    let bytes = disarm(PRIVATE, FILE).unwrap();
    let public = FILE.parse::<Signer>().unwrap().public_key();
    let comment = bytes.windows(6).position(|window| window == b"host-a").unwrap();
    for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << bit;
        if let Ok(signer) = armor(PRIVATE, &changed).parse::<Signer>() {
            let is_comment = (comment..comment + "host-a backups".len()).contains(&at);
            assert!(is_comment && signer.public_key() == public, "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn a_file_is_read_back(seed: [u8; 32], check: u32, comment in "[ -~]{0,40}") {
        let signer: Signer = private_key_file(&seed, check, &comment).expose().parse().unwrap();
        prop_assert_eq!(signer.public_key(), Signer::from_seed(&seed).public_key());
        prop_assert_eq!(PublicKey::from_blob(&signer.public_key().blob()), Some(signer.public_key()));
    }

    #[test]
    fn anything_else_is_refused(text in ".*", bytes: Vec<u8>) {
        prop_assert!(text.parse::<Signer>().is_err());
        prop_assert!(armor(PRIVATE, &bytes).parse::<Signer>().is_err());
    }
}
