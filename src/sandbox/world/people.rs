//! Edits by "people": a few, at fixed days, so that the daemon meets hands other than its own.

use chrono::TimeDelta;

use super::build::budget_unit;
use super::edits::{Effect, Moment, Source, Target};
use super::{Review, World};
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::{Level, RunStatus};
use crate::sandbox::market::noise::Place;

/// One thing a person will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// When.
    pub(crate) at: ProductTime,
    /// What.
    pub(crate) deed: Deed,
}

/// What a person does. Money is only ever lowered or moved, so that people alone never push a pool over its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Lowers a budget to this percentage.
    Lower { purse: usize, percent: i64 },
    /// Moves this percentage of one budget to another of the same account.
    Move { from: usize, to: usize, percent: i64 },
    /// Pauses a campaign.
    Pause { campaign: usize },
}

/// What people will do in this world within sixty days of its start.
pub(crate) fn plans(world: &World) -> Vec<Plan> {
    let own: Vec<usize> = (0..world.campaigns.len())
        .filter(|campaign| world.campaigns[*campaign].review == Review::Passed && world.purse_of(*campaign).level != Level::Shared)
        .collect();
    if own.len() < 4 {
        return Vec::new();
    }
    let pick = |what: i64| Place::of(&[world.seed, 40 + what]).below(own.len());
    let (first, second, third) = (own[pick(0)], own[pick(1)], own[pick(2)]);
    let purse = |campaign: usize| world.campaigns[campaign].purse;
    let partner = own.iter().copied().find(|other| *other != third && world.campaigns[*other].account == world.campaigns[third].account).unwrap_or(third);
    let deeds = [
        (6, Deed::Lower { purse: purse(first), percent: 75 }),
        (17, Deed::Pause { campaign: second }),
        (31, Deed::Move { from: purse(third), to: purse(partner), percent: 20 }),
        (44, Deed::Lower { purse: purse(own[pick(3)]), percent: 85 }),
    ];
    let minutes = |day: i64| i64::try_from(Place::of(&[world.seed, 50, day]).below(600)).unwrap_or(0);
    deeds.into_iter().map(|(day, deed)| Plan { at: world.start + TimeDelta::days(day) + TimeDelta::minutes(840 + minutes(day)), deed }).collect()
}

impl World {
    /// Lets people do what is due by `now`.
    pub(crate) fn catch_up(&mut self, now: ProductTime, wall: WallTime) {
        while let Some(plan) = self.people.first().copied().filter(|plan| plan.at <= now) {
            self.people.remove(0);
            let moment = Moment {
                now: plan.at,
                seen: plan.at,
                wall,
                source: Source::People,
                effect: Effect::Apply,
                fault: None,
                body_sha256: String::new(),
                host: String::new(),
                wait_s: 0,
            };
            self.perform(plan.deed, &moment);
        }
    }

    /// Forgets what people did already; used when the world is rebuilt from its log.
    pub(crate) fn people_have_done(&mut self, at_ms: i64) {
        self.people.retain(|plan| plan.at.ms() > at_ms);
    }

    fn perform(&mut self, deed: Deed, moment: &Moment) {
        match deed {
            Deed::Lower { purse, percent } => {
                let micros = self.part(purse, percent, moment.now);
                self.set_budget(purse, micros, moment.now, moment);
            }
            Deed::Move { from, to, percent } if from != to => {
                let moved = self.part(from, percent, moment.now);
                let (rest, more) = (self.purses[from].amount.at(moment.now) - moved, self.purses[to].amount.at(moment.now) + moved);
                self.set_budget(from, rest, moment.now, moment);
                self.set_budget(to, more, moment.now, moment);
            }
            Deed::Move { from, percent, .. } => self.perform(Deed::Lower { purse: from, percent: 100 - percent }, moment),
            Deed::Pause { campaign } => self.set_status(Target::Campaign(campaign), RunStatus::Paused, moment),
        }
    }

    fn part(&self, purse: usize, percent: i64, at: ProductTime) -> i64 {
        let owner = &self.accounts[self.purses[purse].account];
        let unit = budget_unit(owner.platform, owner.currency);
        self.purses[purse].amount.at(at) / 100 * percent / unit * unit
    }
}
