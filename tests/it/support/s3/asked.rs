//! What the server was asked.

use hyper::Request;
use hyper::body::Incoming;

use super::BUCKET;

/// A request as the server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) storage_class: Option<String>,
    pub(crate) token: Option<String>,
    pub(super) if_match: Option<String>,
    /// It is to be refused where something is already.
    pub(crate) is_conditional: bool,
    /// It has a checksum that a server may demand, or is refused because of one that it does not know.
    pub(crate) has_checksum: bool,
    /// The kind of checksum that the parts of an upload are to have.
    pub(crate) checksum_algorithm: Option<String>,
    /// Bytes of its body.
    pub(crate) length: u64,
    /// The how manieth of its operation it is, counted from 1.
    pub(crate) nth: usize,
}

impl Asked {
    /// It is about the text that explains the bucket, which no backup depends on.
    pub(crate) fn is_of_the_readme(&self) -> bool {
        self.path.ends_with("/README.txt")
    }

    /// It is about a run's record, not about a backup.
    pub(crate) fn is_of_a_record(&self) -> bool {
        self.path.contains("/.dumpcar/runs/")
    }

    pub(super) fn new(request: &Request<Incoming>, earlier: &[Self]) -> Self {
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let mut this = Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            storage_class: header("x-amz-storage-class"),
            token: header("x-amz-security-token"),
            if_match: header("if-match"),
            is_conditional: header("if-none-match").is_some(),
            has_checksum: request.headers().keys().any(|name| {
                let name = name.as_str();
                name == "content-md5"
                    || (name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-algorithm")
            }),
            checksum_algorithm: header("x-amz-checksum-algorithm"),
            length: header("content-length").map_or(0, |length| length.parse().unwrap()),
            nth: 0,
        };
        let (operation, of_readme) = (this.operation(), this.is_of_the_readme());
        let alike = |asked: &&Self| asked.operation() == operation && asked.is_of_the_readme() == of_readme;
        this.nth = 1 + earlier.iter().filter(alike).count();
        this
    }

    pub(crate) fn key(&self) -> String {
        decoded(self.path.trim_start_matches(&format!("/{BUCKET}/")))
    }

    pub(crate) fn is_manifest(&self) -> bool {
        self.path.ends_with("/manifest.json")
    }

    /// The key and the id of the upload it is about.
    pub(crate) fn upload(&self) -> (String, String) {
        (self.key(), self.parameter("uploadId").unwrap())
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(other, _)| *other == name).map(|(_, value)| decoded(value))
    }

    /// The operation in one word, as the S3 protocol calls it.
    pub(crate) fn operation(&self) -> &'static str {
        let has = |name: &str| {
            self.query.split('&').any(|pair| pair == name || pair.starts_with(&format!("{name}=")))
        };
        match self.method.as_str() {
            "POST" if has("uploads") => "CreateMultipartUpload",
            "POST" if has("uploadId") => "CompleteMultipartUpload",
            "PUT" if has("uploadId") => "UploadPart",
            "PUT" => "PutObject",
            "DELETE" if has("uploadId") => "AbortMultipartUpload",
            "DELETE" => "DeleteObject",
            "HEAD" => "HeadObject",
            "GET" if has("uploads") => "ListMultipartUploads",
            "GET" if has("list-type") => "ListObjects",
            "GET" => "GetObject",
            _ => "other",
        }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
