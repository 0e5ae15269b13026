//! What stands below campaigns, and campaigns made by request: their facts in the platform's own words, their review, and every change of them as a row.
#![allow(dead_code, reason = "shared by three platforms, each of which uses what it needs of it")]

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::edits::{Effect, Moment, Outcome, Row, Target};
use super::{Campaign, History, Purse, Review, World};
use crate::clock::ProductTime;
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::market::curve::{Curve, PROFILES};
use crate::sandbox::market::noise::Place;

/// An ad whose texts contain this is refused by every platform's review.
pub(crate) const FORBIDDEN: &str = "forbidden-claim";
/// How long a new ad is in review, in minutes of product time.
const REVIEW_MINUTES: i64 = 90;

/// A campaign, an ad group, an ad, a creative or a medium, as its platform keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    /// Its account, as an index.
    pub(crate) account: usize,
    /// What it is.
    pub(crate) level: Level,
    /// The platform's id.
    pub(crate) id: String,
    /// The platform's id of what it hangs in: of an ad group its campaign, of an ad its ad group, of anything else nothing.
    pub(crate) parent: String,
    /// The campaign it belongs to, as an index; creatives and media have none.
    pub(crate) campaign: Option<usize>,
    /// When it was made.
    pub(crate) created: ProductTime,
    /// Everything the platform keeps of it, by the names that log rows use.
    pub(crate) facts: BTreeMap<String, History<Value>>,
    status: History<RunStatus>,
    /// The ad group an ad hangs in, as an index of things.
    group: Option<usize>,
    refused: bool,
}

/// Where the review of an ad stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not done yet.
    Pending,
    /// May be shown.
    Approved,
    /// May not be shown.
    Refused,
}

/// The budget of a campaign to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewPurse {
    /// Where it hangs: campaign, or ad group when the campaign has none of its own.
    pub(crate) level: Level,
    /// The platform's id of what holds it.
    pub(crate) id: String,
    /// Google's id of the budget resource; empty elsewhere.
    pub(crate) resource: String,
    /// Micros of the account's currency a day; 0 spends nothing.
    pub(crate) micros: i64,
}

/// Something to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct New {
    /// What.
    pub(crate) level: Level,
    /// Its id, from [`World::fresh_id`].
    pub(crate) id: String,
    /// What it hangs in.
    pub(crate) parent: String,
    /// Its name.
    pub(crate) name: String,
    /// The status it is made with.
    pub(crate) status: RunStatus,
    /// Of a campaign: what pays for it; of an ad group: its own money, where its campaign has none.
    pub(crate) purse: Option<NewPurse>,
    /// Everything else, in the platform's own words.
    pub(crate) facts: Map<String, Value>,
}

impl Thing {
    /// A fact as it stood at `at`; null when it never had it.
    pub(crate) fn fact(&self, name: &str, at: ProductTime) -> Value {
        self.facts.get(name).map_or(Value::Null, |history| history.at(at))
    }

    /// Where its review stands at `at`.
    pub(crate) fn verdict(&self, at: ProductTime) -> Verdict {
        if at < self.created + TimeDelta::minutes(REVIEW_MINUTES) {
            return Verdict::Pending;
        }
        if self.refused { Verdict::Refused } else { Verdict::Approved }
    }
}

/// Whether a text anywhere in `value` is one that review refuses.
fn offends(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(FORBIDDEN),
        Value::Array(items) => items.iter().any(offends),
        Value::Object(members) => members.values().any(offends),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl World {
    /// The thing with this platform id.
    pub(crate) fn thing(&self, platform: Platform, level: Level, id: &str) -> Option<usize> {
        self.things.iter().position(|thing| thing.level == level && thing.id == id && self.accounts[thing.account].platform == platform)
    }

    /// Indices of an account's things of one level, in the order in which they were made.
    pub(crate) fn things_of(&self, account: usize, level: Level) -> Vec<usize> {
        (0..self.things.len()).filter(|thing| self.things[*thing].account == account && self.things[*thing].level == level).collect()
    }

    /// Indices of what hangs directly in this thing.
    pub(crate) fn children(&self, parent: usize) -> Vec<usize> {
        let level = match self.things[parent].level {
            Level::Campaign => Level::AdGroup,
            Level::AdGroup => Level::Ad,
            Level::Account | Level::Ad | Level::Creative | Level::Media | Level::Shared => return Vec::new(),
        };
        let of = |thing: &Thing| thing.account == self.things[parent].account && thing.level == level && thing.parent == self.things[parent].id;
        (0..self.things.len()).filter(|thing| of(&self.things[*thing])).collect()
    }

    /// What the owner of a thing set, at `at`.
    pub(crate) fn thing_status(&self, thing: usize, at: ProductTime) -> RunStatus {
        let thing = &self.things[thing];
        match (thing.level, thing.campaign.map(|campaign| &self.campaigns[campaign])) {
            (Level::Campaign, Some(campaign)) => campaign.status.at(at),
            (Level::AdGroup, Some(campaign)) if campaign.group == thing.id => campaign.group_status.at(at),
            _ => thing.status.at(at),
        }
    }

    /// Whether an ad may be shown at `at`, as far as itself and its ad group go.
    pub(crate) fn ad_runs(&self, ad: usize, at: ProductTime) -> bool {
        let thing = &self.things[ad];
        at >= thing.created
            && thing.status.at(at) == RunStatus::Active
            && thing.verdict(at) == Verdict::Approved
            && thing.group.is_some_and(|group| self.thing_status(group, at) == RunStatus::Active)
    }

    /// An id that nothing of this platform has: deterministic, and another one after everything that is made.
    pub(crate) fn fresh_id(&self, platform: Platform, offset: usize) -> String {
        let base: i64 = match platform {
            Platform::Google => 9_900_001,
            Platform::Meta => 23_860_000_000_000_001,
            Platform::Tiktok => 1_791_000_000_000_001,
        };
        (base + i64::try_from(self.things.len() * 1_000 + offset).unwrap_or(0)).to_string()
    }

    /// Makes something and leaves its row; `None` when the request is lost before it takes effect.
    pub(crate) fn create(&mut self, account: usize, new: &New, moment: &Moment) -> Option<usize> {
        let mut row = self.row_of(account, new.level, &new.id, "create", moment);
        row.new = serde_json::to_string(new).ok();
        let made = (moment.effect == Effect::Apply).then(|| {
            row.outcome = Outcome::Applied;
            self.raise(account, new, moment.now)
        });
        self.pending.push(row);
        made
    }

    /// Leaves the row of something a platform refuses to make with `code`.
    pub(crate) fn refuse_creation(&mut self, account: usize, level: Level, code: &str, moment: &Moment) {
        let mut row = self.row_of(account, level, "", "create", moment);
        row.code = Some(code.to_owned());
        self.pending.push(row);
    }

    /// Sets a fact and leaves its row.
    pub(crate) fn set_fact(&mut self, thing: usize, name: &str, value: Value, moment: &Moment) {
        let (account, level, id) = (self.things[thing].account, self.things[thing].level, self.things[thing].id.clone());
        let mut row = self.row_of(account, level, &id, name, moment);
        row.old = Some(self.things[thing].fact(name, moment.now).to_string());
        row.new = Some(value.to_string());
        if moment.effect == Effect::Apply {
            row.outcome = Outcome::Applied;
            self.put_fact(thing, name, value, moment.now);
        }
        self.pending.push(row);
    }

    /// Leaves the row of a change of a thing that the platform refuses with `code`.
    pub(crate) fn refuse_fact(&mut self, thing: usize, name: &str, asked: Option<String>, code: &str, moment: &Moment) {
        let (account, level, id) = (self.things[thing].account, self.things[thing].level, self.things[thing].id.clone());
        let mut row = self.row_of(account, level, &id, name, moment);
        row.new = asked;
        row.code = Some(code.to_owned());
        self.pending.push(row);
    }

    /// Sets a thing's status at once and leaves its row.
    pub(crate) fn set_thing_status(&mut self, thing: usize, status: RunStatus, moment: &Moment) {
        let (account, level, id, campaign) = (self.things[thing].account, self.things[thing].level, self.things[thing].id.clone(), self.things[thing].campaign);
        match (level, campaign) {
            (Level::Campaign, Some(campaign)) => return self.set_status(Target::Campaign(campaign), status, moment),
            (Level::AdGroup, Some(campaign)) if self.campaigns[campaign].group == id => return self.set_status(Target::Group(campaign), status, moment),
            _ => {}
        }
        let mut row = self.row_of(account, level, &id, "status", moment);
        row.old = Some(self.thing_status(thing, moment.now).name().to_owned());
        row.new = Some(status.name().to_owned());
        if moment.effect == Effect::Apply {
            row.outcome = Outcome::Applied;
            self.things[thing].status.set(moment.now, status);
        }
        self.pending.push(row);
    }

    fn row_of(&self, account: usize, level: Level, id: &str, field: &str, moment: &Moment) -> Row {
        let mut row = Row::stray(moment);
        self.accounts[account].platform.name().clone_into(&mut row.platform);
        row.account.clone_from(&self.accounts[account].id);
        level.name().clone_into(&mut row.level);
        id.clone_into(&mut row.id);
        field.clone_into(&mut row.field);
        row
    }

    fn put_fact(&mut self, thing: usize, name: &str, value: Value, at: ProductTime) {
        let thing = &mut self.things[thing];
        match thing.facts.get_mut(name) {
            Some(history) => history.set(at, value),
            None => {
                let mut history = History::since(thing.created, Value::Null);
                history.set(at, value);
                thing.facts.insert(name.to_owned(), history);
            }
        }
        thing.refused = thing.facts.values().any(|history| offends(&history.at(at)));
    }

    /// Puts something where it belongs, made at `at`.
    pub(super) fn raise(&mut self, account: usize, new: &New, at: ProductTime) -> usize {
        let platform = self.accounts[account].platform;
        let group = (new.level == Level::Ad).then(|| self.thing(platform, Level::AdGroup, &new.parent)).flatten();
        let campaign = match new.level {
            Level::Campaign => Some(self.campaign(platform, &new.id).unwrap_or_else(|| self.found(account, new, at))),
            Level::AdGroup => self.campaign(platform, &new.parent),
            Level::Ad => group.and_then(|group| self.things[group].campaign),
            Level::Account | Level::Creative | Level::Media | Level::Shared => None,
        };
        if let (Level::AdGroup, Some(campaign)) = (new.level, campaign)
            && self.campaigns[campaign].group.is_empty()
        {
            self.campaigns[campaign].group.clone_from(&new.id);
            self.campaigns[campaign].group_status = History::since(at, new.status);
        }
        if let (Level::AdGroup, Some(campaign), Some(own)) = (new.level, campaign, &new.purse) {
            self.endow(account, campaign, own, at);
        }
        let mut facts: BTreeMap<String, History<Value>> = new.facts.iter().map(|(name, value)| (name.clone(), History::since(at, value.clone()))).collect();
        facts.insert("name".to_owned(), History::since(at, Value::String(new.name.clone())));
        let refused = offends(&Value::Object(new.facts.clone())) || new.name.contains(FORBIDDEN);
        self.things.push(Thing {
            account,
            level: new.level,
            id: new.id.clone(),
            parent: new.parent.clone(),
            campaign,
            created: at,
            facts,
            status: History::since(at, new.status),
            group,
            refused,
        });
        let made = self.things.len() - 1;
        if let (Level::Ad, Some(campaign)) = (new.level, campaign) {
            self.campaigns[campaign].ads.push(made);
        }
        made
    }

    /// Gives a new ad group its own money: the first one takes the purse its campaign kept free for it.
    fn endow(&mut self, account: usize, campaign: usize, own: &NewPurse, at: ProductTime) {
        let kept = self.campaigns[campaign].purse;
        let (level, amount) = (Level::AdGroup, History::since(at, own.micros));
        let purse = Purse { account, level, id: own.id.clone(), resource: own.resource.clone(), members: vec![campaign], amount, edited: Vec::new() };
        if self.purses[kept].level == Level::AdGroup && self.purses[kept].id.is_empty() {
            self.purses[kept] = purse;
        } else {
            self.purses.push(purse);
        }
    }

    /// The purse of an ad group that has its own, as an index.
    pub(crate) fn own_purse(&self, group: usize) -> Option<usize> {
        let thing = &self.things[group];
        self.purses.iter().position(|purse| purse.level == Level::AdGroup && purse.account == thing.account && purse.id == thing.id)
    }

    /// A new campaign in the market: how it responds to money is drawn from the seed and its id.
    fn found(&mut self, account: usize, new: &New, at: ProductTime) -> usize {
        let owner = &self.accounts[account];
        let number = new.id.parse::<i64>().unwrap_or(0);
        let scale = if owner.currency.decimals() == 0 { 150.0 } else { 1.0 };
        let slot = Place::of(&[self.seed, number, 70]).below(PROFILES.len());
        let curve = Curve::draw(self.seed, number, slot, owner.platform, scale);
        let purse = new.purse.clone().unwrap_or(NewPurse { level: Level::AdGroup, id: String::new(), resource: String::new(), micros: 0 });
        let shared = self.purses.iter().position(|known| known.account == account && !purse.resource.is_empty() && known.resource == purse.resource);
        let index = self.campaigns.len();
        let purse = match shared {
            Some(known) => {
                self.purses[known].members.push(index);
                known
            }
            None => {
                let amount = History::since(at, purse.micros);
                self.purses.push(Purse {
                    account,
                    level: purse.level,
                    id: purse.id,
                    resource: purse.resource,
                    members: vec![index],
                    amount,
                    edited: Vec::new(),
                });
                self.purses.len() - 1
            }
        };
        self.campaigns.push(Campaign {
            account,
            id: new.id.clone(),
            group: String::new(),
            name: new.name.clone(),
            status: History::since(at, new.status),
            group_status: History::since(at, RunStatus::Paused),
            purse,
            review: Review::Passed,
            curve,
            ads: Vec::new(),
        });
        index
    }

    /// Repeats an applied row about a thing when the world is rebuilt; `false` when it is about something else.
    pub(super) fn replay_thing(&mut self, platform: Platform, row: &Row) -> bool {
        let at = ProductTime::from_ms(row.at_ms);
        let Some(text) = row.new.as_deref() else { return false };
        if row.field == "create" {
            if let (Ok(new), Some(account)) = (serde_json::from_str::<New>(text), self.account(platform, &row.account)) {
                self.raise(account, &new, at);
            }
            return true;
        }
        let Some(level) = Level::ALL.into_iter().find(|level| level.name() == row.level) else { return false };
        let Some(thing) = self.thing(platform, level, &row.id) else { return false };
        if row.field == "status" {
            let first = self.things[thing].campaign.is_some_and(|campaign| self.campaigns[campaign].group == row.id);
            let status = [RunStatus::Active, RunStatus::Paused, RunStatus::Ended].into_iter().find(|status| status.name() == text);
            return match (status, level) {
                (_, Level::Campaign) => false,
                (_, Level::AdGroup) if first => false,
                (Some(status), _) => {
                    self.things[thing].status.set(at, status);
                    true
                }
                (None, _) => true,
            };
        }
        if row.field == "budget" {
            return false;
        }
        if let Ok(value) = serde_json::from_str(text) {
            self.put_fact(thing, &row.field, value, at);
        }
        true
    }

    /// Gives every campaign of the start its own thing, its ad group and its ads: two where its number is even, else one.
    pub(super) fn furnish(&mut self) {
        let at = self.since - TimeDelta::days(30);
        for index in 0..self.campaigns.len() {
            let campaign = self.campaigns[index].clone();
            let (account, platform) = (campaign.account, self.accounts[campaign.account].platform);
            let refused = campaign.review == Review::Disapproved;
            let make = |level, id: String, parent: &str, name: String| New {
                level,
                id,
                parent: parent.to_owned(),
                name,
                status: RunStatus::Active,
                purse: None,
                facts: Map::new(),
            };
            self.raise(account, &make(Level::Campaign, campaign.id.clone(), "", campaign.name.clone()), at);
            self.raise(account, &make(Level::AdGroup, campaign.group.clone(), &campaign.id, format!("{} | all", campaign.name)), at);
            for number in 0..if index % 2 == 0 { 2 } else { 1 } {
                let id = match platform {
                    Platform::Google => format!("{}~{}", campaign.group, campaign.group.parse::<i64>().unwrap_or(0) * 10 + number),
                    Platform::Meta | Platform::Tiktok => (campaign.group.parse::<i64>().unwrap_or(0) + 1 + number).to_string(),
                };
                let mut ad = make(Level::Ad, id, &campaign.group, format!("{} | ad {}", campaign.name, number + 1));
                if platform == Platform::Meta {
                    let creative = make(Level::Creative, (campaign.group.parse::<i64>().unwrap_or(0) + 4 + number).to_string(), "", ad.name.clone());
                    ad.facts.insert("creative".to_owned(), Value::String(creative.id.clone()));
                    self.raise(account, &creative, at);
                }
                let ad = self.raise(account, &ad, at);
                self.things[ad].refused = refused;
            }
        }
    }
}
