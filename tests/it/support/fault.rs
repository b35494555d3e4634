//! What an S3 server can do wrong, on demand.

use std::pin::Pin;
use std::task::{Context, Poll};
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
    /// The same, in words of its own.
    Says(u16, &'static str, &'static str),
    /// The server does nothing, and answers with this.
    Xml(&'static str),
    /// The server does it, and its answer has these headers as well.
    Headers(&'static [(&'static str, &'static str)]),
    /// A listing of unfinished uploads with none on it.
    NoUploads,
    /// What is there under the key goes first, and nobody is told.
    Over,
    /// The server does it, and answers so all the same.
    DoneBut(u16, &'static str),
    /// The server does it, and the connection ends before the answer.
    AnswerLost,
    /// The connection ends after so many bytes of the request's body.
    ResetAfter(usize),
    /// The answer's body ends after so many bytes, and with it the connection.
    CutAfter(usize),
    /// The answer's body is only so many bytes, and says so.
    Short(usize),
    /// The answer to a HEAD says that the object has this size.
    Size(u64),
    /// The answer is that to the request before of the same operation.
    SameAgain,
    /// There is never an answer, and nothing is done.
    Silence,
    /// The server does it, and there is never an answer.
    DoneInSilence,
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
    refusal_in_words(method, status, code, "told to")
}

pub(crate) fn refusal_in_words(method: &str, status: u16, code: &str, words: &str) -> Response<AnswerBody> {
    // As Garage and AWS name the region that it should have been.
    let region = if code == "AuthorizationHeaderMalformed" { "<Region>garage</Region>" } else { "" };
    let xml = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{words}</Message>{region}</Error>"
    );
    let body = match method {
        "HEAD" => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        _ => Full::from(xml).map_err(|never| match never {}).boxed_unsync(),
    };
    Response::builder().status(status).header("content-type", "application/xml").body(body).unwrap()
}

/// A body that breaks off. It promises its full length, as a server does that means to send it.
pub(crate) struct Cut {
    rest: Option<Bytes>,
    promised: u64,
    is_sent: bool,
}

impl Cut {
    pub(crate) fn new(whole: &Bytes, after: usize) -> Self {
        Self { rest: Some(whole.slice(..after)), promised: whole.len() as u64, is_sent: false }
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(bytes) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        // A server that breaks off before it had time to send anything would not be seen to have begun.
        if !std::mem::replace(&mut self.is_sent, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err("told to break off".into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
