//! `adjutant check`: what is in force, every default included, or all that is wrong.

use std::path::Path;
use std::process::ExitCode;

use crate::config::{self, Process};

pub(super) fn check(path: &Path) -> ExitCode {
    let checked = config::check(path, &Process);
    if checked.exit_code == 0 {
        super::show::say(checked.text.trim_end());
        return ExitCode::SUCCESS;
    }
    eprint!("{}", checked.text);
    ExitCode::from(super::EXIT_CONFIG)
}
