//! What S3 servers refuse, provider by provider.
//!
//! Each is the server in process, with the answers that the provider is documented or was seen to give to what Dumpcar sends.
//! Where nothing is known, it answers as AWS does. It is no proof that the provider works, but that what is known of it does.

use std::collections::HashMap;
use std::sync::Mutex;

use super::fault::Fault;
use super::s3::{Asked, FakeS3};

/// A provider, or a kind of bucket there.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) peculiarities: &'static [Peculiarity],
}

/// One thing that a provider does in its own way.
pub(crate) struct Peculiarity {
    /// What Dumpcar sends, and what comes back.
    pub(crate) what: &'static str,
    /// What Dumpcar does then.
    pub(crate) then: &'static str,
    /// Who says so.
    pub(crate) source: &'static str,
    when: When,
}

#[derive(Clone, Copy)]
enum When {
    /// A write that must not replace another one is refused.
    Condition(u16, &'static str, &'static str),
    /// Such a write is done, whatever is there.
    ConditionIgnored,
    /// What is written without a checksum is refused, and a part with one in an upload begun without.
    NoChecksum,
    /// What is written with a checksum is refused.
    Checksum,
    /// Parts of several sizes cannot be put together.
    UnequalParts,
    /// A listing of unfinished uploads takes a prefix for a key in full.
    NoUploadsBelow,
    /// There is no such listing.
    NoUploads(u16, &'static str),
    /// The bucket must not be in the path.
    PathStyle,
    /// There are no more parts than so many.
    Parts(u32),
}

const NOT_IMPLEMENTED: &str = "A header you provided implies functionality that is not implemented.";

pub(crate) const PROVIDERS: &[Provider] = &[
    Provider { name: "AWS", peculiarities: &[] },
    Provider {
        name: "AWS, a bucket with Object Lock",
        peculiarities: &[Peculiarity {
            what: "400 `InvalidRequest` to what is written without a checksum",
            then: "sends SHA-256 with everything from then on",
            source: "https://github.com/s3tools/s3cmd/issues/1436, https://github.com/versity/versitygw/issues/1776",
            when: When::NoChecksum,
        }],
    },
    Provider {
        name: "Cloudflare R2",
        peculiarities: &[Peculiarity {
            what: "400 `InvalidPart` to an upload whose parts, but for the last, are not all of one size",
            then: "plans larger parts of one size and uploads it again",
            source: "https://github.com/apache/opendal/issues/2904, https://github.com/cloudflare/cloudflare-docs/pull/9549",
            when: When::UnequalParts,
        }],
    },
    Provider {
        name: "Backblaze B2",
        peculiarities: &[
            Peculiarity {
                what: "501 `NotImplemented` to a write that must not replace another one",
                then: "looks first and writes without the condition from then on",
                source: "https://github.com/sathinduga/obsidian-s3-sync-and-backup/issues/78",
                when: When::Condition(501, "NotImplemented", NOT_IMPLEMENTED),
            },
            Peculiarity {
                what: "400 `InvalidArgument` to a checksum (`DUMPCAR_S3_CHECKSUM`)",
                then: "sends none unless it is told to, and then says that the setting is to go",
                source: "https://github.com/iterate-ch/cyberduck/issues/16107",
                when: When::Checksum,
            },
        ],
    },
    Provider { name: "Wasabi", peculiarities: &[] },
    Provider {
        name: "Scaleway",
        peculiarities: &[Peculiarity {
            what: "no more than 1,000 parts",
            then: "plans for as many from then on, and uploads it again; `DUMPCAR_S3_MAX_PARTS=1000` says so from the start",
            source: "https://github.com/offen/docker-volume-backup/issues/214",
            when: When::Parts(1_000),
        }],
    },
    Provider { name: "DigitalOcean, Hetzner, OVH (Ceph)", peculiarities: &[] },
    Provider {
        name: "Google Cloud Storage",
        peculiarities: &[Peculiarity {
            what: "conditions of another kind: `If-None-Match` has no effect",
            then: "relies on keys that no two runs share",
            source: "https://github.com/apache/opendal/issues/7889",
            when: When::ConditionIgnored,
        }],
    },
    Provider {
        name: "Alibaba OSS",
        peculiarities: &[
            Peculiarity {
                what: "501 `NotImplemented` to a write that must not replace another one",
                then: "looks first and writes without the condition from then on",
                source: "https://github.com/gaul/undocumented-s3-apis/issues/4",
                when: When::Condition(501, "NotImplemented", NOT_IMPLEMENTED),
            },
            Peculiarity {
                what: "403 `SecondLevelDomainForbidden` to a bucket in the path",
                then: "says that `DUMPCAR_S3_PATH_STYLE=false` is the cure",
                source: "https://github.com/peak/s5cmd/issues/518",
                when: When::PathStyle,
            },
        ],
    },
    Provider {
        name: "MinIO",
        peculiarities: &[Peculiarity {
            what: "a listing of unfinished uploads shows those of a key that is given in full only",
            then: "asks once more without a prefix, which shows them all",
            source: "https://github.com/minio/minio/issues/20989, its source, `cmd/erasure-server-pool.go`",
            when: When::NoUploadsBelow,
        }],
    },
    Provider {
        name: "Garage",
        peculiarities: &[Peculiarity {
            what: "`If-None-Match` has no effect",
            then: "relies on keys that no two runs share",
            source: "its source, `src/api/s3/put.rs` of 2.5.0",
            when: When::ConditionIgnored,
        }],
    },
    Provider {
        name: "a server that knows least",
        peculiarities: &[
            Peculiarity {
                what: "400 to a header that it does not know",
                then: "looks first and writes without the condition from then on",
                source: "made up",
                when: When::Condition(400, "UnsupportedHeader", "what is this"),
            },
            Peculiarity {
                what: "405 to a listing of unfinished uploads",
                then: "says that a lifecycle rule has to find them",
                source: "made up",
                when: When::NoUploads(405, "MethodNotAllowed"),
            },
        ],
    },
];

impl Provider {
    /// Whether what a killed run was uploading can be found there.
    pub(crate) fn lists_unfinished_uploads(&self) -> bool {
        !self.peculiarities.iter().any(|one| matches!(one.when, When::NoUploads(..)))
    }

    /// A server like that, which is asked as it wants.
    pub(crate) async fn start(&'static self) -> FakeS3 {
        self.start_with(|when| !matches!(when, When::PathStyle)).await
    }

    /// The same, which minds that the bucket is in the path.
    pub(crate) async fn start_strict(&'static self) -> FakeS3 {
        self.start_with(|_| true).await
    }

    async fn start_with(&'static self, counts: impl Fn(When) -> bool + Send + Sync + 'static) -> FakeS3 {
        let uploads: Mutex<HashMap<String, Upload>> = Mutex::default();
        FakeS3::with_faults(move |asked| {
            let counted = self.peculiarities.iter().filter(|one| counts(one.when));
            counted.map(|one| one.when).find_map(|when| when.answer(asked, &mut uploads.lock().unwrap()))
        })
        .await
    }
}

/// What is known of an upload.
#[derive(Default)]
struct Upload {
    /// Bytes by the number of the part.
    parts: HashMap<u32, u64>,
}

impl When {
    fn answer(self, asked: &Asked, uploads: &mut HashMap<String, Upload>) -> Option<Fault> {
        let is = |operation| asked.operation() == operation;
        let part = || asked.parameter("partNumber").unwrap().parse::<u32>().unwrap();
        let says = |status, code, words| Some(Fault::Says(status, code, words));
        match self {
            Self::Condition(status, code, words) => {
                says(status, code, words).filter(|_| asked.is_conditional)
            }
            Self::ConditionIgnored => asked.is_conditional.then_some(Fault::Over),
            Self::NoChecksum => {
                let is_bare = (is("PutObject") || is("UploadPart")) && !asked.has_checksum;
                // A part with a checksum does not fit into an upload that was begun without.
                let is_begun_so = is("CreateMultipartUpload") && asked.checksum_algorithm.is_none();
                let words = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock \
                             parameters";
                says(400, "InvalidRequest", words).filter(|_| is_bare || is_begun_so)
            }
            Self::Checksum => {
                let words = "Unsupported header 'x-amz-checksum-sha256' received for this API call.";
                says(400, "InvalidArgument", words)
                    .filter(|_| asked.has_checksum || asked.checksum_algorithm.is_some())
            }
            Self::UnequalParts => {
                if is("UploadPart") {
                    let upload = uploads.entry(asked.parameter("uploadId").unwrap()).or_default();
                    upload.parts.insert(part(), asked.length);
                }
                if !is("CompleteMultipartUpload") {
                    return None;
                }
                let upload = uploads.remove(&asked.parameter("uploadId").unwrap())?;
                let last = *upload.parts.keys().max()?;
                let mut sizes =
                    upload.parts.iter().filter(|(number, _)| **number != last).map(|(_, size)| size);
                let first = sizes.next()?;
                let is_equal = sizes.all(|size| size == first);
                says(400, "InvalidPart", "All non-trailing parts must have the same length.")
                    .filter(|_| !is_equal)
            }
            Self::NoUploadsBelow => {
                let prefix = asked.parameter("prefix").unwrap_or_default();
                (is("ListMultipartUploads") && !prefix.is_empty()).then_some(Fault::NoUploads)
            }
            Self::NoUploads(status, code) => says(status, code, "no").filter(|_| is("ListMultipartUploads")),
            Self::PathStyle => {
                says(403, "SecondLevelDomainForbidden", "Please use virtual hosted style to access.")
            }
            Self::Parts(most) => {
                let words = "Part number must be an integer between 1 and 1000, inclusive";
                says(400, "InvalidArgument", words).filter(|_| is("UploadPart") && part() > most)
            }
        }
    }
}
