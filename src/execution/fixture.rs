//! Small platforms for the tests of this room.

use crate::domain::entity::{AccountState, Budget, BudgetRef, Campaign, EntityKey, Learning, Objective, Platform, RunStatus};
use crate::domain::money::{Currency, Money};
use crate::platforms::Inventory;

/// So many US dollars.
pub fn usd(units: i64) -> Money {
    Money::from_units(units, Currency::USD).expect("small")
}

/// The key of campaign `number` of account `a`.
pub fn key(number: u32) -> EntityKey {
    EntityKey::campaign("a".parse().expect("a name"), number.to_string())
}

/// An active campaign with a budget of its own.
pub fn campaign(number: u32) -> Campaign {
    let key = key(number);
    Campaign {
        key: key.clone(),
        name: format!("campaign {number}"),
        status: RunStatus::Active,
        serving: true,
        disapproved: false,
        objective: Objective::Conversions,
        special_categories: Some(Vec::new()),
        learning: Learning::Done,
        budget: BudgetRef { members: vec![key.clone()], key },
        created: None,
    }
}

/// What account `a` shows when its campaigns have these budgets, in dollars.
pub fn inventory(budgets: &[(u32, i64)]) -> Inventory {
    let account = AccountState {
        account: "a".parse().expect("a name"),
        platform: Platform::Meta,
        platform_id: "act_1".into(),
        name: "A".into(),
        currency: Currency::USD,
        time_zone: chrono_tz::Tz::UTC,
        in_good_standing: true,
    };
    let budget = |&(number, units): &(u32, i64)| Budget {
        budget: campaign(number).budget,
        resource: number.to_string(),
        amount: usd(units),
        unit: Currency::USD.minor_unit(),
        minimum: usd(1),
        read_only: None,
    };
    Inventory { account, campaigns: budgets.iter().map(|(number, _)| campaign(*number)).collect(), budgets: budgets.iter().map(budget).collect() }
}
