//! The command line against a daemon in a process of its own, over a Unix socket.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::daemon::eventually;
use crate::killing::Process;
use crate::running::{NO_PEOPLE, altered};

/// Runs one command on the file in `folder`.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.arg("--config").arg(folder.join("agents.toml")).args(arguments).env_remove("ADJUTANT_TOKEN").env_remove("ADJUTANT_URL");
    command.output().expect("the binary starts")
}

/// What a command that works says.
pub(crate) fn says(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("plain text")
}

/// What a command that is refused says.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).expect("plain text")
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&says(folder, &[&["--json"], arguments].concat())).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_answers_tickets_reloads_and_pauses_even_on_a_file_with_faults() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (folder, file, log) = (folder.path(), folder.path().join("agents.toml"), folder.path().join("log"));
    let text = altered(&[NO_PEOPLE, ("127.0.0.1:8787", "unix:admin.sock"), ("autonomy = \"autonomous\"", "autonomy = \"suggest\"")]);
    std::fs::write(&file, &text).expect("a writable folder");
    let _daemon = Process::start(&["--config", file.to_str().expect("a plain path"), "run"], &log);
    let two = async || {
        let output = run(folder, &["--json", "tickets"]);
        let found: Value = serde_json::from_slice(&output.stdout).ok()?;
        let ids: Vec<String> = found["items"].as_array()?.iter().filter_map(|ticket| Some(ticket["id"].as_str()?.to_owned())).collect();
        (ids.len() >= 2).then_some(ids)
    };
    // Days pass in seconds: what a ticket asks may have changed between the list and the answer, and the next list shows what is asked then.
    let answer = async |verb: &'static str, note: &'static str, said: &'static str, not: Option<String>| {
        eventually(verb, Duration::from_secs(60), async || {
            let id = two().await?.into_iter().find(|id| Some(id) != not.as_ref())?;
            let output = run(folder, &[verb, &id, "--note", note]);
            String::from_utf8_lossy(&output.stdout).starts_with(said).then_some(id)
        })
        .await
    };
    let approved = answer("approve", "looks right", "approved: ticket", None).await;
    let rejected = answer("reject", "", "rejected: ticket", Some(approved.clone())).await;
    let ids = [approved, rejected];
    let again = refused(folder, &["reject", &ids[1]]);
    assert_eq!(again.matches("TICKET_CLOSED").count(), 1, "{again}");
    let answered = json(folder, &["tickets", &ids[0]]);
    assert_eq!((&answered["state"], &answered["answers"][0]["note"]), (&"approved".into(), &"looks right".into()));
    let listed = says(folder, &["tickets", "--all"]);
    assert!(listed.contains(answered["money_at_risk"].as_str().expect("an amount")), "{listed}");

    std::fs::write(&file, text.replace("step = \"20%\"", "step = \"18%\"")).expect("a writable file");
    let diff = says(folder, &["reload"]);
    assert!(diff.contains("20 \u{2192} 18"), "{diff}");
    std::fs::write(&file, &text).expect("a writable file");
    let looser = refused(folder, &["reload"]);
    assert!(looser.starts_with("adjutant: LOOSER: this"), "{looser}");

    std::fs::write(&file, text.replace("goal = \"roas >= 2.5\"", "goal = \"make money\"")).expect("a writable file");
    let faulty = refused(folder, &["reload"]);
    assert!(faulty.contains("make money"), "{faulty}");
    assert!(says(folder, &["pause"]).starts_with("paused: the workspace"));
    assert!(says(folder, &["status"]).contains("paused: workspace"));
    assert!(says(folder, &["resume"]).starts_with("resumed"));
    assert!(refused(folder, &["pause", "campaign", "meta-main:campaign:1"]).contains("nothing was paused"));
    assert!(refused(folder, &["pause", "campaign", "meta-main:ad_group:1"]).contains("no campaign"));
    assert!(refused(folder, &["stop-delivery", "agent", "scale"]).contains("account, pool, campaign"));
    assert!(says(folder, &["audit", "verify"]).contains("the log verifies"));

    let mut head = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    let mut head = head.arg("--config").arg(&file).arg("decisions").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    drop(head.stdout.take());
    let unread = head.wait_with_output().expect("it ends");
    assert!(unread.status.success() && unread.stderr.is_empty(), "{}", String::from_utf8_lossy(&unread.stderr));

    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(log.contains("round") && !log.contains('\u{1b}'), "a log in a file has no colours: {log}");
}
