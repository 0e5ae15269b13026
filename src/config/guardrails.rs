//! `[guardrails]`: one table of every number the guardrails judge by, how it is written, its range, and which way it is looser.

use std::collections::BTreeSet;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use toml::de::DeValue;

use super::form::{self, Form, Misfit, in_words};
use super::reader::{Page, Section};
use crate::domain::money::Currency;
use crate::domain::policy::{Guardrails, glob};

/// How a number is written in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// "15%".
    Percent,
    /// "1000 USD", or "1000 units" of each pool's own currency.
    Amount,
    /// A duration, kept in hours.
    Hours,
    /// A duration, kept in seconds.
    Seconds,
    /// A whole number.
    Count,
    /// A number from 0 to 1, or with decimals.
    Number,
}

/// Which way a number lets more happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looser {
    /// A larger number is looser.
    Larger,
    /// A smaller number is looser.
    Smaller,
}

/// Who may have a number of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The workspace, and each agent for itself.
    Agent,
    /// The workspace alone.
    Workspace,
}

/// One number of [`Guardrails`].
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Its key in the file.
    pub key: &'static str,
    /// How it is written.
    pub unit: Unit,
    /// Least allowed, in hundredths.
    least: i64,
    /// Most allowed, in hundredths.
    most: i64,
    /// Which way it is looser.
    pub looser: Looser,
    /// Who may have their own.
    pub reach: Reach,
    /// What it limits and what happens beyond, in words.
    pub meaning: &'static str,
    /// Reads it.
    pub get: fn(&Guardrails) -> Decimal,
    pub(super) set: fn(&mut Guardrails, Decimal),
}

macro_rules! numbers {
    (@get decimal $field:ident) => { |rails| rails.$field };
    (@get whole $field:ident) => { |rails| Decimal::from(rails.$field) };
    (@set decimal $field:ident) => { |rails, number| rails.$field = number };
    // Forms admit only whole numbers within a range that fits.
    (@set whole $field:ident) => { |rails, number| rails.$field = number.to_u32().unwrap_or(rails.$field) };
    ($($key:literal $kind:ident $field:ident $unit:ident $least:literal..$most:literal $looser:ident $reach:ident $meaning:literal;)*) => {
        &[$(Number {
            key: $key, unit: Unit::$unit, least: $least, most: $most, looser: Looser::$looser, reach: Reach::$reach, meaning: $meaning,
            get: numbers!(@get $kind $field), set: numbers!(@set $kind $field),
        }),*]
    };
}

/// Every number, in the order `adjutant check` prints them. No range reaches "no limit". Ranges are in hundredths.
pub const NUMBERS: &[Number] = numbers! {
    "step" decimal step_pct Percent 10..10_000 Larger Agent "most an agent changes a budget at once, of its last accepted value; more is clamped";
    "ask_step" decimal ask_step_pct Percent 0..10_000 Larger Workspace "a person's or plan's larger change asks";
    "ask_amount" decimal ask_amount Amount 0..100_000_000_000 Larger Workspace "a person's or plan's change of more a day asks";
    "budget_rise" decimal budget_rise_pct Percent 0..10_000 Larger Agent "net increase of one budget within 24 h; more is denied agents and asks of people";
    "account_rise" decimal account_rise_pct Percent 0..10_000 Larger Workspace "net increase of one account within 24 h; likewise";
    "workspace_rise" decimal workspace_rise_pct Percent 0..10_000 Larger Workspace "net increase of everything within 24 h; likewise";
    "cooldown_growth" whole cooldown_growth_h Hours 100..72_000 Smaller Agent "an agent waits so long after a change before it grows the budget";
    "cooldown_cut" whole cooldown_cut_h Hours 100..72_000 Smaller Agent "an agent waits so long after a change before it cuts the budget";
    "evidence_days" whole evidence_days Count 100..9_000 Smaller Agent "closed days an agent's growth needs";
    "evidence_conversions" decimal evidence_conversions Number 100..1_000_000 Smaller Agent "matured conversions an agent's growth needs, or …";
    "evidence_cpa_multiple" decimal evidence_cpa_multiple Number 100..10_000 Smaller Agent "… so many target CPAs spent; an agent's cut needs these";
    "confidence_growth" decimal confidence_growth Number 10..100 Smaller Agent "an agent's growth with less confidence asks";
    "confidence_cut" decimal confidence_cut Number 10..100 Smaller Agent "an agent's cut with less confidence asks";
    "confidence_growth_volatile" decimal confidence_growth_volatile Number 10..100 Smaller Agent "the same for growth while volatile";
    "confidence_cut_volatile" decimal confidence_cut_volatile Number 10..100 Smaller Agent "the same for cuts while volatile";
    "ramp_first" decimal ramp_first_pct Percent 0..10_000 Larger Agent "share of its allowed growth an agent may take on the first day after a resume";
    "ramp_second" decimal ramp_second_pct Percent 0..10_000 Larger Agent "the same on the second day";
    "earned_amount" decimal earned_amount Amount 0..100_000_000_000 Larger Agent "cost-if-wrong an agent may stake alone in 7 days; more asks";
    "max_spend_age" whole max_spend_age_h Hours 100..4_800 Larger Workspace "older spend denies agents";
    "max_conversions_age" whole max_conversions_age_h Hours 100..7_200 Larger Workspace "older conversions deny agents";
    "max_config_age" whole max_config_age_s Seconds 100..30_000 Larger Workspace "platform state read longer before a write denies it";
    "breaker_spend" decimal breaker_spend_pct Percent 5_000..30_000 Larger Workspace "a day's spend above so much of budgets with overshoot trips the breaker";
    "breaker_bad_outcomes" whole breaker_bad_outcomes Count 100..5_000 Larger Workspace "so many bad outcomes in a row trip the breaker";
    "learning_conversions" whole learning_conversions Count 100..100_000 Smaller Agent "conversions that end a learning phase, in which agents wait";
    "learning_days" whole learning_days Count 100..9_000 Smaller Agent "days that end a learning phase";
    "four_eyes_above" decimal four_eyes_above Amount 0..1_000_000_000_000 Larger Workspace "a larger net increase a day needs two people";
    "tracking_min" decimal tracking_min_pct Percent 1_000..10_000 Smaller Workspace "fewer of the expected conversions count as broken tracking and deny agents";
    "min_active_campaigns" whole min_active_campaigns Count 100..100_000 Smaller Agent "campaigns of a pool that stay active; pausing further asks";
    "edits_per_hour" whole edits_per_hour Count 100..300 Larger Agent "edits of one budget within an hour, leaving the platform's fourth for an undo";
};

/// The key that is written in `[approvals]` instead.
pub(super) const FOUR_EYES: &str = "four_eyes_above";

/// An amount of a guardrail.
struct Amount {
    number: Decimal,
    currency: Option<Currency>,
}

impl Number {
    /// The value in `rails` as the file writes it.
    #[must_use]
    pub fn shown(&self, rails: &Guardrails) -> String {
        let number = (self.get)(rails).normalize();
        let seconds = |factor: u64| in_words(Duration::from_secs(number.to_u64().unwrap_or(0).saturating_mul(factor)));
        match self.unit {
            Unit::Percent => format!("{number}%"),
            Unit::Amount => format!("{number} units"),
            Unit::Hours => seconds(3_600),
            Unit::Seconds => seconds(1),
            Unit::Count | Unit::Number => number.to_string(),
        }
    }

    fn form<'a>(&self) -> Form<'a, Amount> {
        let (least, most) = (Decimal::new(self.least, 2), Decimal::new(self.most, 2));
        let bare = |number| Amount { number, currency: None };
        let span = |decimal: Decimal, factor: u64| Duration::from_secs(decimal.to_u64().unwrap_or(0).saturating_mul(factor));
        let whole = |decimal: Decimal| decimal.to_u64().unwrap_or(0);
        match self.unit {
            Unit::Percent => form::percent(least, most).map(bare),
            Unit::Number => form::decimal(least, most).map(bare),
            Unit::Count => form::integer(whole(least), whole(most)).map(move |count| bare(Decimal::from(count))),
            Unit::Seconds => form::duration(span(least, 1), span(most, 1)).map(move |span| bare(Decimal::from(span.as_secs()))),
            Unit::Hours => {
                let hours = form::duration(span(least, 3_600), span(most, 3_600));
                Form::new(format!("{}, in whole hours", hours.expected), move |value| {
                    let seconds = hours.read(value)?.as_secs();
                    if seconds.is_multiple_of(3_600) {
                        Ok(bare(Decimal::from(seconds / 3_600)))
                    } else {
                        Err(Misfit::from("this is no whole number of hours".to_owned()))
                    }
                })
            }
            Unit::Amount => {
                Form::text(format!("an amount up to {} such as \"1000 USD\", or \"1000 units\" of each pool's own currency", most.normalize()), move |text| {
                    let (digits, currency) = match text.trim().split_once(' ') {
                        Some((digits, "units")) => (digits, None),
                        Some((digits, code)) => (digits, Some(form::currency().read(&DeValue::String(code.trim().into()))?)),
                        None => return Err(Misfit::from("the amount lacks its currency".to_owned())),
                    };
                    let number = Decimal::from_str_exact(digits).map_err(|_| Misfit::from("this is not an amount".to_owned()))?;
                    if number < least || number > most {
                        return Err(Misfit::from(format!("{number} is out of range")));
                    }
                    Ok(Amount { number, currency })
                })
            }
        }
    }

    /// Reads this number from `section` into `rails`, unless it is not written.
    pub(super) fn read(&self, page: &mut Page<'_>, section: &mut Section<'_, '_>, rails: &mut Guardrails, currencies: &BTreeSet<Currency>) {
        let Some(amount) = section.optional(page, self.key, &self.form()) else { return };
        if let Some(currency) = amount.currency {
            let strangers: Vec<&str> = currencies.iter().filter(|pool| **pool != currency).map(Currency::code).collect();
            if !strangers.is_empty() {
                let expected = "the currency of the pools it applies to, or \"units\" of each pool's own";
                page.fault(&section.path(self.key), format!("it is in {currency}, and applies to money in {}", strangers.join(", ")), expected);
            }
        }
        (self.set)(rails, amount.number);
    }
}

/// Reads a table of guardrails over `base`: what is not written stays as it is.
pub(super) fn read(
    page: &mut Page<'_>,
    section: &mut Section<'_, '_>,
    base: &Guardrails,
    reach: Reach,
    currencies: &BTreeSet<Currency>,
    accounts: &[&str],
) -> Guardrails {
    let mut rails = base.clone();
    for number in NUMBERS {
        let path = section.path(number.key);
        if number.key == FOUR_EYES {
            if section.is_key_written(FOUR_EYES) {
                section.raw(FOUR_EYES);
                page.fault(&path, "this stands elsewhere", "[approvals] four_eyes_above");
            }
            continue;
        }
        let theirs = reach == Reach::Workspace || number.reach == Reach::Agent;
        if !theirs {
            if section.is_key_written(number.key) {
                section.raw(number.key);
                page.fault(&path, "this holds for the whole workspace, not for one agent", format!("[guardrails] {}", number.key));
            }
            continue;
        }
        if !section.is_key_written(number.key) {
            page.defaulted.insert(path);
        }
        number.read(page, section, &mut rails, currencies);
    }
    let patterns = form::texts("a list of patterns over account:level:id such as [\"meta-main:*\"], or [\"*\"] for all members of the pools");
    rails.allow = section.or(page, "allow", &patterns, rails.allow);
    for (number, pattern) in rails.allow.iter().enumerate() {
        let account = pattern.split(':').next().unwrap_or_default();
        if !accounts.iter().any(|name| glob(account, name)) && section.is_key_written("allow") {
            page.fault(&section.path(&format!("allow[{number}]")), "no account has such a name", format!("one of {}", accounts.join(", ")));
        }
    }
    contradictions(page, section, &rails);
    rails
}

fn contradictions(page: &mut Page<'_>, section: &Section<'_, '_>, rails: &Guardrails) {
    let pairs = [
        ("ramp_first", rails.ramp_first_pct, "ramp_second", rails.ramp_second_pct),
        ("confidence_growth_volatile", rails.confidence_growth_volatile, "confidence_growth", rails.confidence_growth),
        ("confidence_cut_volatile", rails.confidence_cut_volatile, "confidence_cut", rails.confidence_cut),
        ("budget_rise", rails.budget_rise_pct, "account_rise", rails.account_rise_pct),
    ];
    for (low, low_value, high, high_value) in pairs {
        if low_value > high_value && (section.is_key_written(low) || section.is_key_written(high)) {
            let at = if section.is_key_written(low) { low } else { high };
            page.fault(
                &section.path(at),
                format!("{low} ({}) is above {high} ({})", low_value.normalize(), high_value.normalize()),
                format!("{low} at most {high}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_every_guardrail_lies_within_its_own_range() {
        let defaults = Guardrails::default();
        for number in NUMBERS {
            let value = (number.get)(&defaults);
            assert!(value >= Decimal::new(number.least, 2) && value <= Decimal::new(number.most, 2), "{}: {value}", number.key);
        }
    }

    #[test]
    fn every_field_of_the_guardrails_can_be_written_in_the_file() {
        let json = serde_json::to_value(Guardrails::default()).expect("guardrails are plain data");
        let fields = json.as_object().expect("a struct").len();
        assert_eq!(NUMBERS.len() + 1, fields, "each field has one row in NUMBERS, and `allow` is a list");
        for number in NUMBERS {
            let mut rails = Guardrails::default();
            (number.set)(&mut rails, Decimal::from(17));
            assert_eq!((number.get)(&rails), Decimal::from(17), "{}", number.key);
            let changed = serde_json::to_value(&rails).expect("guardrails are plain data");
            let differing = json.as_object().expect("a struct").iter().filter(|(key, value)| changed[key.as_str()] != **value).count();
            assert_eq!(differing, 1, "{} sets one field", number.key);
        }
    }
}
