//! Bids in Meta's words: a strategy where the budget is, its cap at each ad set, a ROAS floor as constraint.

use serde_json::{Value, json};

use super::form::Form;
use super::inventory::unit;
use crate::domain::change::{Bid, BidStrategy, Bidding};
use crate::domain::money::{Currency, Money};
use crate::platforms::PlatformError;
use crate::platforms::loose::{Loose, count_of, times};

/// The goal that counts value.
pub(super) const VALUE: &str = "VALUE";
const AUTOMATIC: &str = "LOWEST_COST_WITHOUT_CAP";
const FLOORED: &str = "LOWEST_COST_WITH_MIN_ROAS";
/// A ROAS of 1 as the constraint counts it; ours is counted in thousandths.
const FLOOR_PER_MILLI: i64 = 10;

fn unsupported<T>(what: &str) -> Result<T, PlatformError> {
    Err(PlatformError::Unsupported(what.to_owned()))
}

/// Meta's word for a strategy.
///
/// # Errors
/// [`PlatformError::Unsupported`] for a target cost, which Meta calls a cost cap.
pub(super) fn word(strategy: BidStrategy) -> Result<&'static str, PlatformError> {
    match strategy {
        BidStrategy::LowestCost | BidStrategy::HighestValue => Ok(AUTOMATIC),
        BidStrategy::CostCap => Ok("COST_CAP"),
        BidStrategy::BidCap => Ok("LOWEST_COST_WITH_BID_CAP"),
        BidStrategy::TargetRoas => Ok(FLOORED),
        BidStrategy::TargetCpa => unsupported("bid strategy target_cpa: Meta keeps an average cost by cost_cap"),
    }
}

/// Whether a strategy goes with an ad set that optimises for value.
pub(super) fn by_value(strategy: BidStrategy) -> bool {
    matches!(strategy, BidStrategy::HighestValue | BidStrategy::TargetRoas)
}

/// A cap in the smallest unit.
///
/// # Errors
/// [`PlatformError::Validation`] when it is no whole number of them or nothing.
pub(super) fn cap(amount: Money, currency: Currency) -> Result<i64, PlatformError> {
    match count_of(unit(currency), amount)? {
        cap if cap > 0 => Ok(cap),
        _ => Err(PlatformError::Validation(format!("a bid of {amount} buys nothing"))),
    }
}

/// The amount a strategy goes with, as the ad set's fields; without one for a strategy that has none.
///
/// # Errors
/// [`PlatformError::Validation`] when strategy and bid do not go together, [`PlatformError::Unsupported`] for what Meta has not.
pub(super) fn amount(bidding: Bidding, currency: Currency, form: Form) -> Result<Form, PlatformError> {
    word(bidding.strategy)?;
    match (bidding.strategy, bidding.bid) {
        (BidStrategy::LowestCost | BidStrategy::HighestValue, None) => Ok(form),
        (BidStrategy::CostCap | BidStrategy::BidCap, Some(Bid::Cap(amount))) => Ok(form.with("bid_amount", cap(amount, currency)?.to_string())),
        (BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(milli))) => Ok(form.json("bid_constraints", &json!({ "roas_average_floor": floor(milli) }))),
        (strategy, bid) => Err(PlatformError::Validation(format!("{strategy:?} does not go with {bid:?}"))),
    }
}

fn floor(milli: u32) -> i64 {
    i64::from(milli) * FLOOR_PER_MILLI
}

/// The strategy that goes with a bid, where the standing one is known by its word.
///
/// # Errors
/// [`PlatformError::Validation`] when the standing strategy takes no such bid.
pub(super) fn strategy_for(bid: Bid, standing: Option<BidStrategy>) -> Result<BidStrategy, PlatformError> {
    match (bid, standing) {
        (Bid::Cap(_), Some(strategy @ (BidStrategy::CostCap | BidStrategy::BidCap))) => Ok(strategy),
        (Bid::TargetRoasMilli(_), Some(BidStrategy::TargetRoas)) => Ok(BidStrategy::TargetRoas),
        (Bid::TargetCpa(_), _) => unsupported("bid target_cpa: Meta keeps an average cost by a cap under the strategy cost_cap"),
        (bid, standing) => Err(PlatformError::Validation(format!("{bid:?} does not go with {standing:?}: change the strategy first"))),
    }
}

/// The strategy of a node by its word and, at an ad set, its goal; `None` for one that is not ours to set.
pub(super) fn strategy(word: Option<&str>, goal: Option<&str>) -> Option<BidStrategy> {
    match word? {
        AUTOMATIC if goal == Some(VALUE) => Some(BidStrategy::HighestValue),
        AUTOMATIC => Some(BidStrategy::LowestCost),
        "COST_CAP" => Some(BidStrategy::CostCap),
        "LOWEST_COST_WITH_BID_CAP" => Some(BidStrategy::BidCap),
        FLOORED => Some(BidStrategy::TargetRoas),
        _ => None,
    }
}

/// The bid an ad set has of its own.
///
/// # Errors
/// [`PlatformError::Validation`] beyond the range of money.
pub(super) fn bid(amount: Option<&Loose>, constraints: Option<&Value>, currency: Currency) -> Result<Option<Bid>, PlatformError> {
    if let Some(cap) = amount.and_then(Loose::integer).filter(|cap| *cap > 0) {
        return Ok(Some(Bid::Cap(times(unit(currency), cap)?)));
    }
    let floor = constraints.and_then(|constraints| constraints["roas_average_floor"].as_i64()).map(|floor| floor / FLOOR_PER_MILLI);
    Ok(floor.and_then(|milli| u32::try_from(milli).ok()).filter(|milli| *milli > 0).map(Bid::TargetRoasMilli))
}
