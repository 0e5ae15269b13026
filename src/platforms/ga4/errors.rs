//! GA4's errors: Google's form, the HTTP status says what it is.

use serde_json::Value;

use super::quota::{Bucket, bucket};
use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;
use crate::platforms::limits::Wait;

/// The body of a success, or what went wrong.
pub(super) fn judge(reply: &Reply) -> Result<Value, Fault> {
    let body = reply.json();
    let error = body.as_ref().and_then(|body| body.get("error"));
    if let (200..300, Some(body), None) = (reply.status, &body, error) {
        return Ok(body.clone());
    }
    let text = |name: &str| error.and_then(|error| error.get(name)?.as_str()).unwrap_or_default();
    let said: String = if error.is_some() { text("message").chars().take(300).collect() } else { reply.excerpt() };
    let reasons = error.and_then(|error| error.get("details")?.as_array()).into_iter().flatten();
    let disabled = reasons.filter_map(|detail| detail.get("reason")?.as_str()).any(|reason| reason == "SERVICE_DISABLED");
    let what = format!("HTTP {} {}: {said}", reply.status, text("status"));
    Err(match reply.status {
        401 => Fault::from(PlatformError::Auth(what)).with(Remedy::FreshToken),
        403 if disabled => PlatformError::Permission(format!("the Google Analytics Data API is switched off in this project: {what}")).into(),
        403 => PlatformError::Permission(format!("the signed-in user needs the role Viewer on this property: {what}")).into(),
        404 => PlatformError::NotFound(what).into(),
        429 => {
            // How long is told by nothing but which bucket is empty; the property's client waits until that one is filled again.
            let (wait, remedy) = match bucket(&said) {
                Bucket::Concurrent => (Wait::unsaid(5), Remedy::None),
                Bucket::Hour => (Wait::documented(3_600), Remedy::Later),
                Bucket::Day => (Wait::documented(86_400), Remedy::Later),
            };
            Fault::quota(wait, Reach::Object, what).with(remedy)
        }
        // A success that is none of Google's comes from something on the way.
        200..300 | 408 | 500..=599 => PlatformError::Transient(what).into(),
        _ => PlatformError::Validation(what).into(),
    })
}
