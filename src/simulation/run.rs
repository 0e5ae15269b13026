//! One account under one manager, from the first watched day to the last.

use super::account::{Account, WARMUP_DAYS};
use super::managers::{Desk, History, Kind};
use super::market::{Market, Truth};
use super::review::Asked;
use crate::advise::protocol::{Advice, Expected};

/// Days between two rounds of forecasts that are all scored.
pub(crate) const WEEK: usize = 7;

/// What a forecast of one day said, beside what plain continuation would have said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) day: usize,
    pub(crate) manager: Expected,
    /// On weekly days alone.
    pub(crate) persistence: Option<Expected>,
}

/// The managed days.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) account: Account,
    pub(crate) days: Vec<Truth>,
    pub(crate) said: Vec<Said>,
    pub(crate) asked: Vec<Asked>,
}

/// Runs `account` under a manager of the kind.
pub(crate) fn run(account: Account, kind: Kind) -> Run {
    let (n, horizon) = (account.meta.n, account.horizon);
    let mut desk = Desk::take(kind, &account.meta, account.seed);
    let mut notes = History::new(&account.meta);
    let untouched = Advice { budgets: account.meta.init_budgets.clone(), statuses: vec![1; n], ..Advice::default() };
    let mut market = Market::open(account);
    let (mut days, mut said, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    while market.day < horizon {
        let managed = market.day.checked_sub(WARMUP_DAYS);
        let plan = match managed {
            None => untouched.clone(),
            Some(_) => desk.decide(&market),
        };
        assert!(plan.budgets.len() == n && plan.statuses.len() == n, "`{}` decided {} of {n} budgets", kind.name(), plan.budgets.len());
        let (seen, truth) = market.run(&plan);
        if let Some(day) = managed {
            let persistence = day.is_multiple_of(WEEK).then(|| notes.persistence());
            said.push(Said { day, manager: plan.predict, persistence });
            asked.push(desk.asked());
            days.push(truth);
        }
        notes.observe(&seen);
        desk.observe(&seen);
    }
    Run { account: market.account, days, said, asked }
}
