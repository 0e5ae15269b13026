//! `adjutant sandbox`: the platforms as servers of our own, alone, on the configuration's clock and accounts.

use std::path::Path;
use std::process::ExitCode;

use super::SandboxArgs;
use super::client::ClientError;
use crate::clock::Clock;
use crate::config::{Config, Process};
use crate::sandbox::{self, SandboxConfig};
use crate::supervisor::wiring::sandbox_config;

pub(super) async fn run(config: &Path, args: &SandboxArgs) -> Result<ExitCode, ClientError> {
    let config = Config::load(config, &Process).map_err(|faults| ClientError::Config(faults.to_string()))?;
    let clock = match &config.clock {
        Some(lapse) => Clock::time_lapse(lapse.start, lapse.rate, lapse.origin.unwrap_or_else(|| Clock::real().wall())),
        None => Clock::real(),
    };
    let settings = match &config.sandbox {
        Some(settings) => sandbox_config(&config, settings, &config.workspace.state_dir),
        None => SandboxConfig::new(7),
    };
    let settings = SandboxConfig { listen: args.listen, state_file: args.state.clone(), ..settings };
    let running = sandbox::start(settings, clock).await.map_err(|error| ClientError::Offline(error.to_string()))?;
    println!("sandbox: {} (log: {}/_sandbox/log). It spends no money.", running.base_url(), running.base_url());
    let stopped = tokio::signal::ctrl_c().await.map_err(|error| ClientError::Offline(error.to_string()));
    running.stop().await;
    stopped.map(|()| ExitCode::SUCCESS)
}
