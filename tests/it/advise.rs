//! `adjutant advise` in a process of its own: lines in, replies out, and what becomes of lines that make no sense.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// What the binary answers to these lines.
fn answers(lines: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    let mut child = command.arg("advise").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut input = child.stdin.take().expect("a pipe");
    for line in lines {
        // It may have ended at a line before.
        if writeln!(input, "{line}").is_err() {
            break;
        }
    }
    drop(input);
    child.wait_with_output().expect("it ends")
}

fn start() -> Value {
    json!({"op": "start", "meta": {
        "n": 2, "platform": ["google", "tiktok"], "agent": [0, 1], "weekday0": 3, "creatives": 2, "warmup": 28, "horizon": 60, "whatever": {"else": 1},
        "agents": [{"id": "a", "priority": 0.5, "goal": "roas_floor", "value": 1.5}, {"id": "b", "priority": 0.5, "goal": "cpa_cap", "value": 40}],
        "pool": 220.0, "min_budget": [10, 10], "max_budget": [500, 500], "init_budgets": [100.0, 100.0]}})
}

fn day(day: usize) -> Value {
    let creative = json!({"impressions": [[900, 900], [900, 900]], "clicks": [[90, 30], [40, 40]], "conversions": [[9, 3], [4, 4]], "share": [[0.5, 0.5], [0.5, 0.5]], "generation": [0, 0]});
    json!({"op": "observe", "result": {
        "day": day, "weekday": (day + 3) % 7, "budget": [100.0, 100.0], "status": [1, 1], "spend": [100.0, 98.5], "impressions": [10000, 9000], "clicks": [200, 180],
        "conversions": [9.0, 1.5], "revenue": [450.0, 75.0], "rejected": [false, false], "learning": [false, 0],
        "restated": {"from_day": day, "conversions": [[9.0, 1.5]], "revenue": [[450.0, 75.0]]}, "creative": creative}})
}

fn told(days: usize) -> Vec<String> {
    std::iter::once(start()).chain((0..days).map(day)).map(|line| line.to_string()).collect()
}

#[test]
fn lines_are_answered_with_budgets_statuses_shares_and_expectations_and_nothing_else() {
    let mut lines = told(28);
    lines.extend([String::new(), json!({"op": "decide", "day": 28}).to_string(), day(28).to_string(), json!({"op": "decide", "day": 29}).to_string()]);
    let output = answers(&lines);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("plain text");
    let replies: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(replies.len(), 2, "{text}");
    for reply in &replies {
        let numbers = |value: &Value| value.as_array().expect("an array").iter().map(|number| number.as_f64().expect("a number")).collect::<Vec<f64>>();
        let budgets = numbers(&reply["budgets"]);
        assert!(budgets.iter().sum::<f64>() <= 220.0 && budgets.iter().all(|budget| (80.0..=120.0).contains(budget)), "{reply}");
        assert_eq!(numbers(&reply["statuses"]), [1.0, 1.0]);
        let (mean, lo, hi) = (numbers(&reply["predict"]["mean"]), numbers(&reply["predict"]["lo"]), numbers(&reply["predict"]["hi"]));
        assert!((0..2).all(|at| lo[at] < mean[at] && mean[at] < hi[at]), "{reply}");
        assert!(mean[0] > 40.0, "{reply}");
        for shares in reply["creative_weights"].as_array().expect("rows") {
            assert!((numbers(shares).iter().sum::<f64>() - 1.0).abs() < 1e-9, "{reply}");
        }
    }
}

#[test]
fn a_line_that_makes_no_sense_is_answered_with_its_field_and_ends_the_process() {
    let with = |at: usize, path: &[&str], value: Value| {
        let mut lines: Vec<Value> = vec![start(), day(0), json!({"op": "decide", "day": 1})];
        let mut place = &mut lines[at];
        for step in path {
            place = &mut place[*step];
        }
        *place = value;
        lines.iter().map(ToString::to_string).collect::<Vec<String>>()
    };
    let cases = [
        (vec!["nonsense".to_owned()], "`line`"),
        (vec!["[1]".to_owned()], "`line`"),
        (vec![day(0).to_string()], "`op`"),
        (vec![json!({"op": "decide", "day": 3}).to_string()], "`op`"),
        (vec![start().to_string(), start().to_string()], "`op`"),
        (with(0, &["op"], json!("begin")), "`op`"),
        (with(0, &["meta", "platform"], json!(["google", "bing"])), "`meta.platform[1]`"),
        (with(0, &["meta", "agent"], json!([0, 2])), "`meta.agent[1]`"),
        (with(0, &["meta", "agents"], json!([{"id": "a", "goal": "fame", "value": 1}])), "`meta.agents[0].goal`"),
        (with(0, &["meta", "pool"], json!(0)), "`meta.pool`"),
        (with(0, &["meta", "pool"], json!("much")), "`meta.pool`"),
        (with(0, &["meta", "min_budget"], json!([10])), "`meta.min_budget`"),
        (with(0, &["meta", "max_budget"], json!([500, 5])), "`meta.max_budget[1]`"),
        (with(0, &["meta", "init_budgets"], json!([100, -1])), "`meta.init_budgets[1]`"),
        (with(0, &["meta", "weekday0"], json!(7)), "`meta.weekday0`"),
        (with(1, &["result", "spend"], json!([1, 2, 3])), "`result.spend`"),
        (with(1, &["result", "clicks"], json!([1, -2])), "`result.clicks[1]`"),
        (with(1, &["result", "revenue"], json!([1, null])), "`result.revenue[1]`"),
        (with(1, &["result", "conversions"], json!([1, 1e300])), "`result.conversions[1]`"),
        (with(1, &["result", "status"], json!([1, 2])), "`result.status[1]`"),
        (with(1, &["result", "day"], json!(-1)), "`result.day`"),
        (with(1, &["result", "restated", "from_day"], json!(1)), "`result.restated.from_day`"),
        (with(1, &["result", "restated", "revenue"], json!([[1, 2], [1, 2]])), "`result.restated.revenue`"),
        (with(1, &["result", "creative", "clicks"], json!([[1], [1, 2]])), "`result.creative.clicks[0]`"),
        (with(2, &["day"], json!(0)), "`day`"),
        (with(2, &["day"], json!("tomorrow")), "`day`"),
    ];
    for (lines, field) in cases {
        let output = answers(&lines);
        assert_eq!(output.status.code(), Some(1), "{field}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("plain text");
        let reply: Value = serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{field}: {error}: {text}"));
        let said = reply["error"].as_str().expect("an error");
        assert!(said.starts_with(field), "{field}: {said}");
    }
}

#[test]
fn a_persons_own_export_becomes_a_table_or_json_and_a_fault_in_it_a_line_and_a_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("export.csv");
    let rows = (1..=30).flat_map(|day| {
        [("Brand \u{1b}[2J", 20), ("Prospecting", 2)].map(|(name, conversions)| format!("2026-04-{day:02},{name},100,{conversions},{}", 50 * conversions))
    });
    let text = std::iter::once("date,campaign,cost,conversions,revenue".to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
    std::fs::write(&file, &text).expect("a writable folder");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
        command.args(["advise", "--history"]).arg(&file).args(arguments).output().expect("the binary starts")
    };
    let output = run(&[]);
    let table = String::from_utf8(output.stdout).expect("plain text");
    assert!(output.status.success() && table.starts_with("for 2026-05-01, from 30 days, at most 200.00 USD a day"), "{table}");
    assert!(table.contains("Prospecting") && table.contains("Brand \\u{1b}[2J"), "{table}");
    let output = run(&["--json", "--goal", "cpa <= 40 EUR", "--pool", "150", "--currency", "EUR"]);
    let advice: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&advice["day"], &advice["goal"]), (&"2026-05-01".into(), &"cpa <= 40.00 EUR".into()));
    assert_eq!(advice["campaigns"].as_array().map(Vec::len), Some(2));
    let refused = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).expect("plain text")
    };
    assert!(refused(&["--goal", "make money"]).contains("is not a goal"));
    assert!(refused(&["--goal", "cpa <= 40 EUR"]).contains("--currency"));
    std::fs::write(&file, text.replacen(",100,", ",lots,", 1)).expect("a writable folder");
    let said = refused(&[]);
    assert!(said.contains("line 2, column `cost`: `lots` is not a number"), "{said}");
}
