//! The policy in which a person has said yes to everything that only asks: whoever acts on advice does.

use rust_decimal::Decimal;

use crate::domain::policy::{Guardrails, Policy};

/// More than any account moves, and far from what overflows.
const ANY_AMOUNT: i64 = 100_000_000_000;

/// The same policy with the numbers of its soft rules out of reach. Hard and shaping rules keep theirs.
pub(super) fn approving(policy: &Policy) -> Policy {
    let mut agreed = policy.clone();
    let agents = agreed.agents.values_mut().map(|agent| &mut agent.guardrails);
    agents.chain(std::iter::once(&mut agreed.workspace)).for_each(agree);
    agreed
}

fn agree(rails: &mut Guardrails) {
    rails.confidence_growth = Decimal::ZERO;
    rails.confidence_cut = Decimal::ZERO;
    rails.confidence_growth_volatile = Decimal::ZERO;
    rails.confidence_cut_volatile = Decimal::ZERO;
    rails.earned_amount = Decimal::from(ANY_AMOUNT);
    rails.four_eyes_above = Decimal::from(ANY_AMOUNT);
    rails.min_active_campaigns = 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardrails::{Kind, RULES};

    #[test]
    fn only_the_numbers_of_rules_that_ask_an_agent_are_out_of_reach() {
        let (before, mut after) = (Guardrails::default(), Guardrails::default());
        agree(&mut after);
        let moved: Vec<&str> = RULES.iter().filter(|rule| rule.value(&before) != rule.value(&after)).map(|rule| rule.id).collect();
        assert_eq!(moved, ["LAST_ACTIVE", "CONFIDENCE", "EARNED", "FOUR_EYES"]);
        assert!(RULES.iter().filter(|rule| moved.contains(&rule.id)).all(|rule| rule.kind == Kind::Soft));
    }
}
