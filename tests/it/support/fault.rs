//! What an S3 server can do wrong, on demand.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server does not do it, and answers with this status and error code.
    Answer(u16, &'static str),
    /// The server does it, and answers so all the same.
    DoneBut(u16, &'static str),
    /// The server does it, and the connection ends before the answer.
    AnswerLost,
    /// The connection ends after so many bytes of the request's body.
    ResetAfter(usize),
    /// The answer's body ends after so many bytes, and with it the connection.
    CutAfter(usize),
    /// The answer to a HEAD says that the object has this size.
    Size(u64),
    /// There is never an answer.
    Silence,
    /// The server takes its time.
    Late(Duration),
}

impl From<(u16, &'static str)> for Fault {
    fn from((status, code): (u16, &'static str)) -> Self {
        Self::Answer(status, code)
    }
}

/// An error in the form of the S3 protocol.
pub(crate) fn refusal(method: &str, status: u16, code: &str) -> Response<AnswerBody> {
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>told to</Message></Error>");
    let body = match method {
        "HEAD" => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        _ => Full::from(xml).map_err(|never| match never {}).boxed_unsync(),
    };
    Response::builder().status(status).header("content-type", "application/xml").body(body).unwrap()
}

/// A body that breaks off. It promises its full length, as a server does that means to send it.
pub(crate) struct Cut {
    pub(crate) rest: Option<Bytes>,
    pub(crate) promised: u64,
}

impl Body for Cut {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        std::task::Poll::Ready(Some(match self.rest.take() {
            Some(bytes) => Ok(Frame::data(bytes)),
            None => Err("told to break off".into()),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
