//! Values as people write them in variables and labels. A problem is worded to follow the name and never repeats the
//! value.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::model::duration;

pub(super) type Parsed<T> = Result<T, String>;

/// Any type of ours that says itself what it accepts.
pub(super) fn own<T: FromStr<Err: fmt::Display>>(text: &str) -> Parsed<T> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// One of a few words, in any case.
pub(super) fn choice<T: Copy>(text: &str, words: &[(&str, T)]) -> Parsed<T> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", words.join(", "))
    })
}

pub(super) fn count(text: &str) -> Parsed<u32> {
    text.parse().map_err(|_| "must be a whole number, like 7".to_owned())
}

pub(super) fn within(text: &str, range: std::ops::RangeInclusive<u32>) -> Parsed<u32> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
}

/// A length of time, zero included.
pub(super) fn span(text: &str) -> Parsed<Duration> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// A time limit: zero would fail every run.
pub(super) fn limit(text: &str) -> Parsed<Duration> {
    let limit = span(text)?;
    if limit < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(limit) }
}

/// A number of bytes with a unit; `MB` is a million, `MiB` is 1,048,576.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.strip_prefix(digits)?.trim();
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// So many bytes in a second; `None` is no limit.
pub(super) fn rate(text: &str) -> Parsed<Option<u64>> {
    const LEAST: u64 = 64 << 10;
    if text == "0" {
        return Ok(None);
    }
    let rate = bytes(text).filter(|rate| *rate == 0 || *rate >= LEAST);
    let rate = rate.ok_or(
        "must be a number of bytes per second with its unit, at least 64KiB, like 5MiB; or 0 for no limit",
    )?;
    Ok(Some(rate).filter(|rate| *rate > 0))
}

/// The number in the largest unit that divides it, to show it.
pub(super) fn show_bytes(size: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(factor, _)| size.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{size} bytes"), |(factor, unit)| format!("{}{unit}", size / factor))
}

/// A zone of the database inside the binary; a leading colon is how POSIX marks such a name.
pub(super) fn time_zone(text: &str) -> Parsed<TimeZone> {
    let name = text.strip_prefix(':').unwrap_or(text);
    let zone = TimeZoneDatabase::bundled().get(name);
    zone.map_err(|_| "must be the name of a time zone, like Europe/Berlin or UTC".to_owned())
}

/// What a label or a log may show on one line.
pub(super) fn plain(text: &str) -> Parsed<String> {
    if text.chars().any(char::is_control) { Err("must be one line".to_owned()) } else { Ok(text.to_owned()) }
}

/// The common beginning of Dumpcar's labels, without the dot after it.
pub(super) fn label_prefix(text: &str) -> Parsed<String> {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let ends_well = |c: char| c.is_ascii_alphanumeric();
    if is_plain && text.starts_with(ends_well) && text.ends_with(ends_well) {
        Ok(text.to_owned())
    } else {
        Err("must be letters, digits, dots, dashes or underscores, like dumpcar or com.example.dumpcar"
            .to_owned())
    }
}

/// The address of an HTTP server, without a slash at its end.
pub(super) fn http_url(text: &str) -> Parsed<String> {
    const WRONG: &str = "must be a URL that starts with https:// or http://, like https://s3.example.com";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(WRONG)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err("must not contain a user or password".to_owned());
    }
    let is_plain =
        rest.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '<' | '>' | '\\'));
    if host.is_empty() || host.starts_with(':') || !is_plain {
        return Err(WRONG.to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// To Docker's client, any value is a yes, "0" and "false" included.
pub(super) fn docker_verify(text: &str) -> Parsed<()> {
    match boolean(text) {
        Ok(false) => {
            Err("means yes to Docker's own client whatever its value: set it to 1, or remove it".to_owned())
        }
        Ok(true) | Err(_) => Ok(()),
    }
}

pub(super) fn absolute_path(text: &str) -> Parsed<String> {
    let path = plain(text)?;
    if path.starts_with('/') { Ok(path) } else { Err("must be an absolute path".to_owned()) }
}

/// Where the Docker daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerHost {
    /// The path of a Unix socket.
    Socket(String),
    /// `host:port` of a daemon or socket proxy that speaks plain HTTP.
    Tcp(String),
}

impl FromStr for DockerHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be unix:///var/run/docker.sock or tcp://host:2375 (also http://); with TLS tcp://host:2376, \
                             DOCKER_TLS_VERIFY and DOCKER_CERT_PATH";
        if text.starts_with("ssh://") {
            return Err(
                "ssh is not supported: run Dumpcar on that host with its socket mounted, or have the engine listen on \
                        tcp://host:2376 with --tlsverify and set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
            );
        }
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') { Ok(Self::Socket(path.to_owned())) } else { Err(WRONG) };
        }
        let address = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://")).ok_or(WRONG)?;
        let address = address.trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').ok_or(WRONG)?;
        let is_plain =
            host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'));
        let is_address = !host.is_empty() && is_plain && port.parse::<u16>().is_ok_and(|port| port > 0);
        if is_address { Ok(Self::Tcp(address.to_owned())) } else { Err(WRONG) }
    }
}

impl fmt::Display for DockerHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{path}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}
