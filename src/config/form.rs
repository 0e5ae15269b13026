//! The forms a value may have, each with the words that say what it should look like.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use toml::de::DeValue;
use url::{Host, Url};

use super::currencies;
use super::fault::{nearest, shown};
use super::reader::article;
use crate::clock::ProductTime;
use crate::domain::goal::Goal;
use crate::domain::money::{Currency, Money};

/// Why a value does not have its form.
pub(super) struct Misfit {
    pub(super) what: String,
    pub(super) near: Option<String>,
}

impl From<String> for Misfit {
    fn from(what: String) -> Self {
        Self { what, near: None }
    }
}

type Read<'a, T> = Box<dyn Fn(&DeValue<'_>) -> Result<T, Misfit> + 'a>;

/// One form: how a value is read, and what is said when it cannot be.
pub(super) struct Form<'a, T> {
    pub(super) expected: String,
    read: Read<'a, T>,
}

impl<'a, T: 'a> Form<'a, T> {
    pub(super) fn new(expected: impl Into<String>, read: impl Fn(&DeValue<'_>) -> Result<T, Misfit> + 'a) -> Self {
        Self { expected: expected.into(), read: Box::new(read) }
    }

    pub(super) fn read(&self, value: &DeValue<'_>) -> Result<T, Misfit> {
        (self.read)(value)
    }

    /// The same form, its value made into something else.
    pub(super) fn map<U: 'a>(self, into: impl Fn(T) -> U + 'a) -> Form<'a, U> {
        let read = self.read;
        Form { expected: self.expected, read: Box::new(move |value| read(value).map(&into)) }
    }

    /// A form written as text.
    pub(super) fn text(expected: impl Into<String>, read: impl Fn(&str) -> Result<T, Misfit> + 'a) -> Self {
        Self::new(expected, move |value| read(text_of(value)?))
    }
}

fn text_of<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Misfit> {
    value.as_str().ok_or_else(|| Misfit::from(format!("this is {}, not a text in quotes", article(value))))
}

fn not(text: &str, what: &str) -> Misfit {
    Misfit::from(format!("`{}` is not {what}", shown(text)))
}

/// Any text of at most 200 characters, not empty.
pub(super) fn text<'a>(expected: &str) -> Form<'a, String> {
    Form::text(expected, |text| {
        if text.trim().is_empty() {
            return Err(Misfit::from("the text is empty".to_owned()));
        }
        if text.chars().count() > 200 || text.chars().any(char::is_control) {
            return Err(Misfit::from("the text is longer than 200 characters or holds control characters".to_owned()));
        }
        Ok(text.to_owned())
    })
}

/// A list of texts, each not empty.
pub(super) fn texts<'a>(expected: &str) -> Form<'a, Vec<String>> {
    Form::new(expected, |value| {
        let Some(items) = value.as_array() else { return Err(Misfit::from(format!("this is {}, not a list", article(value)))) };
        items.iter().map(|item| text("").read(item.get_ref())).collect()
    })
}

/// Anything that reads itself from text.
pub(super) fn parsed<'a, T: FromStr + 'a>(expected: &str, what: &'a str) -> Form<'a, T> {
    Form::text(expected, move |text| text.parse().map_err(|_| not(text, what)))
}

/// One of a few words.
pub(super) fn choice<'a, T: Copy + 'a>(words: &'a [(&'a str, T)]) -> Form<'a, T> {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    Form::text(names.join(" | "), move |text| {
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| Misfit { what: format!("`{}` is none of them", shown(text)), near: nearest(text, words.iter().map(|(word, _)| *word)) })
    })
}

/// `true` or `false`.
pub(super) fn boolean<'a>() -> Form<'a, bool> {
    Form::new("true or false", |value| value.as_bool().ok_or_else(|| Misfit::from(format!("this is {}", article(value)))))
}

/// A whole number within bounds.
pub(super) fn integer<'a>(least: u64, most: u64) -> Form<'a, u64> {
    Form::new(format!("a whole number from {least} to {most}"), move |value| {
        let Some(integer) = value.as_integer() else { return Err(Misfit::from(format!("this is {}", article(value)))) };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| Misfit::from(format!("{} is out of range", shown(integer.as_str()))))
    })
}

/// A number within bounds.
pub(super) fn decimal<'a>(least: Decimal, most: Decimal) -> Form<'a, Decimal> {
    Form::new(format!("a number from {} to {}", least.normalize(), most.normalize()), move |value| {
        let digits = match value {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            other => return Err(Misfit::from(format!("this is {}", article(other)))),
        };
        within(digits, Decimal::from_str_exact(digits).ok(), least, most)
    })
}

fn within(text: &str, number: Option<Decimal>, least: Decimal, most: Decimal) -> Result<Decimal, Misfit> {
    let number = number.ok_or_else(|| not(text, "a number"))?;
    if number < least || number > most { Err(Misfit::from(format!("{} is out of range", shown(text)))) } else { Ok(number) }
}

/// Percent, as "15%", within bounds.
pub(super) fn percent<'a>(least: Decimal, most: Decimal) -> Form<'a, Decimal> {
    Form::text(format!("a percentage from \"{}%\" to \"{}%\"", least.normalize(), most.normalize()), move |text| {
        let digits = text.strip_suffix('%').ok_or_else(|| not(text, "a percentage"))?;
        within(text, Some(Decimal::from_str_exact(digits.trim()).map_err(|_| not(text, "a percentage"))?), least, most)
    })
}

/// A currency of ISO 4217.
pub(super) fn currency<'a>() -> Form<'a, Currency> {
    Form::text("a currency such as \"USD\"", read_currency)
}

fn read_currency(text: &str) -> Result<Currency, Misfit> {
    if currencies::CODES.contains(&text) {
        return text.parse().map_err(|_| not(text, "a currency"));
    }
    Err(Misfit { what: format!("`{}` is not a currency of ISO 4217", shown(text)), near: nearest(text, currencies::CODES.iter().copied()) })
}

/// An amount of money above zero.
pub(super) fn money<'a>() -> Form<'a, Money> {
    Form::text("an amount above zero with its currency, such as \"120.00 USD\"", |text| {
        let (_, code) = text.trim().split_once(' ').ok_or_else(|| Misfit::from(format!("`{}` lacks its currency", shown(text))))?;
        let currency = read_currency(code.trim())?;
        let money: Money = text.parse().map_err(|_| not(text, "an amount of money"))?;
        if money.micros() <= 0 {
            return Err(Misfit::from(format!("`{}` is not above zero", shown(text))));
        }
        if money.micros() % currency.minor_unit().micros() != 0 {
            return Err(Misfit::from(format!("`{}` is finer than the smallest unit of {currency}", shown(text))));
        }
        Ok(money)
    })
}

/// A span of time, as "90s", "5m", "4h", "3d", within bounds.
pub(super) fn duration<'a>(least: Duration, most: Duration) -> Form<'a, Duration> {
    let words = format!("a duration from \"{}\" to \"{}\", in s, m, h or d", in_words(least), in_words(most));
    Form::text(words, move |text| {
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some(_) | None => return Err(not(text, "a duration")),
        };
        let count: u64 = text[..text.len() - 1].trim_end().parse().map_err(|_| not(text, "a duration"))?;
        let span = Duration::from_secs(count.checked_mul(unit).ok_or_else(|| not(text, "a duration"))?);
        if span < least || span > most { Err(Misfit::from(format!("`{}` is out of range", shown(text)))) } else { Ok(span) }
    })
}

/// A span as the file writes it, in the largest unit that holds it exactly.
pub(super) fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    match [(86_400, 'd'), (3_600, 'h'), (60, 'm')].into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((86_400, _)) if seconds < 4 * 86_400 => format!("{}h", seconds / 3_600),
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// An IANA time zone.
pub(super) fn zone<'a>() -> Form<'a, Tz> {
    Form::text("an IANA time zone such as \"America/New_York\"", |text| {
        text.parse().map_err(|_| Misfit {
            what: format!("`{}` is not a time zone", shown(text)),
            near: nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
        })
    })
}

/// A day of the calendar.
pub(super) fn date<'a>() -> Form<'a, NaiveDate> {
    Form::new("a day such as \"2026-11-26\"", |value| {
        let text = date_text(value)?;
        NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| not(&text, "a day of the calendar"))
    })
}

/// An instant with its offset.
pub(super) fn instant<'a>() -> Form<'a, ProductTime> {
    Form::new("an instant with its offset such as \"2026-01-05T00:00:00Z\"", |value| {
        let text = date_text(value)?;
        let at = DateTime::parse_from_rfc3339(&text).map_err(|_| not(&text, "an instant with its offset"))?;
        Ok(ProductTime::from(at.to_utc()))
    })
}

fn date_text(value: &DeValue<'_>) -> Result<String, Misfit> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Datetime(at) => Ok(at.to_string()),
        other => Err(Misfit::from(format!("this is {}", article(other)))),
    }
}

/// A goal in one of its fixed forms.
pub(super) fn goal<'a>() -> Form<'a, Goal> {
    Form::text(
        "one of \"roas >= 4\", \"cpa <= 45 USD\", \"spend -> 10000 USD/day while cpa <= 50 USD\", \"conversions -> 300/week\", \"profit max at roas >= 1.5\"",
        |text| {
            let goal: Goal = text
                .parse()
                .map_err(|error: crate::domain::goal::GoalError| Misfit::from(format!("`{}` is not a goal: {}", shown(text), shown(&error.why))))?;
            if let Some(currency) = goal.currency() {
                read_currency(currency.code())?;
            }
            Ok(goal)
        },
    )
}

/// Whether a URL can only reach this host.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A URL without user, query and fragment: https, or http on loopback.
pub(super) fn url<'a>() -> Form<'a, Url> {
    Form::text("an https URL, or an http URL on loopback", |text| {
        let url = Url::parse(text).map_err(|_| Misfit::from("this is not a URL".to_owned()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Misfit::from("a secret stands in the URL".to_owned()));
        }
        if url.fragment().is_some() {
            return Err(Misfit::from("the URL has a fragment".to_owned()));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => Err(Misfit::from(format!("`{}` would carry credentials in the clear", shown(url.host_str().unwrap_or_default())))),
            other => Err(Misfit::from(format!("`{}` is not https", shown(other)))),
        }
    })
}
