//! Where the backups go: `s3://bucket/prefix`.

use std::fmt;
use std::str::FromStr;

/// A bucket and the beginning of every key in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub bucket: String,
    /// Without a slash at either end; empty for the whole bucket.
    pub prefix: String,
}

/// The text is not a place in a bucket. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    #[error("must be s3://bucket/prefix; a server's address belongs into AWS_ENDPOINT_URL")]
    Scheme,
    #[error(
        "the bucket must be 3 to 63 lower-case letters, digits, dots or dashes, and start and end with a letter or digit \
         (a server of your own may have others: capitals, underscores, and a tenant before a colon)"
    )]
    Bucket,
    #[error(
        "the prefix must be folders of letters, digits and any of _.-=+@,:!() without empty ones, `.` and `..`"
    )]
    Prefix,
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("s3://").ok_or(StoreUrlError::Scheme)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        if !is_bucket(bucket) && !is_bucket_in_a_path(bucket) {
            return Err(StoreUrlError::Bucket);
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_folder) {
            return Err(StoreUrlError::Prefix);
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

fn is_bucket(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|c| is_letter(c) || matches!(c, '.' | '-'))
        && name.starts_with(is_letter)
        && name.ends_with(is_letter)
        && !name.contains("..")
}

/// Names as MinIO, Ceph (`tenant:bucket`), Google's store and the oldest buckets of AWS have them. Only what is asked for in the
/// path of an URL can be called so: no host can
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>,
/// <https://docs.ceph.com/en/latest/radosgw/multitenancy/>).
fn is_bucket_in_a_path(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let part = |part: &str| {
        part.chars().all(|c| is_letter(c) || matches!(c, '.' | '-'))
            && part.starts_with(is_letter)
            && !part.contains("..")
    };
    let (tenant, bucket) =
        name.split_once(':').map_or((None, name), |(tenant, bucket)| (Some(tenant), bucket));
    (3..=255).contains(&bucket.len())
        && part(bucket)
        && tenant.is_none_or(|tenant| tenant.len() <= 255 && part(tenant))
}

/// Only what no S3 client escapes: an escaped prefix would not be the one in the user's policy.
fn is_folder(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-=+@,:!()".contains(c);
    !matches!(name, "" | "." | "..") && name.chars().all(is_plain)
}

impl StoreUrl {
    /// Whether the bucket's name may be part of a host's name.
    pub(super) fn may_be_host(&self) -> bool {
        is_bucket(&self.bucket)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_ends_do_not_count() {
        for (text, bucket, prefix) in [
            ("s3://backups", "backups", ""),
            ("s3://backups/", "backups", ""),
            ("s3://backups//", "backups", ""),
            ("s3://backups/a/b/", "backups", "a/b"),
            ("s3://my.bucket-1/prod", "my.bucket-1", "prod"),
            ("s3://My_Bucket/prod", "My_Bucket", "prod"),
            ("s3://tenant:bucket", "tenant:bucket", ""),
        ] {
            let url = StoreUrl { bucket: bucket.into(), prefix: prefix.into() };
            assert_eq!(text.parse(), Ok(url), "{text}");
        }
    }

    #[test]
    fn each_part_has_its_own_error() {
        for (text, error) in [
            ("https://s3.example.com/backups", StoreUrlError::Scheme),
            ("backups", StoreUrlError::Scheme),
            ("S3://backups", StoreUrlError::Scheme),
            ("s3://", StoreUrlError::Bucket),
            ("s3:///prefix", StoreUrlError::Bucket),
            ("s3://ab", StoreUrlError::Bucket),
            ("s3://a:b:c", StoreUrlError::Bucket),
            ("s3://tenant:", StoreUrlError::Bucket),
            ("s3://-backups", StoreUrlError::Bucket),
            ("s3://back..ups", StoreUrlError::Bucket),
            ("s3://key:secret@backups/x", StoreUrlError::Bucket),
            ("s3://backups/a//b", StoreUrlError::Prefix),
            ("s3://backups/../b", StoreUrlError::Prefix),
            ("s3://backups/a b", StoreUrlError::Prefix),
            ("s3://backups/a?b=c", StoreUrlError::Prefix),
        ] {
            assert_eq!(text.parse::<StoreUrl>(), Err(error), "{text}");
        }
    }
}
