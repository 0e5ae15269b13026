//! Commands that change something: pause, resume, terminate, stop delivery, approve, reject, undo, reload, login.

use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, ClientError, segment};
use super::show::Print;

/// Which scope a command is about.
#[derive(Debug, Args)]
pub struct ScopeArgs {
    /// account, pool, agent or campaign; left out: the whole workspace.
    #[arg(value_parser = ["account", "pool", "agent", "campaign"], requires = "id")]
    kind: Option<String>,
    /// Its name, or a campaign's key `account:campaign:id`.
    id: Option<String>,
    /// Why; kept in the log.
    #[arg(long, default_value = "")]
    reason: String,
}

impl ScopeArgs {
    fn path(&self, verb: &str) -> String {
        match (&self.kind, &self.id) {
            (Some(kind), Some(id)) => format!("{kind}s/{}/{verb}", segment(id)),
            _ => verb.to_owned(),
        }
    }

    /// Some orders exist for some kinds of scopes only.
    fn only(&self, order: &str, kinds: &[&str]) -> Result<(), ClientError> {
        match &self.kind {
            Some(kind) if !kinds.contains(&kind.as_str()) => {
                Err(ClientError::Offline(format!("{order} takes {} and its id, or nothing for everything; not {kind}", kinds.join(", "))))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn words(&self) -> String {
        match (&self.kind, &self.id) {
            (Some(kind), Some(id)) => format!("{kind} {id}"),
            _ => "the workspace".to_owned(),
        }
    }
}

/// A ticket and an answer to it.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// The ticket.
    ticket: String,
    /// A note; kept in the log.
    #[arg(long, default_value = "")]
    note: String,
}

pub(super) async fn pause(client: &Client, args: &ScopeArgs, print: Print) -> Result<(), ClientError> {
    let answer = client.post(&args.path("pause"), &json!({ "reason": args.reason })).await?;
    print.result(&answer, || {
        let out = answer.get("in_flight").and_then(Value::as_array).map_or(0, Vec::len);
        let tail = if out == 0 { String::new() } else { format!(" {out} request(s) had left before; they are being settled by reading.") };
        format!("paused: {}. No further write of it leaves.{tail}", args.words())
    });
    Ok(())
}

pub(super) async fn resume(client: &Client, args: &ScopeArgs, print: Print) -> Result<(), ClientError> {
    let answer = client.post(&args.path("resume"), &json!({ "reason": args.reason })).await?;
    print.result(&answer, || format!("resumed: {}. Growth ramps up over two days.", args.words()));
    Ok(())
}

pub(super) async fn stop_delivery(client: &Client, args: &ScopeArgs, print: Print) -> Result<(), ClientError> {
    args.only("stop-delivery", &["account", "pool", "campaign"])?;
    let answer = client.post(&args.path("stop"), &json!({ "reason": args.reason })).await?;
    print.result(&answer, || {
        let listed = |key| answer.get(key).and_then(Value::as_array).map_or_else(<&[Value]>::default, Vec::as_slice);
        let why = |one: &Value| one.get("why").and_then(Value::as_str).unwrap_or("-").to_owned();
        let late: String =
            listed("unreached").iter().map(|one| format!("\n{}: its campaigns stop once it can be read; look there yourself.", why(one))).collect();
        format!("stopping delivery of {}: {} change(s).{late}", args.words(), listed("answers").len())
    });
    Ok(())
}

pub(super) async fn terminate(client: &Client, agent: &str, reason: &str, print: Print) -> Result<(), ClientError> {
    let answer = client.post(&format!("agents/{}/terminate", segment(agent)), &json!({ "reason": reason })).await?;
    print.result(&answer, || format!("terminated: agent {agent}. This id never acts again."));
    Ok(())
}

pub(super) async fn answer(client: &Client, args: &AnswerArgs, verb: &str, print: Print) -> Result<(), ClientError> {
    let path = format!("tickets/{}", segment(&args.ticket));
    // What is answered is what stands there now, and nothing else: its hash goes along.
    let shown = client.get(&path).await?;
    let answer = client.post(&format!("{path}/{verb}"), &json!({ "note": args.note, "seen": shown.get("bound_hash") })).await?;
    print.result(&answer, || {
        let said = |key: &str| answer.get(key).and_then(Value::as_str);
        let why = said("why").map_or_else(String::new, |why| format!(": {why}"));
        format!("{}: ticket {}{why}", said("state").unwrap_or(verb), args.ticket)
    });
    Ok(())
}

pub(super) async fn undo(client: &Client, decision: &str, print: Print) -> Result<(), ClientError> {
    let answer = client.post(&format!("decisions/{}/undo", segment(decision)), &json!({})).await?;
    print.result(&answer, || {
        let made = answer.get("decision").and_then(Value::as_str).unwrap_or("-");
        let state = answer.get("state").and_then(Value::as_str).unwrap_or("-");
        format!("undo of {decision} is {made}, {state}")
    });
    Ok(())
}

pub(super) async fn rearm(client: &Client, args: &ScopeArgs, print: Print) -> Result<(), ClientError> {
    args.only("rearm", &["account", "pool"])?;
    let answer = client.post(&args.path("rearm"), &json!({ "reason": args.reason })).await?;
    print.result(&answer, || format!("re-armed: {}. Growth is admitted again.", args.words()));
    Ok(())
}

pub(super) async fn reload(client: &Client, accept_looser: bool, print: Print) -> Result<(), ClientError> {
    let answer = client.post("reload", &json!({ "confirm_looser": accept_looser })).await?;
    print.result(&answer, || {
        let lines: Vec<&str> = answer.get("difference").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if lines.is_empty() { "nothing changed".to_owned() } else { lines.join("\n") }
    });
    Ok(())
}

pub(super) async fn login(client: &Client, print: Print) -> Result<(), ClientError> {
    let answer = client.post("login-link", &json!({})).await?;
    print.result(&answer, || answer.get("url").and_then(Value::as_str).unwrap_or("-").to_owned());
    Ok(())
}
