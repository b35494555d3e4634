//! What the server answers: what the service says, or a fault.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};

use super::{Asked, Server, escaped};
use crate::support::fault::{AnswerBody, BoxError, Cut, Fault, refusal, refusal_in_words};

/// So few on a page that a test needs several.
const UPLOADS_ON_A_PAGE: usize = 3;

pub(super) type Answer = Result<Response<AnswerBody>, BoxError>;

pub(super) async fn answer(server: Arc<Server>, mut request: Request<Incoming>) -> Answer {
    let asked = {
        let mut all = server.asked.lock().unwrap();
        let asked = Asked::new(&request, &all);
        all.push(asked.clone());
        asked
    };
    match (server.fault)(&asked) {
        None => server.serve(&asked, request).await,
        Some(Fault::Answer(status, code)) => refuse(&asked, status, code, request).await,
        Some(Fault::Says(status, code, words)) => {
            drop(request.into_body().collect().await);
            Ok(refusal_in_words(&asked.method, status, code, words))
        }
        Some(Fault::Xml(xml)) => Ok(Response::new(whole(xml))),
        Some(Fault::Headers(headers)) => {
            let mut response = server.serve(&asked, request).await?;
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse()?);
            }
            Ok(response)
        }
        Some(Fault::NoUploads) => Ok(Response::new(whole(list_uploads(&BTreeSet::new(), &asked)))),
        Some(Fault::Over) => {
            let path = server.root.join(asked.key());
            if path.is_file() {
                std::fs::remove_file(path)?;
            }
            server.serve(&asked, request).await
        }
        Some(Fault::DoneBut(status, code)) => {
            let done = server.serve(&asked, request).await?;
            assert!(done.status().is_success(), "{asked:?} was not done: {}", done.status());
            Ok(refusal(&asked.method, status, code))
        }
        Some(Fault::AnswerLost) => {
            server.serve(&asked, request).await?;
            Err("told to lose the answer".into())
        }
        Some(Fault::ResetAfter(bytes)) => {
            let mut taken = 0;
            while taken < bytes
                && let Some(frame) = request.body_mut().frame().await
            {
                taken += frame?.into_data().map_or(0, |data| data.len());
            }
            // What is not read makes the system answer the rest with a reset.
            Err("told to reset".into())
        }
        Some(Fault::CutAfter(bytes)) => {
            let (parts, body) = server.serve(&asked, request).await?.into_parts();
            let whole = body.collect().await?.to_bytes();
            Ok(Response::from_parts(parts, Cut::new(&whole, bytes).boxed_unsync()))
        }
        Some(Fault::Short(bytes)) => {
            let (mut parts, body) = server.serve(&asked, request).await?.into_parts();
            let short = body.collect().await?.to_bytes().slice(..bytes);
            parts.headers.insert("content-length", bytes.into());
            Ok(Response::from_parts(parts, whole(short)))
        }
        Some(Fault::Size(bytes)) => {
            let mut response = server.serve(&asked, request).await?;
            response.headers_mut().insert("content-length", bytes.into());
            Ok(response)
        }
        Some(Fault::SameAgain) => {
            let body = server.last.lock().unwrap()[asked.operation()].clone();
            Ok(Response::new(whole(body)))
        }
        Some(fault @ (Fault::Silence | Fault::DoneInSilence)) => {
            if fault == Fault::DoneInSilence {
                server.serve(&asked, request).await?;
            }
            server.unanswered.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            server.serve(&asked, request).await
        }
    }
}

async fn refuse(asked: &Asked, status: u16, code: &str, request: Request<Incoming>) -> Answer {
    // As S3 does: an answer in the middle of a body would look like a broken connection.
    drop(request.into_body().collect().await);
    Ok(refusal(&asked.method, status, code))
}

fn whole(text: impl Into<Bytes>) -> AnswerBody {
    Full::from(text.into()).map_err(|never| match never {}).boxed_unsync()
}

impl Server {
    fn serve(
        &self,
        asked: &Asked,
        request: Request<Incoming>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        let asked = asked.clone();
        Box::pin(async move {
            match asked.operation() {
                "ListMultipartUploads" => {
                    let page = list_uploads(&self.uploads.lock().unwrap(), &asked);
                    return Ok(Response::new(whole(page)));
                }
                "ListObjects" if self.crowd.get().is_some() => {
                    let page = self.crowd.get().unwrap().page(&asked);
                    return Ok(Response::new(whole(page)));
                }
                // The service itself calls it a lack of rights.
                "AbortMultipartUpload" | "CompleteMultipartUpload" | "UploadPart"
                    if !self.uploads.lock().unwrap().contains(&asked.upload()) =>
                {
                    return refuse(&asked, 404, "NoSuchUpload", request).await;
                }
                _ => {}
            }
            let response = Service::call(&self.service, request).await.map_err(BoxError::from)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            // The service itself does not look at it.
            if let Some(wanted) = &asked.if_match
                && parts.headers.get("etag").is_none_or(|etag| etag != wanted)
            {
                return Ok(refusal(&asked.method, 412, "PreconditionFailed"));
            }
            if parts.status.is_success() {
                self.keep_track(&asked, &body);
                self.last.lock().unwrap().insert(asked.operation(), body.clone());
            }
            // A HEAD has no body, and its length is not that of nothing.
            let body =
                if asked.method == "HEAD" { refusal("HEAD", 200, "").into_body() } else { whole(body) };
            Ok(Response::from_parts(parts, body))
        })
    }

    /// Remembers what was begun, forgets what was ended.
    fn keep_track(&self, asked: &Asked, body: &[u8]) {
        match asked.operation() {
            "CreateMultipartUpload" => {
                let xml = std::str::from_utf8(body).unwrap();
                let id = xml.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
                self.uploads.lock().unwrap().insert((asked.key(), id));
            }
            "CompleteMultipartUpload" | "AbortMultipartUpload" => {
                self.uploads.lock().unwrap().remove(&asked.upload());
            }
            _ => {}
        }
    }
}

fn list_uploads(uploads: &BTreeSet<(String, String)>, asked: &Asked) -> String {
    let prefix = asked.parameter("prefix").unwrap_or_default();
    let marker = asked.parameter("key-marker").map(|key| (key, asked.parameter("upload-id-marker").unwrap()));
    let matching: Vec<_> = uploads
        .iter()
        .filter(|upload| {
            upload.0.starts_with(&prefix) && marker.as_ref().is_none_or(|marker| *upload > marker)
        })
        .collect();
    let page = &matching[..matching.len().min(UPLOADS_ON_A_PAGE)];
    let more = matching.len() > page.len();
    let mut xml = format!("<ListMultipartUploadsResult><IsTruncated>{more}</IsTruncated>");
    if let Some((key, id)) = page.last().filter(|_| more) {
        let key = escaped(key);
        xml += &format!("<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>");
    }
    for (key, id) in page {
        let key = escaped(key);
        xml += &format!(
            "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
        );
    }
    xml + "</ListMultipartUploadsResult>"
}
