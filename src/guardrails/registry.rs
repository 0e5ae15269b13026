//! Every guardrail there is, in the order in which it is judged and shown. A new rule is one function and one entry.

use super::rule::{Applies, Judge, Kind, Rule};
use super::{ask, caps, control, fresh, rise, shape, target, timing};
use crate::domain::policy::Guardrails;

fn on(_: &Guardrails) -> String {
    "on".to_owned()
}

macro_rules! rules {
    ($($id:ident, $kind:ident, $applies:ident, $unit:literal, $value:expr, $judge:expr, $says:literal;)*) => {
        &[$(Rule { id: stringify!($id), kind: Kind::$kind, applies: Applies::$applies, unit: $unit, says: $says, value: $value, judge: $judge },)*]
    };
}

/// All rules. Their numbers come from [`Guardrails`]: `check`, pages and docs print this table.
pub static RULES: &[Rule] = rules! {
    UNEVALUABLE, Hard, Anything, "", on, Judge::Whole,
        "What cannot be evaluated, for want of a figure or because two currencies meet, is denied.";
    PAUSED, Hard, AllButStop, "", on, Judge::Ledger(control::paused),
        "Nothing is written within a scope that is paused, or within one around it.";
    TERMINATED, Hard, Agent, "", on, Judge::Ledger(control::terminated),
        "A terminated agent never acts again.";
    REDUCING, Hard, AllButReductions, "", on, Judge::Ledger(control::reducing),
        "A tripped breaker lets spend only go down until a person re-arms it.";
    HOLD, Hard, AllButPause, "", on, Judge::Ledger(control::hold),
        "What somebody changed on the platform is left alone until the hold ends.";
    UNRESOLVED, Hard, AllButPause, "", on, Judge::Ledger(control::unresolved),
        "While nobody knows what became of a write, its entity is not written again.";
    READ_ONLY, Hard, Anything, "", on, Judge::View(target::read_only),
        "What has ended, or is of a kind we cannot steer, is never written; a person pauses a campaign of any kind that runs.";
    FROZEN_ACCOUNT, Hard, AllButStop, "", on, Judge::View(target::frozen_account),
        "An account whose currency, zone or standing is not as configured is left alone.";
    CURRENCY, Hard, AllButStop, "", on, Judge::View(target::currency),
        "Change, account and pool speak of one currency.";
    ALLOW_LIST, Hard, AllButStop, "", |g| g.allow.join(" "), Judge::View(target::allow_list),
        "Only members of the pool that the allow-list names are touched.";
    EXPECTATION, Hard, AllButStop, "", on, Judge::View(target::expectation),
        "The platform shows the value the change expects to find; an agent's also the one last accepted.";
    UNIT, Hard, Anything, "", on, Judge::View(target::unit),
        "Amounts are whole numbers of the platform's unit: an agent's is rounded, a person's refused.";
    PLATFORM_MINIMUM, Hard, Anything, "", on, Judge::View(target::minimum),
        "No budget goes below what the platform accepts.";
    POLICY_DISAPPROVED, Hard, Growth, "", on, Judge::View(target::disapproved),
        "What the platform's review refused is not started; a ticket is opened.";
    POLICY_DECLARATION, Hard, Growth, "", on, Judge::View(target::declaration),
        "What lacks its special ad category declaration is not started; a ticket is opened.";
    FREEZE, Hard, AllButReductions, "", on, Judge::Ledger(fresh::freeze),
        "In a freeze of the calendar nothing but reductions goes through.";
    STALE_CONFIG, Hard, JudgementButPause, "s", |g| g.max_config_age_s.to_string(), Judge::View(fresh::config),
        "Campaigns and budgets were read within so many seconds of wall time.";
    STALE_SPEND, Hard, JudgementButPause, "h", |g| g.max_spend_age_h.to_string(), Judge::View(fresh::spend),
        "Spend was read within so many hours.";
    STALE_CONVERSIONS, Hard, Judgement, "h", |g| g.max_conversions_age_h.to_string(), Judge::View(fresh::conversions),
        "Conversions were read within so many hours.";
    TRACKING, Hard, Judgement, "% of expected", |g| g.tracking_min_pct.to_string(), Judge::View(fresh::tracking),
        "Where conversions went missing, nobody concludes anything from them.";
    SUPERSEDED_PLAN, Hard, Growth, "", on, Judge::View(ask::superseded_plan),
        "Money of a plan version that was replaced does not grow; passes while there is no plan.";
    STEP, Shaping, AgentBudget, "% of accepted", |g| g.step_pct.to_string(), Judge::View(shape::step),
        "One step of an agent is at most so much of the last accepted amount.";
    SPENT_TODAY, Shaping, AgentBudget, "", on, Judge::View(shape::spent),
        "A cut stops at what the platform takes today, given what is spent already; the rest follows tomorrow.";
    RAMP, Shaping, AgentBudget, "% of growth, day 1 and 2", |g| format!("{} {}", g.ramp_first_pct, g.ramp_second_pct), Judge::View(shape::ramp),
        "After a resume growth returns in two days.";
    OPEN_DECISION, Shaping, Anything, "", on, Judge::View(timing::open_decision),
        "One decision at a time is open on an entity.";
    COOLDOWN, Shaping, Agent, "h before growth, cut", |g| format!("{} {}", g.cooldown_growth_h, g.cooldown_cut_h), Judge::View(timing::cooldown),
        "After a change of a budget so much time passes before the next.";
    LEARNING, Shaping, Agent, "conversions or days", |g| format!("{} {}", g.learning_conversions, g.learning_days), Judge::View(timing::learning),
        "A learning phase is not disturbed: the platform's own, else since our last significant edit.";
    EVIDENCE, Shaping, Agent, "closed days and conversions, or x CPA spent",
        |g| format!("{} {} {}", g.evidence_days, g.evidence_conversions, g.evidence_cpa_multiple), Judge::View(timing::evidence),
        "Growth rests on closed days and matured conversions or on spend; a cut on spend.";
    EDIT_LIMIT, Shaping, Anything, "edits/h", |g| g.edits_per_hour.to_string(), Judge::View(timing::edit_limit),
        "A budget is edited at most so often within an hour; one more is kept for an undo.";
    SHADOW, Hard, Agent, "", on, Judge::View(ask::shadow),
        "An agent that only observes sends nothing.";
    AUTONOMY, Soft, Agent, "", on, Judge::View(ask::autonomy),
        "Every change of an agent that only suggests is a question.";
    NOT_ACCEPTED, Soft, AllButStop, "", on, Judge::View(ask::not_accepted),
        "On an account nobody has accepted yet every change asks.";
    STRUCTURAL, Soft, AllButStop, "", on, Judge::View(ask::structural),
        "Creating, deleting, and changing strategy or targeting ask.";
    LAST_ACTIVE, Soft, Agent, "campaigns", |g| g.min_active_campaigns.to_string(), Judge::View(ask::last_active),
        "An agent that would leave fewer active campaigns in the pool asks.";
    LARGE_STEP, Soft, Person, "% or units/day", |g| format!("{} {}", g.ask_step_pct, g.ask_amount), Judge::View(ask::large_step),
        "A person's or plan's change of a budget by more than this asks.";
    CONFIDENCE, Soft, Agent, "for growth, cut; volatile",
        |g| format!("{} {}; {} {}", g.confidence_growth, g.confidence_cut, g.confidence_growth_volatile, g.confidence_cut_volatile),
        Judge::View(ask::confidence), "An agent less sure than this asks.";
    EARNED, Soft, Agent, "units per 7 days", |g| g.earned_amount.to_string(), Judge::View(ask::earned),
        "What an agent may stake alone within seven days; above it, it asks.";
    FLIGHT, Soft, Growth, "", on, Judge::View(ask::flight),
        "A budget above its plan's flight asks; passes while there is no plan.";
    FOUR_EYES, Soft, Growth, "units/day", |g| g.four_eyes_above.to_string(), Judge::View(ask::four_eyes),
        "A larger net increase needs two people.";
    RISE_24H_BUDGET, Hard, Growth, "%", |g| g.budget_rise_pct.to_string(), Judge::Ledger(rise::budget),
        "Net increase of a budget within 24 h; agents are denied, people asked.";
    RISE_24H_ACCOUNT, Hard, Growth, "%", |g| g.account_rise_pct.to_string(), Judge::Ledger(rise::account),
        "Net increase of an account within 24 h; agents are denied, people asked.";
    RISE_24H_WORKSPACE, Hard, Growth, "%", |g| g.workspace_rise_pct.to_string(), Judge::Ledger(rise::workspace),
        "Net increase of the workspace within 24 h; agents are denied, people asked.";
    MONTH_CAP, Hard, Growth, "", on, Judge::Ledger(caps::month_cap),
        "Spent this month, and the rest of it at the platform's overshoot, stay below the pool's monthly cap.";
    POOL_CAP, Hard, Growth, "", on, Judge::Ledger(caps::pool_cap),
        "Committed daily budgets of a pool never exceed its cap.";
    NO_CHANGE, Hard, Anything, "", on, Judge::Whole,
        "A budget that is what it should be is not written.";
    FUNDS, Hard, Growth, "", on, Judge::Whole,
        "An increase whose funding was lost to other rulings is denied.";
};

/// The rule with a code.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
