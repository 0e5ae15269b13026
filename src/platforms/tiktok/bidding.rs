//! How TikTok's ad groups bid: lowest cost, a cost cap, the highest value, or a least return. The amount stands at the ad group alone.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

use super::inventory::unit;
use super::raw::{Raw, amount, number};
use crate::domain::change::{Bid, BidStrategy, Bidding};
use crate::domain::money::Currency;
use crate::platforms::PlatformError;
use crate::platforms::loose::{thousandths, units};

/// Every field that says how an ad group bids; a change of the bid sets them all anew.
pub(super) const FIELDS: [&str; 5] = ["bid_type", "bid_price", "conversion_bid_price", "deep_bid_type", "roas_bid"];
/// The goal that is bid for by value.
pub(super) const VALUE: &str = "VALUE";
const CUSTOM: &str = "BID_TYPE_CUSTOM";
const NO_BID: &str = "BID_TYPE_NO_BID";

fn unsupported<T>(what: &str) -> Result<T, PlatformError> {
    Err(PlatformError::Unsupported(what.to_owned()))
}

/// The field that holds the amount, by what is billed.
fn price(billing: &str) -> &'static str {
    if billing == "OCPM" { "conversion_bid_price" } else { "bid_price" }
}

/// How an ad group bids now, as far as our vocabulary says it.
pub(super) fn read(group: &Raw, currency: Currency) -> (Option<BidStrategy>, Option<Bid>) {
    match (group.text("deep_bid_type").as_deref(), group.text("bid_type").as_deref()) {
        (Some("VO_MIN_ROAS"), _) => {
            let roas = group.loose("roas_bid").and_then(|roas| thousandths(&roas)?.to_u32()).filter(|roas| *roas > 0);
            (Some(BidStrategy::TargetRoas), roas.map(Bid::TargetRoasMilli))
        }
        (Some("VO_HIGHEST_VALUE"), _) => (Some(BidStrategy::HighestValue), None),
        (_, Some(NO_BID)) => (Some(BidStrategy::LowestCost), None),
        (_, Some(CUSTOM)) => {
            let field = price(&group.text("billing_event").unwrap_or_default());
            let cap = group.loose(field).and_then(|cap| units(&cap, currency)).filter(|cap| !cap.is_zero());
            (Some(BidStrategy::CostCap), cap.map(Bid::Cap))
        }
        (_, Some(_) | None) => (None, None),
    }
}

/// Whether a strategy is bought by value rather than by result.
pub(super) fn by_value(strategy: BidStrategy) -> bool {
    match strategy {
        BidStrategy::HighestValue | BidStrategy::TargetRoas => true,
        BidStrategy::LowestCost | BidStrategy::CostCap | BidStrategy::BidCap | BidStrategy::TargetCpa => false,
    }
}

/// The strategy's own fields, without an amount: what a campaign that holds the budget says, too.
///
/// # Errors
/// [`PlatformError::Unsupported`] for what TikTok does not have.
pub(super) fn strategy(strategy: BidStrategy) -> Result<Map<String, Value>, PlatformError> {
    let (kind, deep) = match strategy {
        BidStrategy::LowestCost => (NO_BID, None),
        BidStrategy::CostCap => (CUSTOM, None),
        BidStrategy::HighestValue => (NO_BID, Some("VO_HIGHEST_VALUE")),
        BidStrategy::TargetRoas => (CUSTOM, Some("VO_MIN_ROAS")),
        BidStrategy::BidCap => return unsupported("bid strategy: TikTok has no cap on single bids; its cap holds the average cost (cost_cap)"),
        BidStrategy::TargetCpa => return unsupported("bid strategy: TikTok has no target CPA of its own; the cost cap is what holds a cost per result"),
    };
    let mut fields = Map::from_iter([("bid_type".to_owned(), kind.into())]);
    fields.extend(deep.map(|deep| ("deep_bid_type".to_owned(), deep.into())));
    Ok(fields)
}

/// A least return as TikTok takes it: a ratio between 0.01 and 1000.
///
/// # Errors
/// [`PlatformError::Validation`] outside of that.
pub(super) fn roas(milli: u32) -> Result<Value, PlatformError> {
    if (10..=1_000_000).contains(&milli) {
        Ok(number(Decimal::new(milli.into(), 3)))
    } else {
        Err(PlatformError::Validation(format!("a ROAS of {} is outside of 0.01 to 1000", Decimal::new(milli.into(), 3))))
    }
}

/// Strategy and amount of an ad group that is billed by `billing`.
///
/// # Errors
/// [`PlatformError::Unsupported`] for what TikTok does not have, [`PlatformError::Validation`] for an amount that does not fit the strategy.
pub(super) fn group(bidding: Bidding, billing: &str, currency: Currency) -> Result<Map<String, Value>, PlatformError> {
    let mut fields = strategy(bidding.strategy)?;
    match (bidding.strategy, bidding.bid) {
        (BidStrategy::LowestCost | BidStrategy::HighestValue, None) => {}
        (BidStrategy::CostCap, Some(Bid::Cap(cap))) => {
            fields.insert(price(billing).to_owned(), amount(cap, unit(currency))?);
        }
        (BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(milli))) => {
            fields.insert("roas_bid".to_owned(), roas(milli)?);
        }
        (strategy, bid) => return Err(PlatformError::Validation(format!("{strategy:?} does not go with {bid:?} on TikTok"))),
    }
    Ok(fields)
}

/// The strategy that a new amount belongs to; what stands there must be that one.
///
/// # Errors
/// [`PlatformError::Unsupported`] for a target CPA.
pub(super) fn strategy_of(bid: Bid) -> Result<BidStrategy, PlatformError> {
    match bid {
        Bid::Cap(_) => Ok(BidStrategy::CostCap),
        Bid::TargetRoasMilli(_) => Ok(BidStrategy::TargetRoas),
        Bid::TargetCpa(_) => strategy(BidStrategy::TargetCpa).map(|_| BidStrategy::TargetCpa),
    }
}
