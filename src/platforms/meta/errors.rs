//! Meta's error codes, decided by code and subcode, never by text or HTTP status.

use std::ops::RangeInclusive;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::usage::{decay, regain};
use super::wire::Failure;
use crate::platforms::PlatformError;
use crate::platforms::call::{Fault, Reach, Remedy};
use crate::platforms::http::Reply;
use crate::platforms::limits::{Pot, Wait};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const APP: Reach = Reach::Pot(Pot::App);
const ACCOUNT: Reach = Reach::Pot(Pot::Account);
const MANAGEMENT: Reach = Reach::Pot(Pot::Management);
const REPORTS: Reach = Reach::Pot(Pot::Reports);

/// The body of a success, or what went wrong.
pub(super) fn judge(reply: &Reply) -> Result<Value, Fault> {
    let Some(body) = reply.json() else {
        return Err(match reply.status {
            429 => Fault::quota(Wait::unsaid(MINUTE), ACCOUNT, "HTTP 429 without a reason".to_owned()),
            status => PlatformError::Transient(format!("HTTP {status} without JSON: {}", reply.excerpt())).into(),
        });
    };
    if let Some(error) = body.get("error") {
        let failure: Option<Failure> = serde_json::from_value(error.clone()).ok();
        return Err(failure.map_or_else(
            || PlatformError::Transient(format!("HTTP {}: an error in an unknown form: {}", reply.status, reply.excerpt())).into(),
            |failure| classify(&failure, &reply.headers),
        ));
    }
    match reply.status {
        200..=299 => Ok(body),
        status => Err(PlatformError::Transient(format!("HTTP {status} without an error: {}", reply.excerpt())).into()),
    }
}

/// What a code asks for.
#[derive(Clone, Copy, Debug)]
enum Behaviour {
    /// Ask for less at once.
    Shrink,
    /// Repeat a read; settle a write by reading.
    Repeat,
    /// Wait; whom that stops.
    Throttle(Wait, Reach),
    /// The account's score is used up: wait until it has decayed.
    Score,
    /// A business use case is used up: the headers say when it is free again.
    Regain(Reach),
    /// Ask a person for another token.
    SignIn,
    /// Ask a person for a right.
    Ask,
    /// Advertising is blocked: a person must look.
    Stop,
    /// Advertising policy refuses it.
    Reject,
    /// The object is not there, or not to be seen.
    Missing,
    /// The object is archived or deleted.
    Ended,
    /// The request is wrong and stays wrong.
    GiveUp,
}

/// Which subcodes a rule is about.
#[derive(Clone, Copy, Debug)]
enum Sub {
    /// Whatever it is, or none.
    Any,
    /// None at all.
    None,
    /// One of these.
    Of(&'static [i64]),
    /// One of these, as subcode or as the code itself.
    Either(&'static [i64]),
}

const WHATEVER: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// Every code the contract lists; the first rule that fits decides, and what none fits stays wrong.
const RULES: [(RangeInclusive<i64>, Sub, Behaviour); 38] = [
    (2..=2, Sub::Of(&[1_504_038]), Behaviour::Shrink),
    (100..=100, Sub::Of(&[1_504_018, 1_487_534]), Behaviour::Shrink),
    (1..=1, Sub::Of(&[99]), Behaviour::GiveUp),
    (2..=2, Sub::Of(&[1_504_041, 1_504_042]), Behaviour::GiveUp),
    (1..=2, Sub::Any, Behaviour::Repeat),
    (960..=960, Sub::Any, Behaviour::Repeat),
    // Reports alone are throttled.
    (4..=4, Sub::Of(&[1_504_022, 1_504_039]), Behaviour::Throttle(Wait::unsaid(5 * MINUTE), REPORTS)),
    (4..=4, Sub::Any, Behaviour::Throttle(Wait::unsaid(MINUTE), APP)),
    // The spending limit was changed ten times today.
    (17..=17, Sub::Of(&[1_885_172]), Behaviour::Throttle(Wait::documented(24 * HOUR), Reach::Object)),
    (17..=17, Sub::Any, Behaviour::Score),
    (32..=32, Sub::Any, Behaviour::Throttle(Wait::unsaid(MINUTE), APP)),
    (341..=341, Sub::Any, Behaviour::Throttle(Wait::unsaid(MINUTE), APP)),
    // One ad set's budget was changed four times within the hour.
    (613..=613, Sub::Of(&[1_487_632]), Behaviour::Throttle(Wait::documented(HOUR), Reach::Object)),
    // Too many ads for what the account spends: nothing else waits for it.
    (613..=613, Sub::Of(&[1_487_225]), Behaviour::Throttle(Wait::documented(HOUR), Reach::Object)),
    (613..=613, Sub::Of(&[5_044_001]), Behaviour::Throttle(Wait::unsaid(1), MANAGEMENT)),
    // Without a subcode it is a block for abuse.
    (613..=613, Sub::None, Behaviour::Stop),
    (613..=613, Sub::Any, Behaviour::Score),
    (80_000..=80_000, Sub::Any, Behaviour::Regain(REPORTS)),
    (80_004..=80_004, Sub::Any, Behaviour::Regain(MANAGEMENT)),
    // Use cases that nothing here calls: audiences, pages, catalogues.
    (80_001..=80_014, Sub::Any, Behaviour::Regain(Reach::Object)),
    (102..=102, Sub::Any, Behaviour::SignIn),
    (104..=104, Sub::Any, Behaviour::SignIn),
    // 458 app removed, 459 checkpoint, 460 password changed, 463 expired, 464 unconfirmed, 467 invalid, 492 page role.
    (190..=190, Sub::Any, Behaviour::SignIn),
    (3..=3, Sub::Any, Behaviour::Ask),
    (10..=10, Sub::Any, Behaviour::Ask),
    (200..=299, Sub::Any, Behaviour::Ask),
    (368..=368, Sub::Any, Behaviour::Stop),
    (WHATEVER, Sub::Either(&[1_404_078, 1_404_163, 2_859_015]), Behaviour::Stop),
    (WHATEVER, Sub::Either(&POLICY), Behaviour::Reject),
    (100..=100, Sub::Of(&[33]), Behaviour::Missing),
    (WHATEVER, Sub::Either(&[1_487_056, 1_487_566, 1_885_088]), Behaviour::Ended),
    // Budgets, bids, budget sharing, schedules, audiences, declarations, creatives: what is wrong says the text.
    (WHATEVER, Sub::Either(&WRONG), Behaviour::GiveUp),
    (100..=100, Sub::Any, Behaviour::GiveUp),
    (389..=389, Sub::Any, Behaviour::GiveUp),
    (2_500..=2_500, Sub::Any, Behaviour::GiveUp),
    // The version is retired: this program is to be renewed.
    (2_635..=2_635, Sub::Any, Behaviour::GiveUp),
    (3_018..=3_018, Sub::Any, Behaviour::GiveUp),
    // Internal, without anything of the above.
    (i64::MIN..=-1, Sub::Any, Behaviour::Repeat),
];

/// Codes and subcodes by which advertising policy refuses something.
const POLICY: [i64; 3] = [1_885_183, 2_490_427, 2_490_468];
/// Subcodes of 100 that also come as codes of their own.
const WRONG: [i64; 27] = [
    1_885_272, 1_885_650, 1_885_621, 2_238_055, 1_885_204, 2_490_487, 4_834_011, 4_834_002, 4_834_005, 4_834_006, 4_834_009, 3_858_418, 1_487_033, 1_487_007,
    1_870_227, 1_870_188, 1_870_189, 1_870_199, 3_858_081, 3_858_152, 2_446_509, 2_446_383, 1_815_199, 3_858_258, 1_487_929, 1_885_557, 1_815_629,
];

impl Sub {
    fn fits(self, code: i64, subcode: i64) -> bool {
        match self {
            Self::Any => true,
            Self::None => subcode == 0,
            Self::Of(subcodes) => subcodes.contains(&subcode),
            Self::Either(codes) => codes.contains(&subcode) || codes.contains(&code),
        }
    }
}

fn classify(failure: &Failure, headers: &HeaderMap) -> Fault {
    let number = |loose: &Option<_>| loose.as_ref().and_then(crate::platforms::loose::Loose::integer);
    let (code, subcode) = (number(&failure.code).unwrap_or(0), number(&failure.error_subcode).unwrap_or(0));
    let text = |field: &Option<String>| field.as_deref().map(|text| text.chars().take(300).collect::<String>()).filter(|text| !text.is_empty());
    let said = text(&failure.error_user_msg).or_else(|| text(&failure.message)).unwrap_or_else(|| "no text".to_owned());
    let what = format!("{code}/{subcode}: {said} (fbtrace_id {})", failure.fbtrace_id.as_deref().unwrap_or("none"));
    let message = failure.message.as_deref().unwrap_or_default();
    let rule = RULES.iter().find(|(codes, sub, _)| codes.contains(&code) && sub.fits(code, subcode)).map(|(.., behaviour)| *behaviour);
    // Three things stand in texts alone.
    let behaviour = match rule {
        _ if message.contains("reduce the amount of data") => Behaviour::Shrink,
        _ if code == 100 && message.contains("appsecret_proof") => return PlatformError::Auth(format!("{what}: check the app secret")).into(),
        _ if code == 2_500 && message.to_ascii_lowercase().contains("token") => Behaviour::SignIn,
        Some(behaviour) => behaviour,
        None if failure.is_transient == Some(true) => Behaviour::Repeat,
        None => Behaviour::GiveUp,
    };
    match behaviour {
        Behaviour::Shrink => Fault::from(PlatformError::Transient(what)).with(Remedy::SmallerPage),
        Behaviour::Repeat => PlatformError::Transient(what).into(),
        Behaviour::Throttle(wait, reach) => Fault::quota(wait, reach, what),
        Behaviour::Score => Fault::quota(decay(headers), ACCOUNT, what),
        Behaviour::Regain(reach) => Fault::quota(regain(headers, reach).unwrap_or(Wait::unsaid(5 * MINUTE)), reach, what),
        Behaviour::SignIn => PlatformError::Auth(what).into(),
        Behaviour::Ask => PlatformError::Permission(what).into(),
        Behaviour::Stop => PlatformError::Permission(format!("{what}: advertising is blocked; a person must look")).into(),
        Behaviour::Reject => PlatformError::Policy(what).into(),
        Behaviour::Missing => PlatformError::NotFound(what).into(),
        Behaviour::Ended => PlatformError::NotFound(format!("{what}: archived or deleted")).into(),
        Behaviour::GiveUp => PlatformError::Validation(what).into(),
    }
}

/// Whether a code or subcode says that advertising policy refused something.
pub(super) fn is_policy(code: i64) -> bool {
    POLICY.contains(&code)
}
