//! By what each platform counts calls, and how many it takes. Sources: Google Ads API access levels (2 880 operations a day and project on Explorer
//! access, 15 000 on Basic); Meta's rate limits (full tier: a score of 9 000 in 300 s, 100 000 calls of `ads_management` and 190 000 of `ads_insights`
//! an hour and account; a low tier is told by the headers); TikTok's (Basic: 10 a second, 600 a minute, 864 000 a day and app).

use chrono::TimeDelta;

use super::credentials::Credentials;
use super::limits::{Allowance, Pace, Pot, Rate};
use super::spec::{AccountSpec, sha256_hex};
use crate::domain::entity::Platform;

/// Google's operations a day on the access level that every project begins with.
const EXPLORER: u32 = 2_880;
/// And on the one the sandbox plays.
const BASIC: u32 = 15_000;

const fn allowance(counts: &'static str, span: TimeDelta, most: u32, pace: Pace) -> Option<Allowance> {
    Some(Allowance { counts, span, most, pace })
}

impl AccountSpec {
    /// What the platform counts this account's calls by.
    pub(super) fn counted_by(&self) -> Vec<(Pot, String, Rate)> {
        let sandbox = matches!(self.credentials, Credentials::Sandbox);
        let app = if sandbox { "sandbox".to_owned() } else { sha256_hex(self.credentials.app().as_bytes()) };
        // The sandbox is this machine's own server: a real platform's calls a second would only hold up a time-lapse, in which a day may
        // pass within one. What is counted in hours and days of product time stays as it is.
        let pace = if sandbox { 20 } else { 1 };
        let (platform, id) = (self.platform, &self.platform_id);
        let (app, account) = (format!("{platform}:app:{app}"), format!("{platform}:app:{app}:account:{id}"));
        let rate = |per_second: u32, allowance| Rate { per_second: per_second * pace, allowance };
        let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
        match platform {
            Platform::Google => {
                let operations = self.operations_per_day.unwrap_or(if sandbox { BASIC } else { EXPLORER });
                let operations = allowance("operations a day", day, operations.max(10), Pace::Spread);
                vec![(Pot::App, app, rate(20, operations)), (Pot::Account, account, rate(10, None))]
            }
            Platform::Meta => {
                let score = allowance("points in five minutes", TimeDelta::minutes(5), 9_000, Pace::Free);
                let calls = |most| allowance("calls an hour", hour, most, Pace::Free);
                vec![
                    (Pot::App, app, rate(50, None)),
                    (Pot::Management, format!("{account}:ads_management"), rate(20, calls(100_000))),
                    (Pot::Reports, format!("{account}:ads_insights"), rate(20, calls(190_000))),
                    (Pot::Account, account, rate(20, score)),
                ]
            }
            // Nine a second are 540 a minute: what keeps the second's limit keeps the minute's.
            Platform::Tiktok => {
                vec![(Pot::App, app, rate(9, allowance("calls a day", day, 864_000, Pace::Spread))), (Pot::Account, account, rate(9, None))]
            }
        }
    }
}
