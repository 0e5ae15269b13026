//! Rows and views as people read them: names, changes in words, figures. Used by the API and by the pages alike.

use chrono::{DateTime, SecondsFormat, Utc};

use super::Admin;
use super::problem::Problem;
use crate::clock::{ProductTime, WallTime};
use crate::domain::change::{Bid, Change};
use crate::domain::entity::EntityKey;
use crate::domain::metrics::Metrics;
use crate::domain::money::Money;
use crate::ledger::DecisionBody;
use crate::store::decision::{Cursor, DecisionRow};
use crate::store::ticket::TicketRow;
use crate::tickets::Content;

/// Rows of a list when nobody says how many, and the most there are at once.
pub(crate) const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 200;

/// What a decision says of itself; none once erased.
pub(crate) fn told(row: &DecisionRow) -> Option<DecisionBody> {
    DecisionBody::of(row).ok()
}

/// What a ticket asks; none when its row cannot be read.
pub(crate) fn asked(row: &TicketRow) -> Option<Content> {
    Content::of(row).ok()
}

/// A change as its two ends, in words.
pub(crate) fn ends(change: &Change) -> (String, String) {
    let bid = |bid: &Bid| match bid {
        Bid::Cap(cap) => format!("bid cap {cap}"),
        Bid::TargetCpa(target) => format!("target CPA {target}"),
        Bid::TargetRoasMilli(milli) => format!("target ROAS {}", rust_decimal::Decimal::new(i64::from(*milli), 3).normalize()),
    };
    match change {
        Change::Budget { from, to, .. } => (from.to_string(), to.to_string()),
        Change::Status { from, to, .. } | Change::PartStatus { from, to, .. } => (from.name().to_owned(), to.name().to_owned()),
        Change::Bid { from, to, .. } => (from.as_ref().map_or_else(|| "none".to_owned(), bid), bid(to)),
        Change::BidStrategy { from, to, .. } => (from.map_or_else(|| "none".to_owned(), |from| format!("{from:?}")), format!("{to:?}")),
        Change::Targeting { from, to, .. } => (format!("{from:?}"), format!("{to:?}")),
        Change::CreateCampaign(draft) => (String::new(), draft.name.clone()),
        Change::CreateAdGroup(draft) => (String::new(), draft.name.clone()),
        Change::CreateCreative(draft) => (String::new(), draft.content.name.clone()),
        Change::CreateAd(draft) => (String::new(), draft.name.clone()),
        Change::UploadMedia(draft) => (String::new(), draft.name.clone()),
    }
}

/// One line of a list of decisions.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) row: DecisionRow,
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) reason: String,
    pub(crate) confidence: Option<f64>,
}

impl Admin {
    /// A decision as a line.
    pub(crate) fn line(&self, row: DecisionRow) -> Line {
        let told = told(&row);
        let (from, to) = told.as_ref().map_or_else(Default::default, |told| ends(&told.settled.wish.change));
        let (reason, confidence) = told.map_or((String::new(), None), |told| (told.settled.wish.reason, Some(told.settled.wish.confidence)));
        Line { name: row.entity.as_ref().map_or_else(|| row.account.to_string(), |key| self.name_of(key)), from, to, reason, confidence, row }
    }

    /// What people call an entity: a campaign's name, or the key while it is not in view.
    pub(crate) fn name_of(&self, key: &EntityKey) -> String {
        let Some(view) = self.control().view(&key.account) else { return key.to_string() };
        if let Some(campaign) = view.campaign(key) {
            return campaign.name.clone();
        }
        let members: Vec<&str> = view.campaigns.iter().filter(|campaign| campaign.budget.key == *key).map(|campaign| campaign.name.as_str()).collect();
        match members.as_slice() {
            [] => key.to_string(),
            [one] => (*one).to_owned(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }
    }
}

impl Admin {
    /// A line for people that speaks of `subject` by its key, with its name instead.
    pub(crate) fn in_names(&self, line: &str, subject: &str) -> String {
        subject.parse().map_or_else(|_| line.to_owned(), |key| line.replace(subject, &self.name_of(&key)))
    }
}

/// Sum of figures; none when currencies mix or nothing is there.
pub(crate) fn sum<'a>(mut figures: impl Iterator<Item = &'a Metrics>) -> Option<Metrics> {
    let first = figures.next()?.clone();
    figures.try_fold(first, |sum, next| sum.checked_add(next).ok())
}

/// An instant as RFC 3339.
pub(crate) fn time(at: ProductTime) -> String {
    at.to_string()
}

/// An instant of the host's clock as RFC 3339.
pub(crate) fn wall(at: WallTime) -> String {
    DateTime::<Utc>::from_timestamp_millis(at.ms()).map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Money in thousands, as pages show it.
pub(crate) fn grouped(money: Money) -> String {
    let text = money.to_string();
    let whole = text.find(['.', ' ']).unwrap_or(text.len());
    let (digits, rest) = text.split_at(whole);
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("\u{2212}", digits));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// A cursor as text.
pub(crate) fn cursor_text(cursor: &Cursor) -> String {
    format!("{}.{}.{}", cursor.at.ms(), cursor.seq, cursor.id)
}

/// Reads a cursor back.
pub(crate) fn cursor(text: Option<&String>) -> Result<Option<Cursor>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let read = |text: &str| {
        let mut parts = text.splitn(3, '.');
        let at = ProductTime::from_ms(parts.next()?.parse().ok()?);
        let seq = parts.next()?.parse().ok()?;
        let id = parts.next().filter(|id| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))?.to_owned();
        Some(Cursor { at, seq, id })
    };
    read(text).map(Some).ok_or_else(|| Problem::invalid("cursor", "this is not the `next` of an earlier answer"))
}

/// Reads how many rows are wanted.
pub(crate) fn limit(text: Option<&String>) -> Result<u32, Problem> {
    let Some(text) = text else { return Ok(PAGE) };
    text.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit)).ok_or_else(|| Problem::invalid("limit", format!("expected 1 to {LARGEST_PAGE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_in_thousands() {
        for (text, shown) in [("0 USD", "0.00 USD"), ("999.5 USD", "999.50 USD"), ("1234567.89 USD", "1,234,567.89 USD"), ("-1234 JPY", "\u{2212}1,234 JPY")] {
            assert_eq!(grouped(text.parse().expect("money")), shown);
        }
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let at = Cursor { at: ProductTime::from_ms(5), seq: 7, id: "dec_01".into() };
        assert_eq!(cursor(Some(&cursor_text(&at))).expect("a cursor"), Some(at));
        for text in ["", "1", "1.2", "x.1.a", "1.1.a' OR 1"] {
            assert!(cursor(Some(&text.to_owned())).is_err(), "{text} was taken");
        }
    }
}
