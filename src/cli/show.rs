//! Commands that show something: status, agents, tickets, alerts, decisions.

use clap::Args;
use serde_json::Value;

use super::client::{Client, ClientError, segment};
use super::table::{printable, table};

/// For whom output is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Print {
    People,
    Scripts,
}

impl Print {
    pub(super) fn of(json: bool) -> Self {
        if json { Self::Scripts } else { Self::People }
    }

    pub(super) fn result(self, value: &Value, people: impl FnOnce() -> String) {
        match self {
            Self::People => say(people().trim_end()),
            Self::Scripts => say(&format!("{value:#}")),
        }
    }
}

/// Writes a line to standard output. Whoever reads it may stop reading, as `head` does; that is no fault.
pub(super) fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Which decisions to list.
#[derive(Debug, Args)]
pub struct DecisionArgs {
    /// Show this one, with its reasons, verdicts and steps.
    id: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only those of this agent.
    #[arg(long)]
    agent: Option<String>,
    /// Only those of this entity, `account:level:id`.
    #[arg(long)]
    entity: Option<String>,
    /// Only those in this state.
    #[arg(long)]
    state: Option<String>,
}

fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn listed(headings: &[&str], fields: &[&str], rows: &[Value]) -> String {
    if rows.is_empty() {
        return "none".to_owned();
    }
    let rows: Vec<Vec<String>> = rows.iter().map(|row| fields.iter().map(|field| text(row, field)).collect()).collect();
    table(headings, &rows)
}

const AGENT_HEADINGS: [&str; 7] = ["AGENT", "KIND", "POOL", "STATE", "GOAL", "PROGRESS", "FOCUS"];
const AGENT_FIELDS: [&str; 7] = ["agent", "kind", "pool", "state", "goal", "progress", "focus"];

pub(super) async fn status(client: &Client, print: Print) -> Result<(), ClientError> {
    let status = client.get("status").await?;
    print.result(&status, || {
        let paused: Vec<String> =
            items(&status, "paused").iter().map(|scope| format!("{} {}", text(scope, "kind"), text(scope, "id")).trim().to_owned()).collect();
        let paused = if paused.is_empty() { "nothing".to_owned() } else { paused.join(", ") };
        let head = format!(
            "{} · product time {} · paused: {paused} · {} open ticket(s), {} open alert(s)\n",
            printable(&text(&status, "workspace")),
            text(&status, "product_time"),
            text(&status, "open_tickets"),
            text(&status, "open_alerts"),
        );
        let accounts = listed(
            &["ACCOUNT", "PLATFORM", "SANDBOX", "ACTING", "BREAKER", "LAST READ", "TROUBLE"],
            &["account", "platform", "sandbox", "acting", "breaker", "last_ok", "last_error"],
            items(&status, "accounts"),
        );
        let pools = listed(
            &["POOL", "SPENT TODAY", "COMMITTED", "DAILY CAP", "NEXT ROUND"],
            &["pool", "spent_today", "committed", "daily_cap", "next_round"],
            items(&status, "pools"),
        );
        let agents = listed(&AGENT_HEADINGS, &AGENT_FIELDS, items(&status, "agents"));
        format!("{head}\n{accounts}\n{pools}\n{agents}")
    });
    Ok(())
}

pub(super) async fn agents(client: &Client, print: Print) -> Result<(), ClientError> {
    let agents = client.get("agents").await?;
    print.result(&agents, || listed(&AGENT_HEADINGS, &AGENT_FIELDS, items(&agents, "items")));
    Ok(())
}

pub(super) async fn accounts(client: &Client, account: Option<&str>, print: Print) -> Result<(), ClientError> {
    if let Some(account) = account {
        let told = client.get(&format!("accounts/{}/access", segment(account))).await?;
        print.result(&told, || outline(&told, 0));
        return Ok(());
    }
    let accounts = client.get("accounts").await?;
    print.result(&accounts, || {
        listed(
            &["ACCOUNT", "PLATFORM", "SANDBOX", "ACTING", "BREAKER", "LAST READ", "QUOTA LEFT", "TROUBLE"],
            &["account", "platform", "sandbox", "acting", "breaker", "last_ok", "least_left", "last_error"],
            items(&accounts, "items"),
        )
    });
    Ok(())
}

pub(super) async fn alerts(client: &Client, print: Print) -> Result<(), ClientError> {
    let alerts = client.get("alerts").await?;
    print.result(&alerts, || {
        listed(&["ID", "AT", "SEVERITY", "KIND", "TIMES", "TITLE"], &["id", "at", "severity", "kind", "times", "title"], items(&alerts, "items"))
    });
    Ok(())
}

pub(super) async fn tickets(client: &Client, id: Option<&str>, all: bool, print: Print) -> Result<(), ClientError> {
    if let Some(id) = id {
        let ticket = client.get(&format!("tickets/{}", segment(id))).await?;
        print.result(&ticket, || outline(&ticket, 0));
        return Ok(());
    }
    let tickets = client.get(if all { "tickets?state=all" } else { "tickets?state=open" }).await?;
    print.result(&tickets, || {
        listed(
            &["ID", "KIND", "STATE", "SEVERITY", "AT RISK", "DEADLINE", "ABOUT"],
            &["id", "kind", "state", "severity", "money_at_risk", "deadline", "title"],
            items(&tickets, "items"),
        )
    });
    Ok(())
}

pub(super) async fn decisions(client: &Client, args: &DecisionArgs, print: Print) -> Result<(), ClientError> {
    if let Some(id) = &args.id {
        let decision = client.get(&format!("decisions/{}", segment(id))).await?;
        print.result(&decision, || outline(&decision, 0));
        return Ok(());
    }
    let mut path = format!("decisions?limit={}", args.limit);
    for (name, value) in [("agent", &args.agent), ("entity", &args.entity), ("state", &args.state)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", segment(value)));
        }
    }
    let decisions = client.get(&path).await?;
    print.result(&decisions, || {
        listed(
            &["ID", "AT", "BY", "ACTION", "ENTITY", "FROM", "TO", "STATE", "WHY"],
            &["id", "at", "actor", "action", "entity", "from", "to", "state", "reason"],
            items(&decisions, "items"),
        )
    });
    Ok(())
}

/// A record as indented lines, every field of it.
fn outline(value: &Value, depth: usize) -> String {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| match field {
                Value::Object(inner) if !inner.is_empty() => format!("{pad}{name}:\n{}", outline(field, depth + 1)),
                Value::Array(inner) if !inner.is_empty() => format!("{pad}{name}:\n{}", outline(field, depth + 1)),
                _ => format!("{pad}{name}: {}\n", printable(&text(value, name))),
            })
            .collect(),
        Value::Array(entries) => entries.iter().map(|entry| format!("{pad}-\n{}", outline(entry, depth + 1))).collect(),
        Value::String(text) => format!("{pad}{}\n", printable(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("{pad}{value}\n"),
    }
}
