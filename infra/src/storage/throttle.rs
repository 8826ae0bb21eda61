//! A store that asks for less: 503 SlowDown, which S3 answers for seconds while it spreads a busy prefix. The AWS library
//! tries again within about three seconds and then not at all, since all calls share one allowance of retries; an upload,
//! whose bytes came once and do not come again, waits longer.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

/// How long. Load balancers end a request in which no byte moves for a minute.
const PATIENCE: Duration = Duration::from_secs(45);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Calls until the store no longer asks for less, or patience ends.
pub(super) async fn patiently<T, E, C>(mut call: impl FnMut() -> C) -> Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata,
    C: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match call().await {
            Err(error) if asks_for_less(&error) && started.elapsed() + pause < PATIENCE => {
                metrics::counter!("storage_throttled_total").increment(1);
                // Not all at the same moment again.
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            answer => return answer,
        }
    }
}

fn asks_for_less<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    matches!(status, Some(429 | 503))
        || ["SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"].contains(&code)
}
