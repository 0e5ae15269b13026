//! Edits and the rows they leave: a budget or a status is only ever changed here, and never without a row.

use serde::{Deserialize, Serialize};

use super::World;
use super::build::budget_unit;
use crate::clock::{ProductTime, WallTime};
use crate::domain::entity::{Level, Platform, RunStatus};
use crate::sandbox::faults::Kind;

/// Who made an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A request to the platform's API.
    Api,
    /// A person in the platform's own pages.
    People,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It took effect.
    Applied,
    /// It did not.
    Refused,
}

/// One row of the log. Budgets are micros as text, statuses `active`, `paused`, `ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Order of the log; 0 until it is in the state file.
    pub(crate) seq: i64,
    pub(crate) at_ms: i64,
    pub(crate) wall_ms: i64,
    pub(crate) effective_at_ms: i64,
    pub(crate) source: Source,
    pub(crate) fault: Option<String>,
    pub(crate) platform: String,
    pub(crate) account: String,
    pub(crate) level: String,
    pub(crate) id: String,
    pub(crate) field: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    pub(crate) body_sha256: String,
    pub(crate) outcome: Outcome,
    /// The platform's error code where it was refused.
    pub(crate) code: Option<String>,
}

/// Whether a write that reaches the world takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does.
    Apply,
    /// It is lost before it could: the row says so, nothing changes.
    Lose,
}

/// The circumstances of one request.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Product time of the request.
    pub(crate) now: ProductTime,
    /// The product time reads show; earlier than `now` when a fault makes them stale.
    pub(crate) seen: ProductTime,
    pub(crate) wall: WallTime,
    pub(crate) source: Source,
    pub(crate) effect: Effect,
    pub(crate) fault: Option<Kind>,
    pub(crate) body_sha256: String,
    /// Where the client reached us, for links to the next page.
    pub(crate) host: String,
    /// Seconds a platform announces where it asks to wait.
    pub(crate) wait_s: u32,
}

/// What an edit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The status of a campaign, by index.
    Campaign(usize),
    /// The status of a campaign's ad group, by the campaign's index.
    Group(usize),
    /// The amount of a purse, by index.
    Purse(usize),
}

impl World {
    /// Sets a purse's amount from `effective` on and leaves a row.
    pub(crate) fn set_budget(&mut self, purse: usize, micros: i64, effective: ProductTime, moment: &Moment) {
        let owner = &self.accounts[self.purses[purse].account];
        let whole = budget_unit(owner.platform, owner.currency);
        let micros = if moment.fault == Some(Kind::Clip) { (micros / 10 * 9 / whole).max(1) * whole } else { micros };
        let mut row = self.row(Target::Purse(purse), "budget", moment);
        row.old = Some(self.purses[purse].amount.at(moment.now).to_string());
        row.new = Some(micros.to_string());
        row.effective_at_ms = effective.ms();
        if moment.effect == Effect::Apply {
            row.outcome = Outcome::Applied;
            self.purses[purse].amount.set(effective, micros);
            self.purses[purse].edited.push(moment.now);
        }
        self.pending.push(row);
    }

    /// Sets the status of a campaign or ad group at once and leaves a row.
    pub(crate) fn set_status(&mut self, target: Target, status: RunStatus, moment: &Moment) {
        let mut row = self.row(target, "status", moment);
        let history = match target {
            Target::Campaign(campaign) => &mut self.campaigns[campaign].status,
            Target::Group(campaign) => &mut self.campaigns[campaign].group_status,
            Target::Purse(_) => return,
        };
        row.old = Some(history.at(moment.now).name().to_owned());
        row.new = Some(status.name().to_owned());
        if moment.effect == Effect::Apply {
            row.outcome = Outcome::Applied;
            history.set(moment.now, status);
        }
        self.pending.push(row);
    }

    /// Leaves a row for a write the platform refuses with `code`.
    pub(crate) fn refuse(&mut self, target: Target, field: &str, asked: Option<String>, code: &str, moment: &Moment) {
        let mut row = self.row(target, field, moment);
        row.new = asked;
        row.code = Some(code.to_owned());
        self.pending.push(row);
    }

    fn row(&self, target: Target, field: &str, moment: &Moment) -> Row {
        let (account, level, id) = match target {
            Target::Campaign(campaign) => (self.campaigns[campaign].account, Level::Campaign, self.campaigns[campaign].id.clone()),
            Target::Group(campaign) => (self.campaigns[campaign].account, Level::AdGroup, self.campaigns[campaign].group.clone()),
            Target::Purse(purse) => (self.purses[purse].account, self.purses[purse].level, self.purses[purse].id.clone()),
        };
        let mut row = Row::stray(moment);
        self.accounts[account].platform.name().clone_into(&mut row.platform);
        row.account.clone_from(&self.accounts[account].id);
        level.name().clone_into(&mut row.level);
        row.id = id;
        field.clone_into(&mut row.field);
        row
    }

    /// Repeats an applied row of the state file when the world is rebuilt. Rows about what this world does not hold are ignored.
    pub(crate) fn replay(&mut self, row: &Row) {
        let Some(platform) = row.platform.parse::<Platform>().ok() else { return };
        let (at, effective) = (ProductTime::from_ms(row.at_ms), ProductTime::from_ms(row.effective_at_ms));
        if self.replay_thing(platform, row) {
            return;
        }
        let Some(new) = row.new.as_deref() else { return };
        if row.field == "budget" {
            let found = self.purses.iter_mut().find(|purse| {
                purse.level.name() == row.level
                    && purse.id == row.id
                    && self.accounts[purse.account].id == row.account
                    && self.accounts[purse.account].platform == platform
            });
            if let (Some(purse), Ok(micros)) = (found, new.parse()) {
                purse.amount.set(effective, micros);
                purse.edited.push(at);
            }
            return;
        }
        let Some(status) = [RunStatus::Active, RunStatus::Paused, RunStatus::Ended].into_iter().find(|status| status.name() == new) else { return };
        if row.level == Level::Campaign.name() {
            if let Some(campaign) = self.campaign(platform, &row.id) {
                self.campaigns[campaign].status.set(effective, status);
            }
        } else if let Some(campaign) = self.group(platform, &row.id) {
            self.campaigns[campaign].group_status.set(effective, status);
        }
    }
}

impl Row {
    /// A refused row about nothing in particular, to be filled in.
    pub(crate) fn stray(moment: &Moment) -> Self {
        Self {
            seq: 0,
            at_ms: moment.now.ms(),
            wall_ms: moment.wall.ms(),
            effective_at_ms: moment.now.ms(),
            source: moment.source,
            fault: moment.fault.map(|fault| fault.name().to_owned()),
            platform: String::new(),
            account: String::new(),
            level: String::new(),
            id: String::new(),
            field: String::new(),
            old: None,
            new: None,
            body_sha256: moment.body_sha256.clone(),
            outcome: Outcome::Refused,
            code: None,
        }
    }
}
