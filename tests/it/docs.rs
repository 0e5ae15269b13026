//! The pages people read say what the code says.

use std::fs;
use std::path::{Path, PathBuf};

use adjutant::config::{Looser, NUMBERS, Number, Reach};
use adjutant::domain::policy::Guardrails;
use adjutant::guardrails::{RULES, Rule};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn all_missing(name: &str, wanted: impl IntoIterator<Item = String>) {
    let text = page(name);
    let missing: Vec<String> = wanted.into_iter().filter(|line| !text.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "{name} lacks:\n{}", missing.join("\n"));
}

fn rule_line(rule: &Rule) -> String {
    let unit = if rule.unit.is_empty() { " ".to_owned() } else { format!(" {} ", rule.unit) };
    format!("| `{}` | {} | `{}` |{unit}| {} | {} |", rule.id, rule.kind.name(), rule.default_value(), rule.applies.words(), rule.says)
}

fn number_line(number: &Number) -> String {
    let (scope, looser) = match (number.reach, number.looser) {
        (Reach::Agent, Looser::Larger) => ("each agent", "larger"),
        (Reach::Agent, Looser::Smaller) => ("each agent", "smaller"),
        (Reach::Workspace, Looser::Larger) => ("workspace", "larger"),
        (Reach::Workspace, Looser::Smaller) => ("workspace", "smaller"),
    };
    format!("| `{}` | `{}` | {scope} | {looser} | {} |", number.key, number.shown(&Guardrails::default()), number.meaning)
}

#[test]
fn every_guardrail_stands_on_its_page_with_its_default_and_whom_it_binds() {
    all_missing("docs/guardrails.md", RULES.iter().map(rule_line));
    let known = page("docs/guardrails.md").lines().filter(|line| line.starts_with("| `") && line.split('|').count() == 8).count();
    assert_eq!(known, RULES.len(), "the page has a rule that the registry has not");
}

#[test]
fn every_number_of_the_guardrails_stands_on_the_page_with_its_default_and_meaning() {
    all_missing("docs/guardrails.md", NUMBERS.iter().map(number_line));
}

/// The stable codes that the error texts of a source open with.
fn codes(source: &str) -> Vec<String> {
    let opens = |text: &str| {
        let text = text.trim_start_matches(['(', '\n', ' ', '"']);
        let code: String = text.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        (code.len() > 3 && text[code.len()..].starts_with(':')).then_some(code)
    };
    page(source).split("#[error").skip(1).filter_map(opens).collect()
}

#[test]
fn every_message_a_user_may_meet_has_a_line_in_the_operations_page() {
    for source in
        ["src/store/error.rs", "src/execution/gate.rs", "src/execution/pausing.rs", "src/supervisor/daemon.rs", "src/admin/mod.rs", "src/platforms/mod.rs"]
    {
        let codes = codes(source);
        assert!(!codes.is_empty(), "{source} has error texts with codes");
        all_missing("docs/operations.md", codes.into_iter().map(|code| format!("`{code}`")));
    }
}

fn sources(under: &Path, found: &mut String) {
    for entry in fs::read_dir(under).expect("a folder of sources") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(&path).expect("a readable source"));
        }
    }
}

#[test]
fn the_map_names_only_tests_and_files_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("src"), &mut code);
    sources(&root.join("tests"), &mut code);
    let text = page("ARCHITECTURE.md");
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let is_test = |name: &&&str| name.strip_prefix('i').and_then(|rest| rest.chars().next()).is_some_and(|c| c.is_ascii_digit()) && name.contains('_');
    let tests: Vec<&&str> = quoted.iter().filter(is_test).collect();
    assert!(tests.len() > 20, "the map names the tests of the invariants");
    for name in tests {
        assert!(code.contains(&format!("fn {name}(")), "ARCHITECTURE.md names the test `{name}`, which does not exist");
    }
    for path in quoted.iter().filter(|name| name.contains('/') && (name.ends_with(".rs") || name.ends_with(".sql") || name.ends_with(".toml"))) {
        assert!(root.join(path).exists() || path.contains('{'), "ARCHITECTURE.md names `{path}`, which does not exist");
    }
}

#[test]
fn every_command_stands_in_the_readme_which_stays_short() {
    use clap::CommandFactory as _;
    let text = page("README.md");
    assert!(text.lines().count() < 200, "the README is read when it is short");
    let table: String = text.lines().filter(|line| line.starts_with("| `")).collect::<Vec<_>>().join("\n");
    for command in adjutant::cli::Cli::command().get_subcommands() {
        assert!(table.contains(&format!("`{}", command.get_name())), "README.md lacks the command `{}`", command.get_name());
    }
}
