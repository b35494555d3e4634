//! How long an answer of the store is awaited.

use std::time::Duration;

/// A request that carries no dump and is not answered by then is not going to be. It covers the client's own retries.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// S3 may take minutes to put ten thousand parts together.
pub(super) const COMPLETE_LIMIT: Duration = Duration::from_secs(600);

/// Awaits an answer within `limit`: the client itself waits for ever.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, object_store::Error>>,
) -> Result<T, object_store::Error> {
    match tokio::time::timeout(limit, answer).await {
        Ok(result) => result,
        Err(_) => Err(object_store::Error::Generic {
            store: "S3",
            source: format!("no answer within {} s", limit.as_secs()).into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_answered_ends() {
        let error = within(ANSWER_LIMIT, std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert!(error.to_string().contains("no answer within 120 s"), "{error}");
    }
}
