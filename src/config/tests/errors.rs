//! The wording of every error, and what no error may show.

/// Each variable, and what is said of a wrong value of it.
mod variables;

use super::*;
use crate::signing::Signer;

/// What is wrong with these variables besides the store, which is given.
fn errors(pairs: &[(&str, &str)]) -> String {
    load(&[&[STORE], pairs].concat()).unwrap_err().to_string()
}

#[test]
fn every_mistake_is_reported_at_once() {
    insta::assert_snapshot!(load(&[
        ("DUMPCAR_STORE", ""),
        ("DUMPCAR_SHEDULE", "@daily"),
        ("DUMPCAR_SCHEDULE", "0 0 23 * * *"),
        ("DUMPCAR_KEEP_LAST", "seven"),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("TZ", "Berlin"),
    ]).unwrap_err(), @"
    DUMPCAR_SHEDULE: is not a known variable; did you mean DUMPCAR_SCHEDULE?
    DUMPCAR_STORE: is required, like s3://my-bucket/backups
    AWS_ACCESS_KEY_ID: needs AWS_SECRET_ACCESS_KEY as well
    DUMPCAR_SCHEDULE: has 6 cron fields; it takes five (minute, hour, day, month, weekday), without seconds and years
    TZ: must be the name of a time zone, like Europe/Berlin or UTC
    DUMPCAR_KEEP_LAST: must be a whole number, like 7
    ");
}

/// What comes with a value when it was copied, exported or put into a file.
#[test]
fn what_cannot_be_meant_is_refused_before_it_is_used() {
    for (pairs, said) in [
        (
            &[("AWS_ACCESS_KEY_ID", "AKIA\r"), ("AWS_SECRET_ACCESS_KEY_FILE", "/run/secrets/two-lines")][..],
            "AWS_ACCESS_KEY_ID: has a control character in it, such as the end of a line: a file may end with one, and have no other\n\
             AWS_SECRET_ACCESS_KEY: has a control character in it, such as the end of a line: a file may end with one, and have no other\n",
        ),
        (
            &[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "\"s3cret\""), ("TZ", "'UTC'")],
            "AWS_SECRET_ACCESS_KEY: has quotes around it that are part of the value, as in a file for --env-file: remove them\n\
             TZ: has quotes around it that are part of the value, as in a file for --env-file: remove them\n",
        ),
        (
            &[
                ("AWS_ACCESS_KEY_ID", "AKIA "),
                ("AWS_SECRET_ACCESS_KEY", "s3cret"),
                ("DUMPCAR_GROUP", " blue"),
            ],
            "AWS_ACCESS_KEY_ID: has a space at its beginning or its end: remove it\n\
             DUMPCAR_GROUP: has a space at its beginning or its end: remove it\n",
        ),
        (
            &[
                ("AWS_ACCESS_KEY_ID", "AKÏA"),
                ("AWS_SECRET_ACCESS_KEY", "s3 cret"),
                ("AWS_SESSION_TOKEN", "x\n"),
            ],
            "AWS_SESSION_TOKEN: has a control character in it, such as the end of a line: a file may end with one, and have no other\n\
             AWS_ACCESS_KEY_ID: has a character in it that no key has (a space, or one beyond ASCII)\n\
             AWS_SECRET_ACCESS_KEY: has a character in it that no key has (a space, or one beyond ASCII)\n",
        ),
        (
            &[("AWS_REGION", "https://s3.eu-central-1.example.com")],
            "AWS_REGION: must be the name of a region, like eu-central-1; a server's address belongs into AWS_ENDPOINT_URL\n",
        ),
    ] {
        let text = errors(pairs);
        assert_eq!(format!("{}\n", text.trim_end()), said);
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn an_endpoint_that_names_the_bucket_is_refused() {
    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];
    let said = |endpoint, more: &[(&str, &str)]| {
        let pairs = [&[STORE, ("AWS_ENDPOINT_URL", endpoint)], &KEYS[..], more].concat();
        load(&pairs).map_or_else(|errors| errors.to_string(), |_| "ok".to_owned())
    };
    assert_eq!(
        said("https://s3.example.com/backups", &[]),
        "AWS_ENDPOINT_URL: the endpoint already names the bucket backups: set it to https://s3.example.com"
    );
    for path_style in [&[][..], &[("DUMPCAR_S3_PATH_STYLE", "false")]] {
        assert_eq!(
            said("https://backups.fra1.example.com", path_style),
            "AWS_ENDPOINT_URL: the endpoint already names the bucket backups: set it to https://fra1.example.com (or, if that is \
             the server's own name, set DUMPCAR_S3_PATH_STYLE=true)"
        );
    }
    for (endpoint, more) in [
        ("https://backups.fra1.example.com", &[("DUMPCAR_S3_PATH_STYLE", "true")][..]),
        ("http://backups:9000", &[]),
        ("http://backups.internal:9000", &[]),
        ("https://s3.example.com/mybackups", &[]),
        ("https://mybackups.fra1.example.com", &[]),
    ] {
        assert_eq!(said(endpoint, more), "ok", "{endpoint}");
    }
}

#[test]
fn a_bucket_that_no_host_can_be_called_is_asked_for_in_the_path() {
    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];
    for bucket in ["My_Bucket", "tenant:bucket"] {
        let store = format!("s3://{bucket}/x");
        let pairs = [&[("DUMPCAR_STORE", &*store)], &KEYS[..]].concat();
        assert_eq!(
            load(&pairs).unwrap_err().to_string(),
            "DUMPCAR_STORE: no host can have the bucket's name in its own (capitals, underscores, a tenant): set \
             DUMPCAR_S3_PATH_STYLE=true"
        );
        for more in [("DUMPCAR_S3_PATH_STYLE", "true"), ("AWS_ENDPOINT_URL", "http://minio:9000")] {
            assert_eq!(load(&[&pairs[..], &[more]].concat()).unwrap().s3.store.bucket, bucket);
        }
    }
}

#[test]
fn unknown_and_unsupported_names_are_errors() {
    insta::assert_snapshot!(errors(&[
        ("DUMPCAR_KEEP_DAYS", "7"),
        ("DUMPCAR_BUCKET_REGION", "x"),
        ("DUMPCAR_STROE_FILE", "x"),
        ("DUMPCAR_AGE_RECIPIENTS", "age1"),
        ("DUMPCAR_AGE_IDENTITY_FILE", "/run/secrets/age"),
        ("DUMPCAR_NOTIFY_URL", "https://example.com"),
        ("DUMPCAR_NOTIFICATION_URLS", "https://example.com"),
        ("DUMPCAR_TZ", "UTC"),
    ]), @"
    DUMPCAR_AGE_IDENTITY_FILE: is not supported by this version; remove it
    DUMPCAR_AGE_RECIPIENTS: is not supported by this version; remove it
    DUMPCAR_BUCKET_REGION: is not a known variable
    DUMPCAR_KEEP_DAYS: is not a known variable; did you mean DUMPCAR_KEEP_DAILY?
    DUMPCAR_NOTIFICATION_URLS: is not a known variable; did you mean DUMPCAR_NOTIFY_URLS?
    DUMPCAR_NOTIFY_URL: is not a known variable; did you mean DUMPCAR_NOTIFY_URLS?
    DUMPCAR_STROE_FILE: is not a known variable; did you mean DUMPCAR_STORE_FILE?
    DUMPCAR_TZ: is not a known variable; did you mean TZ?
    ");
    // Compose passes `${NOT_SET:-}` as an empty text.
    assert!(load(&[STORE, ("DUMPCAR_LISTEN", ""), ("DUMPCAR_TYPO", ""), ("DUMPCAR_KEEP_LAST", "")]).is_ok());
}

/// Else the next run would not count the backups of the one before.
#[test]
fn whoever_signs_has_to_trust_himself() {
    let own = include_str!("../../signing/fixtures/ed25519.pub");
    let other = Signer::from_seed(&[1; 32]).public_key().to_string();
    let key = ("DUMPCAR_SIGNING_KEY", include_str!("../../signing/fixtures/ed25519"));
    insta::assert_snapshot!(errors(&[key, ("DUMPCAR_TRUSTED_SIGNERS", &other)]), @"DUMPCAR_TRUSTED_SIGNERS: must have the public key of DUMPCAR_SIGNING_KEY, too: else its own backups would not count");
    let both = format!("{other}\n{own}");
    for pairs in
        [&[key, ("DUMPCAR_TRUSTED_SIGNERS", &both)][..], &[("DUMPCAR_TRUSTED_SIGNERS", &other)], &[key]]
    {
        assert!(load(&[&[STORE], pairs].concat()).is_ok());
    }
}

#[test]
fn files_that_cannot_be_used_are_errors() {
    insta::assert_snapshot!(load(&[
        ("DUMPCAR_STORE_FILE", "/run/secrets/nowhere"),
        ("DUMPCAR_GROUP_FILE", "/run/secrets/empty"),
        ("DUMPCAR_INSTANCE_FILE", "/run/secrets/key"),
        ("DUMPCAR_INSTANCE", "both"),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY_FILE", "/run/secrets/mine"),
    ]).unwrap_err(), @"
    AWS_SECRET_ACCESS_KEY_FILE: the file cannot be read (permission denied)
    DUMPCAR_GROUP_FILE: the file is empty
    DUMPCAR_INSTANCE: is set together with DUMPCAR_INSTANCE_FILE; keep one of them
    DUMPCAR_STORE_FILE: the file cannot be read (entity not found)
    ");
}

#[test]
fn aws_variables_that_do_not_fit_together_are_errors() {
    let cases: [&[(&str, &str)]; 11] = [
        &[("AWS_ACCESS_KEY_ID", "x")],
        &[("AWS_SECRET_ACCESS_KEY", "x")],
        &[("AWS_SESSION_TOKEN", "x")],
        &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/x")],
        &[("AWS_ROLE_ARN", "x"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")],
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "x")],
        &[("AWS_PROFILE", "x")],
        &[("AWS_SHARED_CREDENTIALS_FILE", "/x")],
        &[("AWS_CONFIG_FILE", "/x")],
        &[("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")],
        &[
            ("AWS_ENDPOINT", "http://a"),
            ("AWS_ENDPOINT_URL", "http://b"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ],
    ];
    let lines: Vec<String> = cases.iter().map(|pairs| errors(pairs)).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    AWS_ACCESS_KEY_ID: needs AWS_SECRET_ACCESS_KEY as well
    AWS_SECRET_ACCESS_KEY: needs AWS_ACCESS_KEY_ID as well
    AWS_SESSION_TOKEN: needs AWS_ACCESS_KEY_ID as well
    AWS_WEB_IDENTITY_TOKEN_FILE: needs AWS_ROLE_ARN as well
    AWS_ROLE_ARN: needs AWS_WEB_IDENTITY_TOKEN_FILE as well
    AWS_CONTAINER_CREDENTIALS_FULL_URI: needs AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE as well
    AWS_PROFILE: profiles are not supported; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms
    AWS_SHARED_CREDENTIALS_FILE: profiles are not supported; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms
    AWS_CONFIG_FILE: profiles are not supported; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms
    AWS_REGION: differs from AWS_DEFAULT_REGION; keep one of them
    AWS_ENDPOINT: differs from AWS_ENDPOINT_URL; keep one of them
    ");
}

/// Promise P6: a text that is wrong everywhere is put into every variable and its file form, alone and all together.
#[test]
fn no_error_shows_a_value() {
    let canary = "c4n4ry\nhunter2";
    let aws = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_ENDPOINT",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "DUMPCAR_UNKNOWN",
    ];
    let names: Vec<&str> = env::NAMES.iter().copied().chain(aws).collect();
    let check = |pairs: Vec<(String, String)>, content: &str| {
        let result = Config::from_pairs(pairs.clone(), &|_| Ok(content.to_owned()));
        let Err(errors) = result else { return };
        let text = format!("{errors} {errors:?}");
        assert!(!text.contains("c4n4ry") && !text.contains("hunter2"), "{pairs:?}: {text}");
    };
    let all = |suffix: &str| -> Vec<(String, String)> {
        names.iter().map(|name| (format!("{name}{suffix}"), canary.to_owned())).collect()
    };
    for pair in [all(""), all("_FILE")].concat() {
        check(vec![pair], canary);
    }
    check(all(""), canary);
    check(all("_FILE"), canary);
    check([all(""), all("_FILE")].concat(), canary);
    let unreadable = Config::from_pairs(all("_FILE"), &|_| Err(ErrorKind::NotFound.into())).unwrap_err();
    assert!(!unreadable.to_string().contains("c4n4ry"));
}

#[test]
fn every_spelling_of_others_leads_to_a_variable() {
    for (other, own) in env::SPELLINGS {
        let name = format!("DUMPCAR_{other}");
        let wanted = format!("{name}: is not a known variable; did you mean {own}?");
        assert_eq!(errors(&[(&name, "x")]), wanted);
    }
}

/// The server of another provider has no instance whose role it could know; AWS's own endpoints may be meant.
#[test]
fn an_endpoint_wants_keys_unless_it_is_of_aws() {
    assert_eq!(
        errors(&[("AWS_ENDPOINT_URL", "http://garage:3900")]),
        "AWS_ACCESS_KEY_ID: and AWS_SECRET_ACCESS_KEY, or their _FILE forms, are required: the server of the endpoint knows no role of an EC2 instance"
    );
    for own in [
        "https://s3.eu-central-1.amazonaws.com",
        "https://bucket.vpce-1a2b.s3.eu-central-1.vpce.amazonaws.com:443/",
    ] {
        assert!(load(&[STORE, ("AWS_ENDPOINT_URL", own)]).is_ok(), "{own}");
    }
}
