//! The rules that are judged again inside the transactions that record and dispatch, from fresh books alone.

use super::facts::Facts;
use super::registry::RULES;
use super::rule::{Judge, unevaluable};
use super::ruling::waived;
use super::tally::Tally;
use crate::domain::books::Books;
use crate::domain::change::{Change, Direction};
use crate::domain::policy::Policy;
use crate::domain::proposal::Actor;
use crate::domain::verdict::{Ruling, Verdict};

/// Whether one change may be recorded or dispatched by what stands in the books now: caps, 24 h sums, pauses, terminated agents, holds, unresolved
/// outcomes, tripped breakers. A decision that the books already count as open is not counted twice.
///
/// # Errors
/// The first verdict that stands in its way; an [`Ruling::Ask`] there means that the sums have moved since it was judged.
pub fn counters(change: &Change, actor: &Actor, policy: &Policy, books: &Books) -> Result<(), Verdict> {
    admit(change, actor, policy, books, &Tally::default())
}

/// The same for the changes of one transaction, in order: each counts the admitted ones before it.
pub fn counters_all<'a>(changes: impl IntoIterator<Item = (&'a Change, &'a Actor)>, policy: &Policy, books: &Books) -> Vec<Result<(), Verdict>> {
    let mut tally = Tally::default();
    let mut admitted = Vec::new();
    for (change, actor) in changes {
        let ruling = admit(change, actor, policy, books, &tally);
        if ruling.is_ok() && change.direction() == Direction::Growth {
            let targets = Facts::of((change, actor), policy, books, None, books.at, &tally).and_then(|facts| facts.targets());
            match targets {
                Ok(targets) => tally.lift(targets),
                Err(unknown) => {
                    admitted.push(Err(unevaluable("sums", &unknown)));
                    continue;
                }
            }
        }
        admitted.push(ruling);
    }
    admitted
}

fn admit(change: &Change, actor: &Actor, policy: &Policy, books: &Books, tally: &Tally) -> Result<(), Verdict> {
    let facts = Facts::of((change, actor), policy, books, None, books.at, tally).map_err(|unknown| unevaluable("change", &unknown))?;
    for rule in RULES.iter().filter(|rule| rule.applies.covers(actor, change)) {
        let Judge::Ledger(judge) = rule.judge else { continue };
        let verdict = rule.verdict(waived(rule, actor, judge(&facts)));
        if verdict.ruling != Ruling::Pass {
            return Err(verdict);
        }
    }
    Ok(())
}
