//! The direction of the module arrows: which room may name which. A room that is not listed here fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may import; `clock` and `domain` are open to all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("domain", &[]),
    ("agents", &["learning"]),
    ("learning", &[]),
    ("arbiter", &["learning"]),
    ("guardrails", &["arbiter"]),
    // The hash chain and the store's rows know each other; everything else of the ledger stands on the store.
    ("store", &["ledger::chain"]),
    ("platforms", &[]),
    ("sandbox", &[]),
    // The market's curve and noise are the sandbox's; nothing of its servers.
    ("simulation", &["advise", "learning::chance", "sandbox::market"]),
    ("observe", &["learning", "platforms", "store"]),
    ("tickets", &["ledger", "store"]),
    ("ledger", &["arbiter", "guardrails", "store", "tickets", "learning"]),
    ("execution", &["guardrails", "ledger", "observe", "platforms", "store", "tickets"]),
    ("config", &["platforms", "sandbox"]),
    ("notify", &["store", "config"]),
    ("cycle", &["agents", "arbiter", "execution", "guardrails", "learning", "ledger", "observe", "platforms", "store", "tickets"]),
    (
        "supervisor",
        &[
            "agents",
            "arbiter",
            "config",
            "cycle",
            "execution",
            "guardrails",
            "learning",
            "ledger",
            "notify",
            "observe",
            "platforms",
            "sandbox",
            "store",
            "tickets",
        ],
    ),
    (
        "admin",
        &["agents", "config", "cycle", "execution", "guardrails", "learning", "ledger", "notify", "observe", "platforms", "store", "supervisor", "tickets"],
    ),
    // What is healthy is judged by the observer's own rule, on figures that were told.
    ("advise", &["agents", "arbiter", "cycle", "guardrails", "learning", "observe::tracking"]),
    ("cli", &["admin", "advise", "arbiter", "config", "cycle", "guardrails", "ledger", "notify", "platforms", "sandbox", "simulation", "store", "supervisor"]),
];

fn sources(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).expect("a source folder") {
        let path = entry.expect("a directory entry").path();
        // A room's own tests may bring in whatever they need to tell its story.
        if matches!(path.file_stem().and_then(|stem| stem.to_str()), Some("tests" | "testing" | "fixture")) {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn room_of(file: &Path, src: &Path) -> String {
    let inside = file.strip_prefix(src).expect("a file under src");
    inside.components().next().expect("a name").as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// What follows each `crate::` in code, as `room::item`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let path = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect::<String>();
    code.match_indices("crate::").map(|(at, word)| path(&code[at + word.len()..])).collect()
}

#[test]
fn imports_between_rooms_follow_the_arrows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    sources(&src, &mut files);
    assert!(files.len() > 20, "the walk found the sources");
    for file in files {
        let room = room_of(&file, &src);
        if matches!(room.as_str(), "main" | "lib") {
            continue;
        }
        let Some(allowed) = allowed.get(room.as_str()) else {
            faults.push(format!("{}: the room `{room}` has no arrows yet: add it to MAY_IMPORT", file.display()));
            continue;
        };
        for import in imports(&fs::read_to_string(&file).expect("a readable source")) {
            let target = import.split("::").next().unwrap_or_default();
            let known = MAY_IMPORT.iter().any(|(room, _)| *room == target);
            let fits = target == room
                || matches!(target, "clock" | "domain")
                || allowed.iter().any(|open| import == *open || import.starts_with(&format!("{open}::")));
            // The clock stands below the vocabulary.
            let below = room == "clock" && target == "domain";
            if known && (!fits || below) {
                faults.push(format!("{}: `{room}` must not import `{import}`", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
