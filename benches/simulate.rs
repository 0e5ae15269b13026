//! What a simulated account costs: one of each kind of market under each manager, warm-up and 60 days. `cargo bench --bench simulate` prints the table.

use adjutant::clock::Clock;
use adjutant::simulation::{Kind, Preset, Settings, Study};

fn main() {
    let clock = Clock::real();
    println!("{:<14} {:<18} {:>12}", "market", "manager", "with baselines");
    for preset in Preset::ALL {
        for kind in Kind::ALL {
            let settings = Settings { presets: vec![preset], accounts: 1, seed: 1, days: 60, managers: vec![kind], threads: 1 };
            let began = clock.instant();
            let study = Study::run(settings, &|_, _| {});
            let took = clock.instant() - began;
            assert!(!study.summaries().is_empty());
            println!("{:<14} {:<18} {:>9.0} ms", preset.name(), kind.name(), took.as_secs_f64() * 1_000.0);
        }
    }
}
