//! Names that Docker gives: what a container, an image or a command is called, and nothing else.
//!
//! They come back from records in the bucket, from manifests, labels and Docker's answers, and become parts of requests to
//! Docker. A text that is no id never becomes one of these types, so it never becomes a part of a request.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Hexadecimal digits of an id: a SHA-256, or as many random bits.
const DIGITS: usize = 64;

/// `moby/moby`, `daemon/names`: `[a-zA-Z0-9][a-zA-Z0-9_.-]`; Docker itself sets no limit to the length, its host names do.
const LONGEST_NAME: usize = 255;

/// The text is no id of Docker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {DIGITS} lower-case hexadecimal digits")]
pub struct IdError;

/// The text is no name of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be letters, digits, dots, dashes or underscores, and start with a letter or digit")]
pub struct ContainerNameError;

/// Whether a text is what [`ContainerName`] takes.
pub fn is_container_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    starts_well && text.len() <= LONGEST_NAME && text.bytes().all(is_plain)
}

fn is_id(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A type for a text of one form, which serde reads by its `FromStr`.
macro_rules! plain_text {
    ($type:ident) => {
        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = <$type as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(this: $type) -> Self {
                this.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}
pub(crate) use plain_text;

/// A container's full id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ContainerId(String);
plain_text!(ContainerId);

/// The id of a command that is run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecId(String);
plain_text!(ExecId);

/// A container's name, as people give it, without Docker's leading slash; or an id, which Docker takes for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName(String);
plain_text!(ContainerName);

/// An image's id, `sha256:` and its digest: never a name, which may be another image tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ImageId(String);
plain_text!(ImageId);

impl FromStr for ContainerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_id(text) { Ok(Self(text.to_owned())) } else { Err(IdError) }
    }
}

impl FromStr for ExecId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_id(text) { Ok(Self(text.to_owned())) } else { Err(IdError) }
    }
}

impl FromStr for ContainerName {
    type Err = ContainerNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_container_name(text) { Ok(Self(text.to_owned())) } else { Err(ContainerNameError) }
    }
}

impl From<ContainerId> for ContainerName {
    fn from(id: ContainerId) -> Self {
        Self(id.0)
    }
}

/// What an image is called in a registry, with its digest: `postgres@sha256:…`. It can be pulled by that, and nothing else can be
/// behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ImageDigest(String);
plain_text!(ImageDigest);

impl ImageDigest {
    /// The name without the digest.
    fn repository(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }

    /// Of an image's names, the one under which a container was started, or else the first.
    pub fn choose(digests: &[Self], image: &str) -> Option<Self> {
        // A tag has no slash, the port of a registry has one behind it.
        let name = match image.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            Some(_) | None => image,
        };
        let name = name.split('@').next().unwrap_or_default();
        let is_it = |digest: &&Self| {
            let repository = digest.repository();
            repository == name || repository.strip_suffix(name).is_some_and(|before| before.ends_with('/'))
        };
        digests.iter().find(is_it).or_else(|| digests.first()).cloned()
    }
}

/// The text is no name and digest of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of an image, @sha256: and {DIGITS} lower-case hexadecimal digits")]
pub struct ImageDigestError;

impl FromStr for ImageDigest {
    type Err = ImageDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
        let is_name = |name: &str| {
            let starts_well = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
            starts_well && name.len() <= LONGEST_NAME && name.bytes().all(is_plain)
        };
        match text.split_once("@sha256:") {
            Some((name, digest)) if is_name(name) && is_id(digest) => Ok(Self(text.to_owned())),
            Some(_) | None => Err(ImageDigestError),
        }
    }
}

/// The text is no id of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be sha256: and {DIGITS} lower-case hexadecimal digits")]
pub struct ImageIdError;

impl FromStr for ImageId {
    type Err = ImageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.strip_prefix("sha256:").is_some_and(is_id) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ImageIdError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was sent to Docker when ids were any text.
    const HOSTILE: [&str; 12] = [
        "",
        "victim",
        "victim/kill?x=",
        "../info#",
        "../build?remote=http://127.0.0.1/Dockerfile",
        "..%2finfo",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd/e",
        "٠123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd",
    ];

    #[test]
    fn only_sixty_four_digits_are_an_id() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(id.parse::<ContainerId>().unwrap().as_str(), id);
        assert_eq!(id.parse::<ExecId>().unwrap().as_str(), id);
        assert_eq!(format!("sha256:{id}").parse::<ImageId>().unwrap().to_string(), format!("sha256:{id}"));
        for text in HOSTILE {
            assert_eq!(text.parse::<ContainerId>(), Err(IdError), "{text}");
            assert_eq!(text.parse::<ExecId>(), Err(IdError), "{text}");
            assert_eq!(format!("sha256:{text}").parse::<ImageId>(), Err(ImageIdError), "{text}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<ContainerId>(&json).is_err(), "{text}");
        }
        for name in [id.as_str(), "postgres:17", &format!("sha512:{id}"), &format!("sha256:{id}/json?x=")] {
            assert_eq!(name.parse::<ImageId>(), Err(ImageIdError), "{name}");
        }
    }

    #[test]
    fn an_image_is_pulled_by_a_name_that_does_nothing_else() {
        let id = "0123456789abcdef".repeat(4);
        let digest = |name: &str| format!("{name}@sha256:{id}").parse::<ImageDigest>();
        for name in ["postgres", "registry.example:5000/team/db", "docker.io/library/postgres", "a__b-c"] {
            assert_eq!(digest(name).unwrap().repository(), name);
        }
        for name in ["", "-x", "a b", "a;b", "a$(b)", "a`b", "../a b", "a\n", "é", &"x".repeat(256)] {
            assert_eq!(digest(name), Err(ImageDigestError), "{name}");
        }
        for text in HOSTILE {
            assert!(format!("postgres@sha256:{text}").parse::<ImageDigest>().is_err(), "{text}");
        }
        let all = [digest("mirror:5000/x").unwrap(), digest("docker.io/library/postgres").unwrap()];
        for (image, chosen) in [
            ("postgres:17", 1),
            ("postgres", 1),
            ("mirror:5000/x", 0),
            ("mirror:5000/x:1", 0),
            ("other:1", 0),
        ] {
            assert_eq!(ImageDigest::choose(&all, image).as_ref(), Some(&all[chosen]), "{image}");
        }
        assert_eq!(ImageDigest::choose(&[], "postgres"), None);
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        for name in ["shop-db-1", "a", "0", "A_b.c", "shop..db", &"x".repeat(255)] {
            assert_eq!(name.parse::<ContainerName>().unwrap().as_str(), name);
        }
        for name in [
            "",
            ".",
            "..",
            "-x",
            "_x",
            "a/b",
            "a?b",
            "a#b",
            "a%2fb",
            "a b",
            "ä",
            "a\n",
            "a\0",
            &"x".repeat(256),
        ] {
            assert_eq!(name.parse::<ContainerName>(), Err(ContainerNameError), "{name}");
        }
    }
}
