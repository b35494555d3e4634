use super::{
    CUSTOMER_KEY, add_targets, assert_leaves_nothing, assert_says_nothing, tools, with_every_secret,
};
use crate::support::s3::{ACCESS_KEY, SECRET_KEY};
use crate::support::world::World;

#[tokio::test]
async fn secrets_in_files_stay_secret_too() {
    let mut world = with_every_secret(World::new(tools).await);
    add_targets(&world);
    let folder = tempfile::tempdir().unwrap();
    let proxy = world.s3.endpoint.replace("http://", "http://c4n4ry-user:c4n4ry-password@");
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_SESSION_TOKEN", "c4n4ry-session-token"),
        ("AWS_PROXY_URL", &proxy),
        ("AWS_SSE_CUSTOMER_KEY_BASE64", CUSTOMER_KEY),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{value}\n")).unwrap();
        world = world.unset(name).set(&format!("{name}_FILE"), path.to_str().unwrap());
    }
    for command in [&["backup"][..], &["list"], &["config"], &["config", "--json"]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_says_nothing(&command.join(" "), &ended);
    }
    assert_leaves_nothing(&world);
}

/// Whoever forgets that `_FILE` takes a path puts the secret there; others take one variable for another.
#[tokio::test]
async fn a_secret_in_the_wrong_variable_is_not_shown() {
    let names = [
        "DUMPCAR_STORE",
        "DUMPCAR_S3_PATH_STYLE",
        "DUMPCAR_S3_STORAGE_CLASS",
        "DUMPCAR_S3_SSE",
        "DUMPCAR_S3_CHECKSUM",
        "DUMPCAR_S3_MAX_PARTS",
        "DUMPCAR_S3_PART_SIZE",
        "DUMPCAR_SCHEDULE",
        "TZ",
        "DUMPCAR_KEEP_LAST",
        "DUMPCAR_KEEP_WITHIN",
        "DUMPCAR_COMPRESSION",
        "DUMPCAR_TIMEOUT",
        "DUMPCAR_LOG",
        "DUMPCAR_NOTIFY_URLS",
        "DUMPCAR_NOTIFY_ON",
        "DUMPCAR_NOTIFY_SECRET",
        "DUMPCAR_PING_URL",
        "DUMPCAR_SOMETHING_NEW",
        "DOCKER_HOST",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_STS",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_PROXY_URL",
        "AWS_PROXY_CA_CERTIFICATE",
        "AWS_SERVER_SIDE_ENCRYPTION",
        "AWS_SSE_CUSTOMER_KEY_BASE64",
        "AWS_SSE_BUCKET_KEY_ENABLED",
        "AWS_ALLOW_HTTP",
        "AWS_ALLOW_INVALID_CERTIFICATES",
        "AWS_SKIP_SIGNATURE",
        "AWS_UNSIGNED_PAYLOAD",
        "AWS_IMDSV1_FALLBACK",
        "AWS_S3_EXPRESS",
        "AWS_CHECKSUM_ALGORITHM",
        "AWS_CONDITIONAL_PUT",
        "AWS_COPY_IF_NOT_EXISTS",
        "AWS_DISABLE_TAGGING",
        "AWS_REQUEST_PAYER",
        "AWS_TIMEOUT",
        "AWS_CONNECT_TIMEOUT",
        "AWS_READ_TIMEOUT",
        "AWS_POOL_IDLE_TIMEOUT",
        "AWS_POOL_MAX_IDLE_PER_HOST",
        "AWS_HTTP1_ONLY",
        "AWS_HTTP2_MAX_FRAME_SIZE",
        "AWS_DEFAULT_CONTENT_TYPE",
        "AWS_USER_AGENT",
        "AWS_RANDOMIZE_ADDRESSES",
    ];
    for name in names {
        for (name, value) in [
            (name.to_owned(), "c4n4ry-value"),
            (name.to_owned(), "c4n4ry-user:c4n4ry-password@127.0.0.1:9"),
            (format!("{name}_FILE"), "c4n4ry-value"),
        ] {
            let world = World::new(tools).await.custom("shop").unset(&name).set(&name, value);
            for command in ["backup", "config"] {
                let ended = world.run(&[command]).await;
                assert_says_nothing(&format!("{command} with {name}"), &ended);
            }
            assert_leaves_nothing(&world);
        }
    }
    // Addresses with a login in them, where an address belongs.
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://c4n4ry-user:c4n4ry-password@127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/?token=c4n4ry"),
        ("DUMPCAR_STORE", "s3://c4n4ry-user:c4n4ry-password@backups/x"),
        ("DOCKER_HOST", "tcp://c4n4ry-user:c4n4ry-password@127.0.0.1:9"),
    ] {
        let ended = World::new(tools).await.custom("shop").set(name, value).run(&["backup"]).await;
        assert_eq!(ended.status, 2, "{name}: {}", ended.stderr);
        assert_says_nothing(name, &ended);
    }
}
