//! Grows spend toward its target while the next unit still meets the limit; raises what stands well over it step by step and stops at the knee.

use crate::domain::proposal::{AgentKind, Proposal, Round};

use super::AgentInput;
use super::appraisal::{Appraisal, appraise};
use super::prices::{Target, Temper, prices};
use super::reading::Reading;
use super::stance::objective;
use super::words;

/// The next unit must bring this of what the limit asks on average: below it a raise no longer pays for itself. A step whose gain is not sure is
/// tried for a part of what is not known.
const TEMPER: Temper = Temper { knee: 0.5, curiosity: 0.1 };

pub(super) fn propose(input: &AgentInput<'_>) -> Proposal {
    let currency = input.view.currency;
    let nothing = |progress: &str| Proposal {
        agent: input.id.clone(),
        kind: AgentKind::Scale,
        focus: "waiting for figures".to_owned(),
        progress: progress.to_owned(),
        objectives: Vec::new(),
        wishes: Vec::new(),
    };
    let Some((yardstick, mut seen)) = appraise(input) else { return nothing("nothing is known yet of what this pool's budgets bring") };
    seen.retain(Appraisal::runs);
    if seen.is_empty() {
        return nothing("no running budget can be judged");
    }
    let goal = &input.policy.goal;
    let target = Target::of(goal);
    let (prices, reach) = prices(input, &seen, yardstick, TEMPER);
    let objectives: Vec<_> = seen.iter().map(|seen| objective(input, seen, &prices, target, &format!("for `{goal}`"))).collect();
    let mut total = Reading::default();
    seen.iter().for_each(|seen| total.add(seen.recent));
    let standing = format!("{}{}", words::standing(yardstick, &total, currency), words::reach(yardstick, goal, &reach));
    let now = reach.now.reached;
    let progress = match target {
        Target::Spend(wanted) => format!("budgets of {now:.2} {currency}/day of {wanted:.2} wanted ({:.0} %); {standing}", 100.0 * now / wanted),
        Target::Conversions(wanted) => {
            format!("{:.0} conversions a week expected of {:.0} wanted ({:.0} %); {standing}", 7.0 * now, 7.0 * wanted, 100.0 * now / wanted)
        }
        Target::Unlimited => standing,
    };
    let raised = seen.iter().zip(&objectives).filter(|(seen, objective)| objective.ideal.estimate() > seen.now).count();
    let focus = match input.round {
        Round::Allocation => format!("{raised} of {} budgets could grow", seen.len()),
        Round::Protective => format!("watching {} budgets, no growth in this round", seen.len()),
    };
    let objectives = seen.iter().zip(objectives).filter(|(seen, _)| !seen.watched(input)).map(|(_, objective)| objective).collect();
    Proposal { agent: input.id.clone(), kind: AgentKind::Scale, focus, progress, objectives, wishes: Vec::new() }
}
