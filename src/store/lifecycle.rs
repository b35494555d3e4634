//! The bucket's lifecycle rules, as far as they remove old versions.

use serde::Deserialize;

use super::bucket::Store;
use super::lister::{Failure, Lister};

/// The answer of `GetBucketLifecycleConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Rule {
    status: Option<String>,
    /// Of old rules, which have no filter.
    prefix: Option<String>,
    filter: Filter,
    noncurrent_version_expiration: Option<Expiration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    prefix: Option<String>,
    /// A rule with one of these is for some objects only.
    tag: Option<Condition>,
    and: Option<Condition>,
    object_size_greater_than: Option<String>,
    object_size_less_than: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Expiration {}

impl Rule {
    /// Whether it removes the old versions of every object below this folder, which ends in a slash, or is empty for the bucket.
    fn removes_versions_of(&self, folder: &str) -> bool {
        let Filter { prefix, tag, and, object_size_greater_than, object_size_less_than } = &self.filter;
        let is_for_some = tag.is_some()
            || and.is_some()
            || object_size_greater_than.is_some()
            || object_size_less_than.is_some();
        let prefix = prefix.as_deref().or(self.prefix.as_deref()).unwrap_or_default();
        self.noncurrent_version_expiration.is_some()
            && self.status.as_deref().is_none_or(|status| status.trim() == "Enabled")
            && !is_for_some
            && folder.starts_with(prefix)
    }
}

fn removes_versions(xml: &str, folder: &str) -> bool {
    let rules: Rules = quick_xml::de::from_str(xml).unwrap_or_default();
    rules.rule.iter().any(|rule| rule.removes_versions_of(folder))
}

impl Store {
    /// Whether a rule that is in force removes the old versions of all that is written here.
    pub(super) async fn removes_versions(&self, lister: &Lister) -> Result<bool, Failure> {
        let xml = lister.ask(&format!("{}?lifecycle=", lister.bucket_url)).await?;
        let root = self.path("");
        let folder = if root.as_ref().is_empty() { String::new() } else { format!("{root}/") };
        Ok(removes_versions(&xml, &folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_for_all_of_it_counts_and_only_while_it_is_in_force() {
        let rule = |inside: &str| {
            format!(
                "<?xml version=\"1.0\"?><LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <Rule><ID>a</ID><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>\
                 <Rule>{inside}</Rule></LifecycleConfiguration>"
            )
        };
        let old =
            "<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration>";
        let on = "<Status>Enabled</Status>";
        for (inside, folder, removes) in [
            (format!("{on}<Filter/>{old}"), "a/b/", true),
            (format!("{on}<Filter><Prefix></Prefix></Filter>{old}"), "", true),
            (format!("{on}<Filter><Prefix>a/</Prefix></Filter>{old}"), "a/b/", true),
            (format!("{on}<Prefix>a/b/</Prefix>{old}"), "a/b/", true),
            (format!("{on}<Filter><Prefix>a/b/c/</Prefix></Filter>{old}"), "a/b/", false),
            (format!("{on}<Prefix>logs/</Prefix>{old}"), "", false),
            (format!("<Status>Disabled</Status><Filter/>{old}"), "a/b/", false),
            (format!("{on}<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>{old}"), "a/b/", false),
            (format!("{on}<Filter><And><Prefix>a/</Prefix></And></Filter>{old}"), "a/b/", false),
            (format!("{on}<Filter/>"), "a/b/", false),
        ] {
            assert_eq!(removes_versions(&rule(&inside), folder), removes, "{inside} {folder}");
        }
        for nothing in ["", "<html>", "<LifecycleConfiguration/>"] {
            assert!(!removes_versions(nothing, ""), "{nothing}");
        }
    }
}
