//! The configuration file as people meet it: the shipped one runs, and a broken one says all that is wrong, where, and what to write.

use std::collections::BTreeMap;
use std::path::Path;

use adjutant::config::{Config, Endpoint, Surroundings};
use adjutant::domain::proposal::Autonomy;

/// A world with chosen variables and files.
#[derive(Default)]
struct Given {
    vars: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
}

impl Surroundings for Given {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(ToString::to_string)
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        let found = path.to_str().and_then(|path| self.files.get(path));
        found.map(ToString::to_string).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

const SHIPPED: &str = include_str!("../../agents.toml");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("agents.toml"), &Given::default()).map_err(|faults| faults.to_string())
}

#[test]
fn the_shipped_file_runs_three_accepted_sandbox_accounts_and_two_agents_that_act_alone() {
    let config = parse(SHIPPED).expect("the shipped file is valid");
    assert_eq!(config.accounts.len(), 3);
    assert!(config.accounts.values().all(|account| account.accepted && account.endpoint == Endpoint::Sandbox));
    assert!(config.agents.values().all(|agent| agent.autonomy == Autonomy::Autonomous && agent.guardrails.earned_amount > rust_decimal::Decimal::ZERO));
    let priorities: Vec<_> = config.agents.values().map(|agent| agent.priority).collect();
    assert_eq!(config.agents.len(), 2);
    assert_ne!(priorities[0], priorities[1]);
    let lapse = config.clock.expect("the shipped file runs in time-lapse");
    assert_eq!(lapse.rate, 17_280);
    let first = lapse.start.date_in(chrono_tz::UTC);
    assert!((0..60).any(|day| config.policy().is_volatile(first + chrono::Days::new(day))), "some day of the first sixty is volatile");
    assert_eq!(config.sandbox.map(|sandbox| (sandbox.seed, sandbox.campaigns, sandbox.people)), Some((7, 24, true)));
}

#[test]
fn a_partial_table_of_guardrails_switches_none_of_the_others_off() {
    let config = parse(SHIPPED).expect("the shipped file is valid");
    let defaults = adjutant::domain::policy::Guardrails::default();
    assert_eq!(config.guardrails, defaults);
    let scale = &config.agents[&"scale".parse().expect("a name")].guardrails;
    assert_eq!(scale.step_pct, 15.into());
    assert_eq!(adjutant::domain::policy::Guardrails { step_pct: defaults.step_pct, ..scale.clone() }, defaults);
}
