//! What became of predictions: each is scored once its week is over and the conversions of it have arrived, as the daemon scores its own.

use std::collections::BTreeMap;

use super::figures::Figures;
use super::standing::Answer;
use crate::domain::books::{Books, TrackRecord};
use crate::domain::change::{ActionKind, Change};
use crate::domain::curve::CampaignCurve;
use crate::domain::entity::EntityKey;
use crate::domain::ids::AgentId;
use crate::domain::outcome::{OutcomeState, Prediction, VoidReason};
use crate::learning::{Ending, LAG_DAYS, score};

/// One prediction and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Where the campaign stands in the order told.
    pub campaign: usize,
    /// Whose it was.
    pub agent: AgentId,
    /// The kind of action.
    pub action: ActionKind,
    /// The day it was decided for: the first day it covers.
    pub day: usize,
    /// What was expected.
    pub prediction: Prediction,
    /// What became of it.
    pub state: OutcomeState,
}

struct Open {
    campaign: usize,
    agent: AgentId,
    action: ActionKind,
    day: usize,
    prediction: Prediction,
    /// The amount before the change.
    from: f64,
    ending: Option<End>,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Our own next change, decided for this day.
    Ours(usize),
    Disturbed,
}

/// All predictions that are open, and the record of those that are not.
#[derive(Default)]
pub(super) struct Outcomes {
    open: Vec<Open>,
    track: BTreeMap<AgentId, BTreeMap<ActionKind, TrackRecord>>,
}

impl Outcomes {
    /// A change of a campaign is part of the advice for `day`: what was predicted of it before ends there.
    pub fn begin(&mut self, campaign: usize, agent: &AgentId, change: &Change, prediction: Option<&Prediction>, day: usize) {
        for open in self.open.iter_mut().filter(|open| open.campaign == campaign && open.ending.is_none()) {
            open.ending = Some(End::Ours(day));
        }
        let Some(prediction) = prediction else { return };
        let from = match change {
            Change::Budget { from, .. } => from.estimate(),
            Change::Status { .. } | Change::PartStatus { .. } | Change::Bid { .. } | Change::BidStrategy { .. } | Change::Targeting { .. } => {
                prediction.planned_daily
            }
            Change::CreateCampaign(_) | Change::CreateAdGroup(_) | Change::CreateCreative(_) | Change::CreateAd(_) | Change::UploadMedia(_) => return,
        };
        self.open.push(Open { campaign, agent: agent.clone(), action: change.action(), day, prediction: prediction.clone(), from, ending: None });
    }

    /// What the campaign was seen to have had on `day`.
    pub fn answered(&mut self, campaign: usize, day: usize, answer: Answer) {
        match answer {
            Answer::AsAdvised => {}
            Answer::NotFollowed => {
                self.open.retain(|open| open.campaign != campaign || open.day != day);
                for open in self.open.iter_mut().filter(|open| open.campaign == campaign && open.ending == Some(End::Ours(day))) {
                    open.ending = None;
                }
            }
            Answer::Changed => {
                self.open.iter_mut().filter(|open| open.campaign == campaign && open.ending.is_none()).for_each(|open| open.ending = Some(End::Disturbed));
            }
        }
    }

    /// Scores what is mature on `today`.
    pub fn settle(&mut self, figures: &Figures, keys: impl Fn(usize) -> EntityKey, curves: &BTreeMap<EntityKey, CampaignCurve>) -> Vec<Outcome> {
        let today = figures.today();
        let due = |open: &Open| today >= open.day + usize::try_from(open.prediction.horizon_days + LAG_DAYS).unwrap_or(usize::MAX);
        let (due, open): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open).into_iter().partition(due);
        self.open = open;
        due.into_iter()
            .map(|open| {
                let ending = match open.ending {
                    None => Ending::Horizon,
                    Some(End::Ours(day)) => Ending::OurChange(figures.date(day)),
                    Some(End::Disturbed) => Ending::Disturbed(VoidReason::ForeignEdit),
                };
                let last = open.day + usize::try_from(open.prediction.horizon_days).unwrap_or(0);
                let days = figures.days(open.campaign, open.day..last);
                let state = score(&open.prediction, &days, ending, curves.get(&keys(open.campaign)), open.from);
                if let OutcomeState::Scored { right, inside, .. } = state {
                    let record = self.track.entry(open.agent.clone()).or_default().entry(open.action).or_default();
                    record.scored += 1;
                    record.right += u32::from(right);
                    record.inside += u32::from(inside);
                    record.bad_run = if right { 0 } else { record.bad_run + 1 };
                }
                Outcome { campaign: open.campaign, agent: open.agent, action: open.action, day: open.day, prediction: open.prediction, state }
            })
            .collect()
    }

    /// Writes the record into the books.
    pub fn enter(&self, books: &mut Books) {
        books.track.clone_from(&self.track);
    }
}
