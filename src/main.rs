//! The `adjutant` command: parses the command line and hands over.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    adjutant::cli::main().await
}
