//! The least rights Dumpcar needs, as an AWS IAM policy.

use serde_json::{Value, json};

use crate::config::{Config, ServerEncryption};

/// The policy for this bucket and prefix, and no more than the settings in force need.
pub fn policy(config: &Config) -> Value {
    let bucket = format!("arn:aws:s3:::{}", config.s3.store.bucket);
    let prefix = &config.s3.store.prefix;
    let below = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}/*") };
    let mut actions = vec!["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"];
    if config.prune {
        actions.push("s3:DeleteObject");
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
    if config.prune {
        // To find what a killed process left. AWS knows no condition on the prefix for it.
        statements.push(json!({
            "Sid": "Uploads",
            "Effect": "Allow",
            "Action": ["s3:ListBucketMultipartUploads"],
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
    json!({ "Version": "2012-10-17", "Statement": statements })
}
