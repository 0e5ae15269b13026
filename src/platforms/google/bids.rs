//! How a Google campaign bids: which member of its bidding oneof stands for which of our strategies, and where its amount is kept.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::wire;
use crate::domain::change::{Bid, BidStrategy, Bidding};
use crate::domain::entity::Objective;
use crate::domain::money::{Currency, Money};
use crate::platforms::PlatformError;
use crate::platforms::loose::{Loose, count_of};

/// A member of the bidding oneof that this program reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    MaximizeConversions,
    MaximizeConversionValue,
    TargetCpa,
    TargetRoas,
    TargetSpend,
    TargetImpressionShare,
    ManualCpc,
}

impl Scheme {
    const ALL: [Self; 7] = [
        Self::MaximizeConversions,
        Self::MaximizeConversionValue,
        Self::TargetCpa,
        Self::TargetRoas,
        Self::TargetSpend,
        Self::TargetImpressionShare,
        Self::ManualCpc,
    ];

    /// What `biddingStrategyType` says.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::MaximizeConversions => "MAXIMIZE_CONVERSIONS",
            Self::MaximizeConversionValue => "MAXIMIZE_CONVERSION_VALUE",
            Self::TargetCpa => "TARGET_CPA",
            Self::TargetRoas => "TARGET_ROAS",
            Self::TargetSpend => "TARGET_SPEND",
            Self::TargetImpressionShare => "TARGET_IMPRESSION_SHARE",
            Self::ManualCpc => "MANUAL_CPC",
        }
    }

    const fn member(self) -> &'static str {
        match self {
            Self::MaximizeConversions => "maximizeConversions",
            Self::MaximizeConversionValue => "maximizeConversionValue",
            Self::TargetCpa => "targetCpa",
            Self::TargetRoas => "targetRoas",
            Self::TargetSpend => "targetSpend",
            Self::TargetImpressionShare => "targetImpressionShare",
            Self::ManualCpc => "manualCpc",
        }
    }

    /// The field of its amount; manual bids stand at ad groups.
    const fn field(self) -> Option<&'static str> {
        match self {
            Self::MaximizeConversions | Self::TargetCpa => Some("targetCpaMicros"),
            Self::MaximizeConversionValue | Self::TargetRoas => Some("targetRoas"),
            Self::TargetSpend | Self::TargetImpressionShare => Some("cpcBidCeilingMicros"),
            Self::ManualCpc => None,
        }
    }

    /// The field in which an ad group overrides it.
    const fn group_field(self) -> Option<&'static str> {
        match self {
            Self::MaximizeConversions | Self::TargetCpa => Some("targetCpaMicros"),
            Self::MaximizeConversionValue | Self::TargetRoas => Some("targetRoas"),
            Self::ManualCpc => Some("cpcBidMicros"),
            Self::TargetSpend | Self::TargetImpressionShare => None,
        }
    }

    const fn strategy(self, bid: Option<Bid>) -> Option<BidStrategy> {
        match (self, bid) {
            (Self::MaximizeConversions | Self::TargetSpend, None) => Some(BidStrategy::LowestCost),
            (Self::MaximizeConversionValue, None) => Some(BidStrategy::HighestValue),
            (Self::MaximizeConversions | Self::TargetCpa, _) => Some(BidStrategy::TargetCpa),
            (Self::MaximizeConversionValue | Self::TargetRoas, _) => Some(BidStrategy::TargetRoas),
            (Self::TargetSpend | Self::TargetImpressionShare, _) => Some(BidStrategy::BidCap),
            (Self::ManualCpc, _) => None,
        }
    }

    /// The scheme that carries `strategy` for a campaign that bids by `self` now: the member that matches is kept.
    fn toward(self, strategy: BidStrategy) -> Result<Self, PlatformError> {
        Ok(match strategy {
            BidStrategy::LowestCost if matches!(self, Self::TargetSpend | Self::ManualCpc) => Self::TargetSpend,
            BidStrategy::LowestCost => Self::MaximizeConversions,
            BidStrategy::HighestValue => Self::MaximizeConversionValue,
            BidStrategy::BidCap if self == Self::TargetImpressionShare => self,
            BidStrategy::BidCap => Self::TargetSpend,
            BidStrategy::TargetCpa if self == Self::TargetCpa => self,
            BidStrategy::TargetCpa => Self::MaximizeConversions,
            BidStrategy::TargetRoas if self == Self::TargetRoas => self,
            BidStrategy::TargetRoas => Self::MaximizeConversionValue,
            BidStrategy::CostCap => return unsupported("strategy cost_cap: Google holds a mean cost per conversion by target_cpa".to_owned()),
        })
    }
}

/// How a campaign bids now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bids {
    /// `None` for a type this program does not know, or a strategy shared by several campaigns.
    pub(super) scheme: Option<Scheme>,
    /// Its amount.
    pub(super) bid: Option<Bid>,
}

impl Bids {
    /// What the campaign's row says.
    ///
    /// # Errors
    /// [`PlatformError::Validation`] for an amount that is none.
    pub(super) fn of(row: &wire::Campaign, currency: Currency) -> Result<Self, PlatformError> {
        let portfolio = row.bidding_strategy.as_deref().is_some_and(|name| !name.is_empty());
        let kind = row.bidding_strategy_type.as_deref().unwrap_or_default();
        let Some(scheme) = Scheme::ALL.into_iter().find(|scheme| scheme.kind() == kind && !portfolio) else {
            return Ok(Self { scheme: None, bid: None });
        };
        let target = match scheme {
            Scheme::MaximizeConversions => &row.maximize_conversions,
            Scheme::MaximizeConversionValue => &row.maximize_conversion_value,
            Scheme::TargetCpa => &row.target_cpa,
            Scheme::TargetRoas => &row.target_roas,
            Scheme::TargetSpend => &row.target_spend,
            Scheme::TargetImpressionShare => &row.target_impression_share,
            Scheme::ManualCpc => &None,
        };
        let Some(target) = target else { return Ok(Self { scheme: Some(scheme), bid: None }) };
        let bid = match (&target.target_cpa_micros, &target.target_roas, &target.cpc_bid_ceiling_micros) {
            (Some(micros), ..) => money(micros, currency)?.map(Bid::TargetCpa),
            (None, Some(roas), _) => milli(roas)?.map(Bid::TargetRoasMilli),
            (None, None, Some(micros)) => money(micros, currency)?.map(Bid::Cap),
            (None, None, None) => None,
        };
        Ok(Self { scheme: Some(scheme), bid })
    }

    /// How a campaign will bid that is made for `objective`.
    pub(super) fn made(objective: Objective, bidding: Option<Bidding>) -> Self {
        Self { scheme: chosen(objective, bidding).ok().map(|(scheme, _)| scheme), bid: bidding.and_then(|bidding| bidding.bid) }
    }

    /// In our vocabulary; `None` where it cannot say it.
    pub(super) fn bidding(self) -> Option<Bidding> {
        let strategy = self.scheme?.strategy(self.bid)?;
        Some(Bidding { strategy, bid: self.bid })
    }

    /// The scheme, where it is one this program writes.
    ///
    /// # Errors
    /// [`PlatformError::Unsupported`].
    pub(super) fn known(self) -> Result<Scheme, PlatformError> {
        self.scheme.map_or_else(
            || unsupported("bidding: the campaign's strategy is shared by several campaigns or of a type this program does not steer".to_owned()),
            Ok,
        )
    }

    /// The bid an ad group has of its own under this campaign.
    ///
    /// # Errors
    /// [`PlatformError::Validation`] for an amount that is none.
    pub(super) fn of_group(self, group: &wire::AdGroup, currency: Currency) -> Result<Option<Bid>, PlatformError> {
        Ok(match (self.scheme.and_then(Scheme::group_field), &group.target_cpa_micros, &group.target_roas, &group.cpc_bid_micros) {
            (Some("targetCpaMicros"), Some(micros), ..) => money(micros, currency)?.map(Bid::TargetCpa),
            (Some("targetRoas"), _, Some(roas), _) => milli(roas)?.map(Bid::TargetRoasMilli),
            (Some("cpcBidMicros"), .., Some(micros)) => money(micros, currency)?.map(Bid::Cap),
            _ => None,
        })
    }
}

/// The mask and the members that set a campaign's bid within the scheme it bids by.
///
/// # Errors
/// [`PlatformError::Unsupported`] where the scheme takes no such bid, [`PlatformError::Validation`] for an amount out of bounds.
pub(super) fn set(scheme: Scheme, bid: Option<Bid>, currency: Currency) -> Result<(String, Value), PlatformError> {
    let Some(field) = scheme.field() else {
        return unsupported(format!("bid: a campaign that bids by {} keeps its bids at its ad groups", scheme.kind()));
    };
    let mut inner = json!({});
    if let Some(bid) = bid {
        inner[field] = amount(field, bid, currency, scheme)?;
    }
    Ok((format!("{}.{field}", scheme.member()), json!({ scheme.member(): inner })))
}

/// The mask and the member that set an ad group's own bid.
///
/// # Errors
/// As [`set`].
pub(super) fn set_group(scheme: Scheme, bid: Bid, currency: Currency) -> Result<(&'static str, Value), PlatformError> {
    let Some(field) = scheme.group_field() else {
        return unsupported(format!("bid: an ad group has none of its own under {}", scheme.kind()));
    };
    Ok((field, json!({ field: amount(field, bid, currency, scheme)? })))
}

/// The scheme and the bid of `to` for a campaign that bids by `now`.
///
/// # Errors
/// [`PlatformError::Unsupported`] or [`PlatformError::Validation`].
pub(super) fn change(now: Scheme, to: Bidding, currency: Currency) -> Result<(String, Value), PlatformError> {
    let scheme = now.toward(to.strategy)?;
    paired(to)?;
    set(scheme, to.bid, currency)
}

/// The bidding member of a campaign to be made.
///
/// # Errors
/// [`PlatformError::Unsupported`] where the objective or the platform has no such strategy.
pub(super) fn create(objective: Objective, bidding: Option<Bidding>, currency: Currency) -> Result<Value, PlatformError> {
    let (scheme, bidding) = chosen(objective, bidding)?;
    paired(bidding)?;
    let (_, mut member) = set(scheme, bidding.bid, currency)?;
    if scheme == Scheme::TargetImpressionShare {
        member[scheme.member()]["location"] = "ANYWHERE_ON_PAGE".into();
        // Be seen as often as budget and cap allow.
        member[scheme.member()]["locationFractionMicros"] = "1000000".into();
    }
    Ok(member)
}

/// The scheme and the bidding of a campaign to be made for `objective`.
fn chosen(objective: Objective, bidding: Option<Bidding>) -> Result<(Scheme, Bidding), PlatformError> {
    let start = match objective {
        Objective::Conversions => Scheme::MaximizeConversions,
        Objective::Traffic => Scheme::TargetSpend,
        Objective::Awareness => Scheme::TargetImpressionShare,
        Objective::Engagement | Objective::CatalogSales | Objective::Other => return unsupported(format!("objective {objective:?}")),
    };
    let default = if start == Scheme::TargetImpressionShare { BidStrategy::BidCap } else { BidStrategy::LowestCost };
    let bidding = bidding.unwrap_or(Bidding { strategy: default, bid: None });
    let scheme = start.toward(bidding.strategy)?;
    let fits = match start {
        Scheme::MaximizeConversions => scheme != Scheme::TargetSpend,
        Scheme::TargetSpend | Scheme::TargetImpressionShare => scheme == start,
        Scheme::MaximizeConversionValue | Scheme::TargetCpa | Scheme::TargetRoas | Scheme::ManualCpc => false,
    };
    if !fits {
        return unsupported(format!("strategy {:?} with objective {objective:?}", bidding.strategy));
    }
    if scheme == Scheme::TargetImpressionShare && bidding.bid.is_none() {
        return unsupported("objective Awareness without bidding bid_cap and its cap: Google bids for being seen, and wants the most it may bid".to_owned());
    }
    Ok((scheme, bidding))
}

/// A strategy comes with the bid it is made of, and with no other.
fn paired(bidding: Bidding) -> Result<(), PlatformError> {
    match (bidding.strategy, bidding.bid) {
        (BidStrategy::LowestCost | BidStrategy::HighestValue, None)
        | (BidStrategy::TargetCpa, Some(Bid::TargetCpa(_)))
        | (BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(_)))
        | (BidStrategy::BidCap, Some(Bid::Cap(_))) => Ok(()),
        (strategy, bid) => Err(PlatformError::Validation(format!("strategy {strategy:?} does not go with bid {bid:?}"))),
    }
}

fn amount(field: &str, bid: Bid, currency: Currency, scheme: Scheme) -> Result<Value, PlatformError> {
    match (field, bid) {
        ("targetCpaMicros", Bid::TargetCpa(money)) | ("cpcBidCeilingMicros" | "cpcBidMicros", Bid::Cap(money)) => {
            if count_of(currency.minor_unit(), money)? <= 0 {
                return Err(PlatformError::Validation(format!("a bid of {money} is not above zero")));
            }
            Ok(money.micros().to_string().into())
        }
        ("targetRoas", Bid::TargetRoasMilli(milli)) if (10..=1_000_000).contains(&milli) => Ok(json!(f64::from(milli) / 1_000.0)),
        ("targetRoas", Bid::TargetRoasMilli(milli)) => {
            Err(PlatformError::Validation(format!("a target ROAS of {milli} thousandths: Google takes 0.01 to 1000")))
        }
        (_, bid) => unsupported(format!("bid: {} takes {field}, not {bid:?}: change the strategy instead", scheme.kind())),
    }
}

fn money(micros: &Loose, currency: Currency) -> Result<Option<Money>, PlatformError> {
    let micros = micros.integer().ok_or_else(|| PlatformError::Validation(format!("a bid is `{}`: expected micros", micros.0)))?;
    Ok((micros > 0).then(|| Money::from_micros(micros, currency)))
}

fn milli(roas: &Loose) -> Result<Option<u32>, PlatformError> {
    let milli = roas.decimal().and_then(|roas| roas.checked_mul(Decimal::ONE_THOUSAND)?.round().to_u32());
    let milli = milli.ok_or_else(|| PlatformError::Validation(format!("a target ROAS is `{}`: expected a number", roas.0)))?;
    Ok((milli > 0).then_some(milli))
}

fn unsupported<T>(what: String) -> Result<T, PlatformError> {
    Err(PlatformError::Unsupported(what))
}
