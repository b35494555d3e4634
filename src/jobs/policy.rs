//! The least rights Dumpcar needs, as an AWS IAM policy, and the rules of a bucket that removes by itself what Dumpcar cannot.

use serde_json::{Value, json};

use crate::config::{Config, ServerEncryption};

/// What nobody may do with keys that cannot destroy, whatever else allows it: delete, end a lock early, or change the bucket so
/// that it would be done for them.
const DESTROYS: [&str; 13] = [
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:BypassGovernanceRetention",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:DeleteBucket",
];

/// How long old versions and the parts of unfinished uploads stay.
const DAYS: u32 = 7;

/// How long backups stay where only the bucket deletes them: their age is all that it knows.
const DAYS_OF_BACKUPS: u32 = 30;

/// The policy for this bucket and prefix, and no more than the settings in force need; without the rights that destroy, if wanted.
pub fn policy(config: &Config, no_delete: bool) -> Value {
    let prunes = config.prune && !no_delete;
    let bucket = format!("arn:aws:s3:::{}", config.s3.store.bucket);
    let prefix = &config.s3.store.prefix;
    let below = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}/*") };
    let mut actions = vec!["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"];
    if prunes {
        // The second one, to say how long a lock keeps what was deleted.
        actions.extend(["s3:DeleteObject", "s3:GetObjectRetention"]);
    }
    let mut statements = vec![
        json!({
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [bucket],
            "Condition": { "StringLike": { "s3:prefix": [below] } },
        }),
        json!({
            "Sid": "Objects",
            "Effect": "Allow",
            "Action": actions,
            "Resource": [format!("{bucket}/{below}")],
        }),
    ];
    if prunes {
        // To find what a killed process left, and whether the bucket removes old versions. AWS knows no condition on the prefix
        // for either.
        statements.push(json!({
            "Sid": "Uploads",
            "Effect": "Allow",
            "Action": ["s3:ListBucketMultipartUploads", "s3:GetLifecycleConfiguration"],
            "Resource": [bucket],
        }));
    }
    if prefix.is_empty() {
        // A condition that allows every prefix would only refuse requests without one.
        if let Some(list) = statements.first_mut().and_then(Value::as_object_mut) {
            list.remove("Condition");
        }
    }
    let kms = matches!(config.s3.encryption, Some(ServerEncryption::Kms | ServerEncryption::KmsDsse));
    if let (true, Some(key)) = (kms, &config.s3.kms_key_id) {
        // Only a full name can stand in a policy; an alias or a bare id is left for the reader to complete.
        let resource =
            if key.starts_with("arn:") { key.clone() } else { format!("arn:aws:kms:*:*:key/{key}") };
        statements.push(json!({
            "Sid": "Encryption",
            "Effect": "Allow",
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": [resource],
        }));
    }
    if no_delete {
        statements.push(json!({
            "Sid": "Never",
            "Effect": "Deny",
            "Action": DESTROYS,
            "Resource": [bucket, format!("{bucket}/*")],
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The statement of the policy that allows one action, and nothing else of it, on one line; `None` if the settings in force need
/// no such action.
pub fn statement(config: &Config, action: &str) -> Option<String> {
    let policy = policy(config, false);
    let statements = policy.get("Statement").and_then(Value::as_array)?;
    let allows = |statement: &&Value| {
        let actions = statement.get("Action").and_then(Value::as_array);
        actions.is_some_and(|actions| actions.iter().any(|one| one == action))
    };
    let found = statements.iter().find(allows)?;
    let condition = found.get("Condition").map(|condition| format!(", \"Condition\": {}", spaced(condition)));
    let resource = found.get("Resource").map(spaced).unwrap_or_default();
    Some(format!(
        "{{ \"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": {resource}{} }}",
        condition.unwrap_or_default()
    ))
}

/// With spaces, at which a line can be broken. No value here has a colon before a quote.
fn spaced(value: &Value) -> String {
    value.to_string().replace("\":", "\": ")
}

/// The bucket's own rules for what is below the prefix: old versions, the markers over them, and parts of uploads that nobody
/// completed go; where Dumpcar deletes nothing, backups as well.
pub fn lifecycle(config: &Config, no_delete: bool) -> Value {
    let prefix = &config.s3.store.prefix;
    let filter = json!({ "Prefix": if prefix.is_empty() { String::new() } else { format!("{prefix}/") } });
    let mut rules = vec![json!({
        "ID": "dumpcar-old-versions",
        "Status": "Enabled",
        "Filter": filter,
        "NoncurrentVersionExpiration": { "NoncurrentDays": DAYS },
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": DAYS },
        // A rule that expires by age cannot say this as well.
        "Expiration": { "ExpiredObjectDeleteMarker": true },
    })];
    if no_delete || !config.prune {
        rules.push(json!({
            "ID": "dumpcar-backups",
            "Status": "Enabled",
            "Filter": filter,
            "Expiration": { "Days": DAYS_OF_BACKUPS },
        }));
    }
    json!({ "Rules": rules })
}
