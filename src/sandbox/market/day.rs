//! One campaign's day: money offered per hour in, delivery per hour out.

use chrono::{Datelike, NaiveDate};

use super::curve::Curve;
use super::noise::Place;

/// What a campaign may do in one hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    /// The daily budget in force at the hour's start; 0 when it may not run.
    pub(crate) budget: f64,
    /// Days since the last significant edit.
    pub(crate) settled_days: f64,
}

/// What one hour, or a sum of hours, brought. Conversions are final: how many of them are reported yet is [`reported_share`]'s matter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Delivery {
    /// Units of the currency.
    pub(crate) spend: f64,
    /// Times shown.
    pub(crate) impressions: f64,
    /// Clicks.
    pub(crate) clicks: f64,
    /// Whole conversions.
    pub(crate) conversions: f64,
    /// Their value, units of the currency.
    pub(crate) value: f64,
}

impl Delivery {
    /// Adds `part` of `other`.
    pub(crate) fn add(&mut self, other: &Self, part: f64) {
        self.spend += other.spend * part;
        self.impressions += other.impressions * part;
        self.clicks += other.clicks * part;
        self.conversions += other.conversions * part;
        self.value += other.value * part;
    }
}

/// Days after a significant edit until delivery is as good as before.
pub(crate) const LEARNING_DAYS: f64 = 7.0;
/// Share of conversions lost right after a significant edit.
const LEARNING_LOSS: f64 = 0.25;
/// Days until a tired creative is replaced.
const CREATIVE_LIFE_DAYS: i64 = 45;
/// Share of conversions a creative loses over its life.
const CREATIVE_LOSS: f64 = 0.18;

/// The hours of `date` for a campaign that is offered `offers`, one entry per hour of the account's day (23 to 25 of them).
pub(crate) fn hours(curve: &Curve, date: NaiveDate, offers: &[Offer]) -> Vec<Delivery> {
    let day = i64::from(date.num_days_from_ce());
    let draw = |hour: i64, what: i64| Place::of(&[curve.seed, curve.campaign, day, hour, what]);
    let weights = hour_weights(offers.len(), |hour| draw(hour, 1).uniform());
    let (pace, demand) = (pace(curve, date), demand(curve, date));
    let mood = draw(-1, 2).gamma(30.0) * freshness(curve, day);
    let price = curve.cpm * demand.sqrt() * draw(-1, 3).gamma(60.0).max(0.3);
    let mut spent = 0.0;
    let mut out = Vec::with_capacity(offers.len());
    for ((offer, weight), hour) in offers.iter().zip(weights).zip(0_i64..) {
        let limit = offer.budget * pace;
        let spend = (limit * weight).min(curve.reach * demand * weight).min(limit - spent).max(0.0);
        spent += spend;
        if spend <= 0.0 {
            out.push(Delivery::default());
            continue;
        }
        let expected = weight * curve.conversions(spend / weight) * demand * mood * learning(offer.settled_days);
        let conversions = draw(hour, 4).poisson(expected);
        let spread = 0.35 / conversions.max(1.0).sqrt();
        let value = conversions * curve.value * (spread * draw(hour, 5).normal() - spread * spread / 2.0).exp();
        let impressions = (spend / price * 1_000.0 * draw(hour, 6).gamma(150.0)).round();
        let clicks = (impressions * curve.ctr * draw(hour, 7).gamma(50.0)).round().max(conversions);
        out.push(Delivery { spend, impressions, clicks, conversions, value });
    }
    out
}

/// What is left of a campaign's conversions so many days after a significant edit, as a share.
pub(crate) fn learning(settled_days: f64) -> f64 {
    1.0 - LEARNING_LOSS * (1.0 - settled_days / LEARNING_DAYS).clamp(0.0, 1.0)
}

/// The day's spend as a multiple of its budget. Single days swing; the seven days of a week add up to a little under seven budgets.
pub(crate) fn pace(curve: &Curve, date: NaiveDate) -> f64 {
    let monday = i64::from(date.num_days_from_ce()) - i64::from(date.weekday().num_days_from_monday());
    let draw = |day: i64| Place::of(&[curve.seed, curve.campaign, monday, day, 8]).uniform();
    let mean = (0..7).map(draw).sum::<f64>() / 7.0;
    0.995 + 2.0 * curve.swing * (draw(i64::from(date.weekday().num_days_from_monday())) - mean)
}

/// Demand of the day against an average day: weekday, season and a small drift of the market.
pub(crate) fn demand(curve: &Curve, date: NaiveDate) -> f64 {
    let weekend = if date.weekday().num_days_from_monday() >= 5 { curve.weekend } else { -curve.weekend * 0.4 };
    let turn = f64::from(date.ordinal0()) / 365.0 * std::f64::consts::TAU;
    let season = 0.05 * (turn + 0.7).cos();
    let gifts = match (date.month(), date.day()) {
        (11, 20..=30) => 0.20,
        (12, 1..=20) => 0.06,
        _ => 0.0,
    };
    (1.0 + weekend) * (1.0 + season + gifts)
}

fn freshness(curve: &Curve, day: i64) -> f64 {
    let phase = i64::try_from(Place::of(&[curve.seed, curve.campaign, 9]).below(45)).unwrap_or(0);
    let age = (day + phase).rem_euclid(CREATIVE_LIFE_DAYS) as f64 / CREATIVE_LIFE_DAYS as f64;
    1.0 + CREATIVE_LOSS / 2.0 - CREATIVE_LOSS * age
}

fn hour_weights(count: usize, draw: impl Fn(i64) -> f64) -> Vec<f64> {
    let raw: Vec<f64> = (0_i64..)
        .take(count)
        .map(|hour| {
            let turn = (hour as f64 - 15.0) / 24.0 * std::f64::consts::TAU;
            (1.0 + 0.6 * turn.cos()) * (0.85 + 0.3 * draw(hour))
        })
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// Share of the final conversions that is reported `age_days` after the click: half of them on the same day, all after a week.
pub(crate) fn reported_share(age_days: f64) -> f64 {
    const SETTLED: f64 = 7.0;
    let raw = |age: f64| 0.38 + 0.62 * (1.0 - (-age / 1.7).exp());
    if age_days >= SETTLED { 1.0 } else { (raw(age_days.max(0.0)) / raw(SETTLED)).min(1.0) }
}
