use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::json;
use tokio::net::TcpListener;

use super::{assert_says_nothing, tools, with_every_secret};
use crate::support::s3::ACCESS_KEY;
use crate::support::world::World;

/// What was sent → status and body of the answer.
type Shape = fn(&str) -> (u16, String);

/// A server that answers with everything it was sent, as some do to be helpful, in the given shape.
async fn echo(shape: Shape) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request: Request<Incoming>| async move {
                let (head, body) = request.into_parts();
                let mut sent = format!("{} {}\n", head.method, head.uri);
                for (name, value) in &head.headers {
                    sent.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
                }
                sent.push_str(&String::from_utf8_lossy(&body.collect().await?.to_bytes()));
                let (status, text) = shape(&sent);
                let answer = Response::builder().status(status).header("content-type", "application/xml");
                Ok::<_, hyper::Error>(answer.body(Full::new(Bytes::from(text))).unwrap())
            });
            let connection = async move {
                drop(
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await,
                );
            };
            tokio::spawn(connection);
        }
    });
    endpoint
}

fn xml(code: &str, sent: &str) -> String {
    let sent = sent.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{sent}</Message><AWSAccessKeyId>{ACCESS_KEY}\
         </AWSAccessKeyId><StringToSign>{sent}</StringToSign><Region>{ACCESS_KEY}</Region></Error>"
    )
}

#[tokio::test]
async fn a_store_that_echoes_what_it_was_sent_is_not_quoted() {
    let shapes: [Shape; 15] = [
        |sent| (403, xml("InvalidAccessKeyId", sent)),
        |sent| (403, xml("SignatureDoesNotMatch", sent)),
        |sent| (403, xml("AccessDenied", sent)),
        |sent| (400, xml("ExpiredToken", sent)),
        |sent| (400, xml("AuthorizationHeaderMalformed", sent)),
        |sent| (400, xml("SomethingNew", sent)),
        |sent| (400, xml("", sent)),
        |sent| (400, xml(sent, sent)),
        |sent| (404, xml("NoSuchBucket", sent)),
        |sent| (409, xml("Conflict", sent)),
        |sent| (400, json!({ "error": "refused", "sent": sent }).to_string()),
        |sent| (403, json!({ "error": "refused", "sent": sent }).to_string()),
        |sent| (400, format!("refused: {sent}")),
        |sent| (401, format!("onnect refused: {sent}")),
        |sent| (200, format!("<ListBucketResult><Contents>{sent}</Contents></ListBucketResult>")),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let world = with_every_secret(World::new(tools).await).custom("shop").unset("AWS_PROXY_URL");
        let world = world.set("AWS_ENDPOINT_URL", &echo(shape).await);
        for command in [&["backup"][..], &["list"], &["cat", "shop"], &["prune"]] {
            let ended = world.run(command).await;
            assert_eq!(ended.status, 1, "{number}: {}", ended.stderr);
            assert_says_nothing(&format!("{command:?} with answer {number}"), &ended);
        }
    }
}

/// Credentials that have to be fetched with another secret.
#[tokio::test]
async fn a_token_that_is_changed_for_keys_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "c4n4ry-identity-token").unwrap();
    let token = token.to_str().unwrap();
    let shapes: [Shape; 8] = [
        |sent| (403, xml("AccessDenied", sent)),
        |sent| (403, xml("AccessDenied", sent)),
        |sent| (400, format!("refused: {sent}")),
        |sent| (400, format!("refused: {sent}")),
        |sent| (200, json!(sent).to_string()),
        |sent| (200, json!(sent).to_string()),
        |sent| (200, format!("<AssumeRoleWithWebIdentityResponse>{sent}")),
        |sent| (200, json!({ "AccessKeyId": "c4n4ry-id", "Sent": sent }).to_string()),
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let endpoint = echo(shape).await;
        let bare = World::new(tools).await.custom("shop").set("DUMPCAR_LOG", "trace");
        let bare = bare.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY");
        let (world, source) = match number % 2 {
            0 => (
                bare.set("AWS_WEB_IDENTITY_TOKEN_FILE", token)
                    .set("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")
                    .set("AWS_ENDPOINT_URL_STS", &endpoint)
                    .set("AWS_ALLOW_HTTP", "true"),
                "a web identity",
            ),
            _ => (
                bare.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{endpoint}/credentials"))
                    .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token),
                "a container's token",
            ),
        };
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1, "{source}: {}", ended.stderr);
        assert_says_nothing(source, &ended);
        assert_says_nothing(source, &world.run(&["config"]).await);
    }
}
