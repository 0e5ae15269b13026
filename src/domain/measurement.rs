//! What a measurement beside the platform says of an account, and whether its conversions come first.

use serde::{Deserialize, Serialize};

/// Why the platform's own conversions count although another source is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Second {
    /// It has not answered for too long, or never did.
    Silent,
    /// Too little of the account's traffic is found there.
    Unjoined,
    /// Its days run in another zone, so that days do not compare.
    OtherZone,
    /// It tells revenue in another currency than asked for.
    OtherCurrency,
    /// It withholds figures from the user it is read with.
    Withheld,
    /// All it has is sampled too thinly or lumped together.
    Unfit,
}

impl Second {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Silent => "it does not answer",
            Self::Unjoined => "too little of the account's traffic is found there: are the ads tagged with utm_id?",
            Self::OtherZone => "its days run in another time zone than the account's",
            Self::OtherCurrency => "it tells revenue in another currency than the account's",
            Self::Withheld => "it withholds revenue from the user it is read with",
            Self::Unfit => "its figures are sampled too thinly, or lumped together",
        }
    }
}

/// Which source comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// This one, where it has counted; the platform's own elsewhere.
    First,
    /// The platform's own.
    Second(Second),
}

/// One account's measurement as it stood at one read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// The source its facts are stored under: `ga4:` and the property's id.
    pub source: String,
    /// Whether it comes first.
    pub standing: Standing,
    /// Join rate: the share of the account's clicks, in thousandths, that fall on days for which its campaigns were found there; none without clicks.
    pub joined_permille: Option<u32>,
    /// By how many per cent it counts more (or fewer) conversions than the platform, where that is beyond the bound that is borne.
    pub gap_pct: Option<i64>,
}
