//! An error's causes in words.

use crate::causes;

/// An error and its causes, on one line.
pub(super) fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    causes::chain(error).replace('\n', " ")
}

/// The same, cut off: what was read may be quoted in it.
pub(super) fn short(error: &(dyn std::error::Error + 'static)) -> String {
    one_line(error).chars().take(400).collect()
}

/// The last cause, short.
pub(super) fn innermost(error: &object_store::Error) -> String {
    without_answer(&causes::innermost(error).to_string())
}

/// An error's text up to where it begins to quote what the server said. That may be what the server was sent.
pub(super) fn without_answer(text: &str) -> String {
    // Behind the status comes the whole body, whatever it is written in.
    let text = match text.split_once(" status code: ") {
        Some((_, answer)) => {
            format!("it answered {}", answer.split_once(':').map_or(answer, |(status, _)| status))
        }
        None => text.split_once(" error response: ").map_or(text, |(before, _)| before).to_owned(),
    };
    let plain = text.split(['<', '{', '"', '`', '\n']).next().unwrap_or_default();
    plain.trim().trim_end_matches(':').chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_is_left_out_and_why_stays() {
        for (text, shown) in [
            ("Connection refused (os error 111)", "Connection refused (os error 111)"),
            ("invalid peer certificate: UnknownIssuer", "invalid peer certificate: UnknownIssuer"),
            ("Server returned non-2xx status code: 400 Bad Request: key: x", "it answered 400 Bad Request"),
            (
                "Server returned non-2xx status code: 503 Service Unavailable: ",
                "it answered 503 Service Unavailable",
            ),
            ("Server returned error response: <Error>x", "Server returned"),
            ("invalid type: string \"hunter2\", expected a map", "invalid type: string"),
            ("unknown variant `hunter2`", "unknown variant"),
            ("no answer within 120 s", "no answer within 120 s"),
        ] {
            assert_eq!(without_answer(text), shown);
        }
    }
}
