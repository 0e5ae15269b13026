//! The figures of ad groups and ads, and of parts of an audience: exact shares of their campaign's figures, so that every report adds up.
#![allow(dead_code, reason = "shared by three platforms, each of which uses what it needs of it")]

use chrono::NaiveDate;

use super::figures::Figures;
use super::{World, days};
use crate::clock::ProductTime;
use crate::domain::entity::Level;
use crate::sandbox::market::noise::Place;

impl Figures {
    /// Cut into parts by weight; they add up to the whole, and money stays a whole number of `unit`.
    pub(crate) fn split(&self, weights: &[u64], unit: i64) -> Vec<Self> {
        let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum::<i128>().max(1);
        let cut = |total: i64, step: i64, before: i128, until: i128| {
            let upto = |weight: i128| i64::try_from(i128::from(total / step) * weight / sum).unwrap_or(0) * step;
            upto(until) - upto(before) + if until == sum && before < sum { total % step } else { 0 }
        };
        let mut before = 0;
        weights
            .iter()
            .map(|weight| {
                let until = before + i128::from(*weight);
                let part = |total, step| cut(total, step, before, until);
                let figures = Self {
                    spend: part(self.spend, unit),
                    impressions: part(self.impressions, 1),
                    clicks: part(self.clicks, 1),
                    conversions: part(self.conversions, 1),
                    conversions_milli: part(self.conversions_milli, 1),
                    value: part(self.value, unit),
                    value_shared: part(self.value_shared, unit),
                };
                before = until;
                figures
            })
            .collect()
    }
}

impl World {
    /// A campaign's figures of one day by its ads, as indices of things: those that ran at some hour of it, each by a weight of its own.
    pub(crate) fn by_ad(&mut self, campaign: usize, date: NaiveDate, now: ProductTime) -> Vec<(usize, Figures)> {
        let whole = self.figures(campaign, date, now);
        let (zone, unit) = (self.owner(campaign).zone, self.owner(campaign).currency.minor_unit().micros());
        let (start, end) = days::span(zone, date);
        let hours = (end - start).num_hours();
        let ads = &self.campaigns[campaign].ads;
        let ran = |ad: &usize| (0..hours).any(|hour| self.ad_runs(*ad, start + chrono::TimeDelta::hours(hour)));
        let mut running: Vec<usize> = ads.iter().copied().filter(ran).collect();
        if running.is_empty() {
            running.extend(ads.first());
        }
        let weight = |ad: usize| 20 + Place::of(&[self.seed, i64::try_from(ad).unwrap_or(0), 80]).below(80) as u64;
        let weights: Vec<u64> = running.iter().map(|ad| weight(*ad)).collect();
        running.into_iter().zip(whole.split(&weights, unit)).collect()
    }

    /// A thing's figures of one day: an ad's share, the sum of an ad group's ads, or a campaign's own; nothing for anything else.
    pub(crate) fn thing_figures(&mut self, thing: usize, date: NaiveDate, now: ProductTime) -> Figures {
        let Some(campaign) = self.things[thing].campaign else { return Figures::default() };
        if self.things[thing].level == Level::Campaign {
            return self.figures(campaign, date, now);
        }
        let mut sum = Figures::default();
        for (ad, part) in self.by_ad(campaign, date, now) {
            if ad == thing || self.things[ad].parent == self.things[thing].id {
                sum.add(&part);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;
    use crate::sandbox::world::tests::{START, quiet};

    #[test]
    fn ads_and_ad_groups_add_up_to_their_campaign_to_the_last_cent() {
        let mut world = World::build(&quiet(), START);
        let day = START.date_in(chrono_tz::America::New_York) - Days::new(3);
        for campaign in 0..world.campaigns.len() {
            let whole = world.figures(campaign, day, START);
            for level in [Level::AdGroup, Level::Ad] {
                let mut sum = Figures::default();
                for thing in 0..world.things.len() {
                    if world.things[thing].level == level && world.things[thing].campaign == Some(campaign) {
                        sum.add(&world.thing_figures(thing, day, START));
                    }
                }
                assert_eq!(sum, whole, "campaign {campaign} by {}", level.name());
            }
        }
    }

    #[test]
    fn parts_by_weight_add_up_and_keep_whole_cents() {
        let whole =
            Figures { spend: 12_340_000, impressions: 1_001, clicks: 7, conversions: 2, conversions_milli: 2_345, value: 90_010_000, value_shared: 80_000_000 };
        let parts = whole.split(&[1, 0, 3, 7], 10_000);
        let mut sum = Figures::default();
        parts.iter().for_each(|part| sum.add(part));
        assert_eq!(sum, whole);
        assert!(parts.iter().all(|part| part.spend % 10_000 == 0) && parts[1] == Figures::default());
    }
}
