//! What `README.txt` in the bucket says, to people who may never have heard of Dumpcar.

use percent_encoding::utf8_percent_encode;

use super::key::UNRESERVED;

const TEXT: &str = include_str!("readme.txt");

/// No text of Dumpcar's is longer, of whatever version.
pub const LARGEST: u64 = 64 * 1024;

/// The text for the folder `prefix` of a bucket, which has no slash at its ends.
///
/// It depends on nothing else: all hosts that share a bucket write the same.
pub fn text(bucket: &str, prefix: &str) -> String {
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    TEXT.replace("{bucket}", bucket).replace("{escaped}", &escaped(&folder)).replace("{folder}", &folder)
}

/// As the value of a parameter that is signed.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_short_plain_and_complete() {
        let text = text("my-bucket", "prod/db");
        assert!(text.lines().count() <= 40, "{}", text.lines().count());
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 130), "{text}");
        assert!(!["{bucket}", "{folder}", "{escaped}"].iter().any(|place| text.contains(place)), "{text}");
        for part in
            ["s3://my-bucket/prod/db/\n", "'?list-type=2&prefix=prod%2Fdb%2F' |", "s3 /prod/db/TARGET/STAMP/"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_whole_bucket_has_no_prefix() {
        let text = text("my-bucket", "");
        for part in ["s3://my-bucket/\n", "s3://my-bucket/TARGET/", "&prefix=' |", "s3 /TARGET/STAMP/"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
