use super::*;

/// For each variable a wrong value and what is said about it.
#[test]
fn each_error_names_its_variable_and_the_cure() {
    let wrong = [
        ("DUMPCAR_STORE", "https://s3.example.com/b"),
        ("DUMPCAR_STORE", "s3://-b/x"),
        ("DUMPCAR_STORE", "s3://backups/a//b"),
        ("AWS_ENDPOINT", "minio:9000"),
        ("AWS_ENDPOINT_URL", "ftp://minio"),
        ("AWS_ENDPOINT_URL_S3", "https://user:pass@minio"),
        ("DUMPCAR_S3_PATH_STYLE", "maybe"),
        ("DUMPCAR_S3_STORAGE_CLASS", "cold storage"),
        ("DUMPCAR_S3_SSE", "kms"),
        ("DUMPCAR_S3_SSE_KMS_KEY_ID", "alias/x"),
        ("DUMPCAR_S3_CHECKSUM", "md5"),
        ("DUMPCAR_S3_CA_FILE", "/a\n/b"),
        ("DUMPCAR_UPLOAD_LIMIT", "5"),
        ("DUMPCAR_UPLOAD_LIMIT", "63KiB"),
        ("DUMPCAR_DOWNLOAD_LIMIT", "5Mbit"),
        ("DUMPCAR_S3_MAX_PARTS", "99"),
        ("DUMPCAR_S3_PART_SIZE", "8388608"),
        ("DUMPCAR_S3_PART_SIZE", "4MiB"),
        ("DUMPCAR_SCHEDULE", "daily"),
        ("DUMPCAR_SCHEDULE", "0 0 30 2 *"),
        ("DUMPCAR_SCHEDULE", "every 6"),
        ("DUMPCAR_SCHEDULE", "every 6s"),
        ("TZ", "CET-1CEST"),
        ("DUMPCAR_ON_START", "2"),
        ("DUMPCAR_CATCH_UP", "ja"),
        ("DUMPCAR_JITTER", "90"),
        ("DUMPCAR_VERIFY_SCHEDULE", "sundays"),
        ("DUMPCAR_KEEP_LAST", "-1"),
        ("DUMPCAR_KEEP_LAST", "0"),
        ("DUMPCAR_KEEP_HOURLY", "1.5"),
        ("DUMPCAR_KEEP_DAILY", "14d"),
        ("DUMPCAR_KEEP_WEEKLY", "x"),
        ("DUMPCAR_KEEP_MONTHLY", "99999999999"),
        ("DUMPCAR_KEEP_YEARLY", "x"),
        ("DUMPCAR_KEEP_WITHIN", "3M"),
        ("DUMPCAR_KEEP_WITHIN", "30"),
        ("DUMPCAR_PRUNE", "never"),
        ("DUMPCAR_SHRINK_ALERT", "0.5"),
        ("DUMPCAR_COMPRESSION", "bzip2"),
        ("DUMPCAR_TRANSPORT", "zstd"),
        ("DUMPCAR_PARALLEL", "0"),
        ("DUMPCAR_PARALLEL_DATABASES", "all"),
        ("DUMPCAR_TIMEOUT", "0s"),
        ("DUMPCAR_STALL_TIMEOUT", "soon"),
        ("DUMPCAR_RETRIES", "11"),
        ("DUMPCAR_GROUP", "a\nb"),
        ("DUMPCAR_LABEL_PREFIX", "dumpcar."),
        ("DUMPCAR_DRILL_SCHEDULE", "sundays"),
        ("DUMPCAR_DRILL_MEMORY", "1MiB"),
        ("DUMPCAR_DRILL_DISK", "1MiB"),
        ("DUMPCAR_DRILL_TIMEOUT", "0s"),
        ("DUMPCAR_HELPER_IMAGE", "dumpcar:latest"),
        ("DUMPCAR_SIGNING_KEY", "hunter2"),
        ("DUMPCAR_SIGNING_KEY", include_str!("../../../signing/fixtures/ed25519.pub")),
        ("DUMPCAR_SIGNING_KEY", include_str!("../../../signing/fixtures/encrypted")),
        ("DUMPCAR_SIGNING_KEY", include_str!("../../../signing/fixtures/ecdsa")),
        ("DUMPCAR_SIGNING_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"),
        ("DUMPCAR_TRUSTED_SIGNERS", "# none"),
        ("DUMPCAR_TRUSTED_SIGNERS", include_str!("../../../signing/fixtures/ed25519")),
        ("DUMPCAR_TRUSTED_SIGNERS", "ssh-rsa AAAA"),
        ("DUMPCAR_TRUSTED_SIGNERS", "me namespaces=\"x\" ssh-ed25519 AAAA"),
        ("DUMPCAR_TRUSTED_SIGNERS", "ssh-ed25519 AAAA"),
        ("DUMPCAR_LISTEN", "localhost:8080"),
        ("DUMPCAR_LISTEN_AUTH", "hunter2"),
        ("DUMPCAR_LISTEN_AUTH", "ops:hunter2"),
        ("DUMPCAR_NOTIFY_URLS", "https://hooks.slack.com/hunter2\nfoo://x"),
        ("DUMPCAR_NOTIFY_ON", "errors"),
        ("DUMPCAR_NOTIFY_SECRET", "hunter2"),
        ("DUMPCAR_PING_URL", "hc-ping.com/hunter2"),
        ("DUMPCAR_INSTANCE", "a\tb"),
        ("DUMPCAR_LOG", "verbose"),
        ("DUMPCAR_LOG_FORMAT", "xml"),
        ("DOCKER_HOST", "ssh://host"),
        ("DOCKER_HOST", "npipe://x"),
        ("DOCKER_TLS_VERIFY", "0"),
        ("DOCKER_CERT_PATH", "certs"),
    ];
    let mut lines = String::new();
    for (name, value) in wrong {
        // Later pairs win, so the store is replaced where it is the one to test.
        let text = errors(&[(name, value)]);
        assert!(text.starts_with(&format!("{name}: ")), "{name} {text}");
        lines.push_str(&text);
        lines.push('\n');
    }
    for name in env::NAMES.iter().filter(|name| **name != "HOSTNAME") {
        assert!(wrong.iter().any(|(tested, _)| tested == name), "{name} is not tested");
    }
    insta::assert_snapshot!(lines, @"
    DUMPCAR_STORE: must be s3://bucket/prefix; a server's address belongs into AWS_ENDPOINT_URL
    DUMPCAR_STORE: the bucket must be 3 to 63 lower-case letters, digits, dots or dashes, and start and end with a letter or digit (a server of your own may have others: capitals, underscores, and a tenant before a colon)
    DUMPCAR_STORE: the prefix must be folders of letters, digits and any of _.-=+@,:!() without empty ones, `.` and `..`
    AWS_ENDPOINT: must be a URL that starts with https:// or http://, like https://s3.example.com
    AWS_ENDPOINT_URL: must be a URL that starts with https:// or http://, like https://s3.example.com
    AWS_ENDPOINT_URL_S3: must not contain a user or password
    DUMPCAR_S3_PATH_STYLE: must be true or false
    DUMPCAR_S3_STORAGE_CLASS: must be the name of a storage class, like STANDARD_IA
    DUMPCAR_S3_SSE: must be one of AES256, aws:kms, aws:kms:dsse
    DUMPCAR_S3_SSE_KMS_KEY_ID: needs DUMPCAR_S3_SSE to be aws:kms or aws:kms:dsse
    DUMPCAR_S3_CHECKSUM: must be one of none, sha256, crc64nvme
    DUMPCAR_S3_CA_FILE: has a control character in it, such as the end of a line: a file may end with one, and have no other
    DUMPCAR_UPLOAD_LIMIT: must be a number of bytes per second with its unit, at least 64KiB, like 5MiB; or 0 for no limit
    DUMPCAR_UPLOAD_LIMIT: must be a number of bytes per second with its unit, at least 64KiB, like 5MiB; or 0 for no limit
    DUMPCAR_DOWNLOAD_LIMIT: must be a number of bytes per second with its unit, at least 64KiB, like 5MiB; or 0 for no limit
    DUMPCAR_S3_MAX_PARTS: must be a whole number from 100 to 10000
    DUMPCAR_S3_PART_SIZE: must be a size from 5MiB to 5GiB with its unit, like 16MiB
    DUMPCAR_S3_PART_SIZE: must be a size from 5MiB to 5GiB with its unit, like 16MiB
    DUMPCAR_SCHEDULE: must be five cron fields like `0 23 * * *`, one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, an interval like `every 6h`, or off
    DUMPCAR_SCHEDULE: names a date that never comes, like 30 February
    DUMPCAR_SCHEDULE: the interval needs a unit, like 15m
    DUMPCAR_SCHEDULE: the interval must be at least 1m
    TZ: must be the name of a time zone, like Europe/Berlin or UTC
    DUMPCAR_ON_START: must be true or false
    DUMPCAR_CATCH_UP: must be true or false
    DUMPCAR_JITTER: needs a unit, like 15m
    DUMPCAR_VERIFY_SCHEDULE: must be five cron fields like `0 23 * * *`, one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, an interval like `every 6h`, or off
    DUMPCAR_KEEP_LAST: must be a whole number, like 7
    DUMPCAR_KEEP_LAST: at least one keep rule must be above zero; to keep everything, set DUMPCAR_PRUNE=false
    DUMPCAR_KEEP_HOURLY: must be a whole number, like 7
    DUMPCAR_KEEP_DAILY: must be a whole number, like 7
    DUMPCAR_KEEP_WEEKLY: must be a whole number, like 7
    DUMPCAR_KEEP_MONTHLY: must be a whole number, like 7
    DUMPCAR_KEEP_YEARLY: must be a whole number, like 7
    DUMPCAR_KEEP_WITHIN: has the unit M, which is easily mistaken for minutes (m): use d or w
    DUMPCAR_KEEP_WITHIN: needs a unit, like 15m
    DUMPCAR_PRUNE: must be true or false
    DUMPCAR_SHRINK_ALERT: must be a percentage from 1% to 99%, or off
    DUMPCAR_COMPRESSION: must be auto, xz, xz:0 to xz:9, zstd, zstd:1 to zstd:22, gzip, gzip:1 to gzip:9, or none
    DUMPCAR_TRANSPORT: must be one of auto, on, off, true, false
    DUMPCAR_PARALLEL: must be a whole number from 1 to 64
    DUMPCAR_PARALLEL_DATABASES: must be a whole number from 1 to 16
    DUMPCAR_TIMEOUT: must be at least 1s
    DUMPCAR_STALL_TIMEOUT: must be a length of time, like 90s, 15m, 6h or 30d
    DUMPCAR_RETRIES: must be a whole number from 0 to 10
    DUMPCAR_GROUP: has a control character in it, such as the end of a line: a file may end with one, and have no other
    DUMPCAR_LABEL_PREFIX: must be letters, digits, dots, dashes or underscores, like dumpcar or com.example.dumpcar
    DUMPCAR_DRILL_SCHEDULE: must be five cron fields like `0 23 * * *`, one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, an interval like `every 6h`, or off
    DUMPCAR_DRILL_MEMORY: must be a size of at least 64MiB with its unit, like 2GiB
    DUMPCAR_DRILL_DISK: must be a size of at least 1GiB with its unit, like 50GiB, or off
    DUMPCAR_DRILL_TIMEOUT: must be at least 1s
    DUMPCAR_HELPER_IMAGE: must be sha256: and 64 lower-case hexadecimal digits
    DUMPCAR_SIGNING_KEY: must be an OpenSSH private key (-----BEGIN OPENSSH PRIVATE KEY-----), as `dumpcar keygen` prints it
    DUMPCAR_SIGNING_KEY: is a public key; the private one belongs here, as `dumpcar keygen` prints it
    DUMPCAR_SIGNING_KEY: is encrypted with a passphrase, which nobody could enter; remove it with `ssh-keygen -p -N ''`
    DUMPCAR_SIGNING_KEY: must be an Ed25519 key; make one with `dumpcar keygen` or `ssh-keygen -t ed25519 -N ''`
    DUMPCAR_SIGNING_KEY: is damaged; copy the key again, all lines of it
    DUMPCAR_TRUSTED_SIGNERS: must have a public key, like ssh-ed25519 AAAA… as `dumpcar keygen` prints it
    DUMPCAR_TRUSTED_SIGNERS: is a private key; the public one belongs here, which `ssh-keygen -y` prints
    DUMPCAR_TRUSTED_SIGNERS: key 1 must be an Ed25519 key, like ssh-ed25519 AAAA…
    DUMPCAR_TRUSTED_SIGNERS: key 1 has options (namespaces=, valid-before=, cert-authority), which are not supported; remove them
    DUMPCAR_TRUSTED_SIGNERS: key 1 is damaged; copy it again
    DUMPCAR_LISTEN: must be a port or an IP address with a port, like 8080, 127.0.0.1:8080 or [::]:8080
    DUMPCAR_LISTEN_AUTH: must be a user's name, a colon and a password, like admin:a-long-password
    DUMPCAR_LISTEN_AUTH: is set, and nothing is served: set DUMPCAR_LISTEN, or remove this
    DUMPCAR_NOTIFY_URLS: entry 1 must be like https://hooks.slack.com/services/T…/B…/…; entry 2 has an unknown scheme: paste the https:// URL that the service shows, or write ntfys://, gotifys://, matrixs://, tgram://, pover://, smtps://, alertmanagers:// or apprises:// (docs/notifications.md)
    DUMPCAR_NOTIFY_ON: must be one or several of failure, success, digest, like failure,digest
    DUMPCAR_NOTIFY_SECRET: must be whsec_ and 24 to 64 random bytes in base64: make one with `echo whsec_$(openssl rand -base64 32)`
    DUMPCAR_PING_URL: must be the https:// or http:// URL that the service shows for pings, like https://hc-ping.com/UUID
    DUMPCAR_INSTANCE: has a control character in it, such as the end of a line: a file may end with one, and have no other
    DUMPCAR_LOG: must be one of error, warn, info, debug, trace
    DUMPCAR_LOG_FORMAT: must be one of text, json
    DOCKER_HOST: ssh is not supported: run Dumpcar on that host with its socket mounted, or have the engine listen on tcp://host:2376 with --tlsverify and set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH
    DOCKER_HOST: must be unix:///var/run/docker.sock or tcp://host:2375 (also http://); with TLS tcp://host:2376, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH
    DOCKER_TLS_VERIFY: means yes to Docker's own client whatever its value: set it to 1, or remove it
    DOCKER_CERT_PATH: must be an absolute path
    ");
}
