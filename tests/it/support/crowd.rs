//! A bucket with more objects than the server could list in the time of a test: it goes through all of them for each page.

use std::collections::BTreeMap;

use super::s3::{Asked, escaped};

/// What S3 puts on a page, whatever it is asked for.
const PAGE: usize = 1000;

/// Full keys and sizes.
pub(crate) struct Crowd(BTreeMap<String, u64>);

impl Crowd {
    pub(crate) fn new(objects: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self(objects.into_iter().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The answer to a `ListObjectsV2`. A token is the last key of the page before.
    pub(super) fn page(&self, asked: &Asked) -> String {
        let prefix = asked.parameter("prefix").unwrap_or_default();
        let after = asked.parameter("continuation-token");
        assert_eq!(asked.parameter("delimiter").unwrap_or_default(), "", "all keys are asked for");
        let from = after.clone().unwrap_or_else(|| prefix.clone());
        let mut rest = self.0.range(from..).skip_while(|(key, _)| Some(*key) == after.as_ref());
        let page: Vec<_> =
            rest.by_ref().take_while(|(key, _)| key.starts_with(&prefix)).take(PAGE + 1).collect();
        let is_truncated = page.len() > PAGE;
        let mut xml = format!("<ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>");
        for (key, size) in page.iter().take(PAGE) {
            let key = escaped(key);
            xml += &format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>{size}</Size></Contents>"
            );
        }
        if is_truncated {
            let (last, _) = page[PAGE - 1];
            xml += &format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(last));
        }
        xml + "</ListBucketResult>"
    }
}
