//! TikTok's error codes. HTTP status is 200 on most errors: the envelope's code decides.

use std::time::Duration;

use serde_json::Value;

use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;
use crate::platforms::loose::Loose;

/// The envelope of a success, or what went wrong.
pub(super) fn judge(reply: &Reply) -> Result<Value, Fault> {
    let envelope = reply.json().filter(Value::is_object);
    let code = envelope.as_ref().and_then(|envelope| serde_json::from_value::<Loose>(envelope.get("code")?.clone()).ok()?.integer());
    let (Some(envelope), Some(code)) = (envelope, code) else {
        let what = format!("HTTP {} without an envelope: {}", reply.status, reply.excerpt());
        return Err(match reply.status {
            429 => throttled(1, what),
            _ => PlatformError::Transient(what).into(),
        });
    };
    if code == 0 {
        // Reports say in a header that they were cut short; a missing campaign would read as one that spent nothing.
        return match reply.header("x-tt-ads-throttle") {
            Some(_) => Err(PlatformError::Validation("the report covers only the newest 20000 ids of this account".to_owned()).into()),
            None => Ok(envelope),
        };
    }
    let said: String = envelope.get("message").and_then(Value::as_str).unwrap_or("no text").chars().take(300).collect();
    let id = envelope.get("request_id").and_then(Value::as_str).unwrap_or("none");
    Err(classify(code, format!("{code}: {said} (request_id {id})")))
}

fn throttled(seconds: u64, what: String) -> Fault {
    // Limits are counted by app, over all its accounts.
    Fault { error: PlatformError::Quota { wait: Duration::from_secs(seconds), what }, reach: Reach::App, remedy: Remedy::None }
}

fn classify(code: i64, what: String) -> Fault {
    match code {
        // No wait is announced: the limit of a second is over at once, and that of a minute answers again.
        40_100 => throttled(1, what),
        40_016 | 40_132 | 40_133 | 61_000 => throttled(5, what),
        40_102..=40_105 | 40_110 => PlatformError::Auth(what).into(),
        40_001 | 40_101 | 40_113 | 40_117 | 40_118 | 40_300 | 40_301 | 41_000 => PlatformError::Permission(what).into(),
        40_007 => PlatformError::NotFound(what).into(),
        40_202 => PlatformError::Conflict(what).into(),
        20_001 | 40_200 | 40_201 | 40_700 | 40_901 | 40_902 | 50_000..=52_999 | 60_001 => PlatformError::Transient(what).into(),
        _ => PlatformError::Validation(what).into(),
    }
}
