//! TikTok's error codes. HTTP status is 200 on most errors: the envelope's code decides, never its text.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;
use crate::platforms::limits::{Pot, Wait};
use crate::platforms::loose::Loose;

/// What a code asks for.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    /// Wait; limits are counted by app, over all its accounts. TikTok announces no time.
    Throttle(Wait),
    /// Ask a person for another token.
    SignIn,
    /// Ask a person for a right.
    Ask,
    /// Repeat a read; settle a write by reading.
    Repeat,
    /// Somebody edits the object: read again first.
    ReadAgain,
    /// A repeated request: whatever it did stands, and reading shows it.
    Settle,
    /// The object is not there.
    Missing,
    /// The request is wrong and stays wrong.
    GiveUp,
}

/// The code of a rate limit does not say which: that of a second is over at once, that of a minute blocks for about five, and since calls a second
/// are kept back here it is the latter.
const BLOCK: Wait = Wait::documented(300);

/// Every code the contract lists; what is not listed stays wrong.
const CODES: [(RangeInclusive<i64>, Behaviour); 32] = [
    // Done in part: only reading tells which part.
    (20_001..=20_001, Behaviour::Repeat),
    // Wrong parameters, and rules of business: floors, 105 % of the spend, names in use.
    (40_000..=40_000, Behaviour::GiveUp),
    (40_001..=40_001, Behaviour::Ask),
    (40_002..=40_002, Behaviour::GiveUp),
    (40_006..=40_006, Behaviour::GiveUp),
    (40_007..=40_007, Behaviour::Missing),
    (40_016..=40_016, Behaviour::Throttle(Wait::unsaid(5))),
    (40_050..=40_050, Behaviour::Settle),
    (40_051..=40_051, Behaviour::GiveUp),
    (40_061..=40_061, Behaviour::GiveUp),
    (40_100..=40_100, Behaviour::Throttle(BLOCK)),
    (40_101..=40_101, Behaviour::Ask),
    (40_102..=40_105, Behaviour::SignIn),
    (40_110..=40_110, Behaviour::SignIn),
    (40_113..=40_113, Behaviour::Ask),
    (40_117..=40_118, Behaviour::Ask),
    (40_132..=40_133, Behaviour::Throttle(Wait::unsaid(5))),
    (40_200..=40_201, Behaviour::Repeat),
    (40_202..=40_202, Behaviour::ReadAgain),
    (40_300..=40_301, Behaviour::Ask),
    (40_400..=40_400, Behaviour::GiveUp),
    (40_502..=40_502, Behaviour::GiveUp),
    (40_700..=40_700, Behaviour::Repeat),
    // Still being transcoded; the download took too long.
    (40_901..=40_902, Behaviour::Repeat),
    (40_903..=40_903, Behaviour::GiveUp),
    (40_907..=40_907, Behaviour::GiveUp),
    // A file's name is in use: ours carry a mark, so that only an earlier try of the same upload can have taken it.
    (40_911..=40_911, Behaviour::Settle),
    (41_000..=41_000, Behaviour::Ask),
    (41_001..=41_001, Behaviour::GiveUp),
    (50_000..=52_999, Behaviour::Repeat),
    (60_001..=60_001, Behaviour::Repeat),
    (61_000..=61_000, Behaviour::Throttle(Wait::unsaid(5))),
];

/// Reports say in this header that they were cut short.
const CUT_SHORT: &str = "x-tt-ads-throttle";

/// A missing campaign would read as one that spent nothing.
fn cut_short() -> Fault {
    Fault::from(PlatformError::Validation("the report covers only the newest 20000 ids of this account".to_owned())).with(Remedy::SmallerPage)
}

/// Whether the answer is the table of a finished report: text of its own, outside any envelope. A gateway's page of HTML is none.
fn is_table(content_type: &str) -> bool {
    ["text/csv", "text/plain", "application/csv", "application/octet-stream"].iter().any(|kind| content_type.to_ascii_lowercase().starts_with(kind))
}

/// The envelope of a success, the text of a report's table, or what went wrong.
pub(super) fn judge(reply: &Reply) -> Result<Value, Fault> {
    let envelope = reply.json().filter(Value::is_object);
    let code = envelope.as_ref().and_then(|envelope| serde_json::from_value::<Loose>(envelope.get("code")?.clone()).ok()?.integer());
    if envelope.is_none() && reply.status == 200 && reply.header("content-type").is_some_and(is_table) {
        return if reply.header(CUT_SHORT).is_some() { Err(cut_short()) } else { Ok(Value::String(reply.text())) };
    }
    let (Some(envelope), Some(code)) = (envelope, code) else {
        let what = format!("HTTP {} without an envelope: {}", reply.status, reply.excerpt());
        return Err(match reply.status {
            429 => throttled(BLOCK, what),
            _ => PlatformError::Transient(what).into(),
        });
    };
    if code == 0 {
        return if reply.header(CUT_SHORT).is_some() { Err(cut_short()) } else { Ok(envelope) };
    }
    let said: String = envelope.get("message").and_then(Value::as_str).unwrap_or("no text").chars().take(300).collect();
    let id = envelope.get("request_id").and_then(Value::as_str).unwrap_or("none");
    Err(classify(code, format!("{code}: {said} (request_id {id})")))
}

fn throttled(wait: Wait, what: String) -> Fault {
    Fault::quota(wait, Reach::Pot(Pot::App), what)
}

fn classify(code: i64, what: String) -> Fault {
    let behaviour = CODES.iter().find(|(codes, _)| codes.contains(&code)).map_or(Behaviour::GiveUp, |(_, behaviour)| *behaviour);
    match behaviour {
        Behaviour::Throttle(wait) => throttled(wait, what),
        Behaviour::SignIn => PlatformError::Auth(what).into(),
        Behaviour::Ask => PlatformError::Permission(what).into(),
        Behaviour::Repeat => PlatformError::Transient(what).into(),
        Behaviour::ReadAgain => PlatformError::Conflict(what).into(),
        Behaviour::Settle => PlatformError::Unknown(what).into(),
        Behaviour::Missing => PlatformError::NotFound(what).into(),
        Behaviour::GiveUp => PlatformError::Validation(what).into(),
    }
}
