//! The configuration file as people meet it: the shipped one runs, and a broken one says all that is wrong, where, and what to write.

use std::collections::BTreeMap;
use std::path::Path;

use adjutant::config::{Config, Credentials, Endpoint, Surroundings};
use adjutant::domain::proposal::Autonomy;

/// A world with chosen variables and files.
#[derive(Default)]
struct Given {
    vars: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
}

impl Surroundings for Given {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(ToString::to_string)
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        let found = path.to_str().and_then(|path| self.files.get(path));
        found.map(ToString::to_string).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

const SHIPPED: &str = include_str!("../../agents.toml");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("agents.toml"), &Given::default()).map_err(|faults| faults.to_string())
}

#[test]
fn the_shipped_file_runs_three_accepted_sandbox_accounts_and_two_agents_that_act_alone() {
    let config = parse(SHIPPED).expect("the shipped file is valid");
    assert_eq!(config.accounts.len(), 3);
    assert!(config.accounts.values().all(|account| account.accepted && account.endpoint == Endpoint::Sandbox));
    assert!(config.agents.values().all(|agent| agent.autonomy == Autonomy::Autonomous && agent.guardrails.earned_amount > rust_decimal::Decimal::ZERO));
    let priorities: Vec<_> = config.agents.values().map(|agent| agent.priority).collect();
    assert_eq!(config.agents.len(), 2);
    assert_ne!(priorities[0], priorities[1]);
    let lapse = config.clock.expect("the shipped file runs in time-lapse");
    assert_eq!(lapse.rate, 17_280);
    let first = lapse.start.date_in(chrono_tz::UTC);
    assert!((0..60).any(|day| config.policy().is_volatile(first + chrono::Days::new(day))), "some day of the first sixty is volatile");
    assert_eq!(config.sandbox.map(|sandbox| (sandbox.seed, sandbox.campaigns, sandbox.people)), Some((7, 24, true)));
}

#[test]
fn a_partial_table_of_guardrails_switches_none_of_the_others_off() {
    let config = parse(SHIPPED).expect("the shipped file is valid");
    let defaults = adjutant::domain::policy::Guardrails::default();
    assert_eq!(config.guardrails, defaults);
    let scale = &config.agents[&"scale".parse().expect("a name")].guardrails;
    assert_eq!(scale.step_pct, 15.into());
    assert_eq!(adjutant::domain::policy::Guardrails { step_pct: defaults.step_pct, ..scale.clone() }, defaults);
}

#[test]
fn what_is_in_force_is_said_with_every_default_and_its_scope() {
    let said = adjutant::config::effective(&parse(SHIPPED).expect("the shipped file is valid"));
    let (policy, hash) = said.trim_end().rsplit_once("\npolicy ").expect("it ends with the policy's hash");
    assert_eq!(hash.len(), 64);
    insta::assert_snapshot!(policy);
}

#[test]
fn what_is_understood_and_has_no_effect_yet_is_said_and_nothing_else_is() {
    let none = parse(SHIPPED).expect("the shipped file is valid");
    assert_eq!(adjutant::config::without_effect(&none), Vec::<String>::new());
    let text = SOUND.replace("time_zone = \"America/New_York\"\ndaily", "time_zone = \"America/New_York\"\npacing = \"free\"\ndaily");
    let text = text.replace("effect = \"volatile\"", "season = { demand = 1.4 }") + "\n[schedules]\ndigest = \"0 0 9 * * *\"\n";
    let idle = parse(&text).expect("a valid file");
    let said = adjutant::config::effective(&idle);
    let (_, said) = said.split_once("WITHOUT EFFECT").expect("it is said");
    for key in ["[pools.core] pacing", "[calendar.sale] season", "[schedules] digest"] {
        assert!(said.contains(key), "{said}");
    }
    assert_eq!(adjutant::config::without_effect(&idle).len(), 3);
}

#[test]
fn where_the_daemon_is_stands_in_a_file_with_faults_and_unreadable_secrets_too() {
    let text = SOUND
        .replace("127.0.0.1:8787", "127.0.0.1:9999")
        .replace("platform = \"google\"", "platfrom = google")
        .replace("credentials = \"sandbox\"\n\n[acc", "credentials = { access_token = \"credential:meta\", app_secret = \"env:GONE\" }\n\n[acc");
    parse(&text).expect_err("a file with faults");
    let files = BTreeMap::from([("etc/agents.toml", &*text.leak())]);
    let found = adjutant::config::Whereabouts::of(Path::new("etc/agents.toml"), &Given { files, ..Given::default() }).expect("a readable file");
    assert_eq!(found.listen, adjutant::config::Listen::Tcp(([127, 0, 0, 1], 9999).into()));
    assert_eq!(found.state_dir, Path::new("etc/state"));
    assert_eq!(found.database, Some(adjutant::config::Database::Sqlite("etc/state/adjutant.db".into())));
}

/// A sound file whose lines the broken ones change.
const SOUND: &str = r#"[workspace]
name = "acme"
database = "sqlite:adjutant.db"

[clock]
start = "2026-01-05T00:00:00Z"
rate = 17280

[admin]
listen = "127.0.0.1:8787"

[accounts.meta-main]
platform = "meta"
id = "act_1001"
currency = "USD"
time_zone = "America/New_York"
base_url = "sandbox"
credentials = "sandbox"

[accounts.google-main]
platform = "google"
id = "123-456-7890"
currency = "USD"
time_zone = "America/New_York"
base_url = "sandbox"
credentials = "sandbox"

[measurement.ga4.shop]
property = "123456789"
key_events = ["purchase"]
base_url = "sandbox"
credentials = "sandbox"

[pools.core]
members = { accounts = ["meta-main", "google-main"], name = "*" }
time_zone = "America/New_York"
daily_cap = "6000 USD"
monthly_cap = "180000 USD"

[agents.scale]
kind = "scale"
pool = "core"
goal = "spend -> 6000 USD/day while cpa <= 30 USD"
priority = 0.4

[guardrails]
step = "20%"

[approvals]
four_eyes_above = "5000 USD"

[calendar.sale]
from = "2026-11-26"
to = "2026-11-30"
effect = "volatile"

[sandbox]
seed = 7
"#;

/// The section without which days take a day.
const CLOCK: &str = "\n[clock]\nstart = \"2026-01-05T00:00:00Z\"\nrate = 17280\n";

/// The last lines of the Meta account, with the heading that follows.
const META_END: &str = "base_url = \"sandbox\"\ncredentials = \"sandbox\"\n\n[acc";

/// A case's name, and what is replaced by what in the sound file.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const BROKEN: &[Case] = &[
    ("not_toml", &[("seed = 7", "seed = = 7\nname = \"unclosed")]),
    ("a_key_twice", &[("seed = 7", "seed = 7\nseed = 8")]),
    ("an_unknown_section", &[("[guardrails]", "[guardrail]")]),
    ("an_unknown_key", &[("daily_cap", "dayly_cap"), ("priority", "weight")]),
    ("an_unknown_guardrail", &[("step = \"20%\"", "stepp = \"20%\"\nmax_spend = \"4h\"")]),
    ("a_missing_section", &[("[workspace]\nname = \"acme\"\ndatabase = \"sqlite:adjutant.db\"\n", "")]),
    ("missing_keys", &[("currency = \"USD\"\ntime_zone = \"America/New_York\"\nbase_url", "base_url"), ("goal =", "# goal =")]),
    ("a_key_where_a_section_belongs", &[("[guardrails]\nstep = \"20%\"", ""), ("[workspace]", "guardrails = \"strict\"\n[workspace]")]),
    ("nothing_at_all", &[(SOUND, "")]),
    ("money_without_its_currency", &[("\"6000 USD\"", "\"6000\""), ("\"180000 USD\"", "180000")]),
    ("money_finer_than_a_cent", &[("\"6000 USD\"", "\"6000.001 USD\""), ("\"180000 USD\"", "\"-5 USD\"")]),
    ("an_unknown_currency", &[("currency = \"USD\"", "currency = \"UDS\""), ("\"6000 USD\"", "\"6000 usd\"")]),
    ("a_wrong_time_zone", &[("\"America/New_York\"\nbase", "\"New_York\"\nbase"), ("time_zone = \"America/New_York\"\ndaily", "time_zone = \"EST5\"\ndaily")]),
    ("a_percentage_without_its_sign", &[("step = \"20%\"", "step = 20\nbudget_rise = \"20\"\naccount_rise = \"many%\"")]),
    (
        "guardrails_out_of_range",
        &[("step = \"20%\"", "step = \"150%\"\nconfidence_cut = 0\nedits_per_hour = 9\nmax_spend_age = \"90d\"\ncooldown_cut = \"0h\"")],
    ),
    ("guardrails_that_contradict_each_other", &[("step = \"20%\"", "ramp_first = \"90%\"\nconfidence_cut_volatile = 0.7\nbudget_rise = \"40%\"")]),
    ("a_guardrail_in_another_currency", &[("step = \"20%\"", "earned_amount = \"250 EUR\""), ("\"5000 USD\"", "\"5000\"")]),
    ("a_guardrail_of_the_workspace_on_an_agent", &[("priority = 0.4", "guardrails = { account_rise = \"50%\", four_eyes_above = \"9 USD\", step = \"5%\" }")]),
    ("an_allow_list_that_names_no_account", &[("step = \"20%\"", "allow = [\"meta-main:*\", \"tiktok:*\"]")]),
    ("a_pool_without_such_an_account", &[("[\"meta-main\", \"google-main\"]", "[\"meta-mian\", \"google-main\", \"google-main\"]")]),
    ("an_agent_without_such_a_pool", &[("pool = \"core\"", "pool = \"cores\"")]),
    ("one_account_twice", &[("platform = \"google\"\nid = \"123-456-7890\"", "platform = \"meta\"\nid = \"act_1001\"")]),
    ("an_account_id_of_another_form", &[("\"act_1001\"", "\"1001\""), ("\"123-456-7890\"", "\"123-456\"")]),
    ("a_pool_of_two_currencies", &[("id = \"act_1001\"\ncurrency = \"USD\"", "id = \"act_1001\"\ncurrency = \"EUR\""), ("\"180000 USD\"", "\"180000 EUR\"")]),
    ("a_goal_in_another_currency", &[("6000 USD/day while cpa <= 30 USD", "6000 EUR/day while cpa <= 30 EUR")]),
    ("a_goal_above_the_cap", &[("spend -> 6000", "spend -> 7000")]),
    ("no_goal", &[("spend -> 6000 USD/day while cpa <= 30 USD", "make money fast")]),
    ("a_daily_cap_above_the_monthly_one", &[("\"180000 USD\"", "\"5000 USD\"")]),
    ("a_priority_of_nothing", &[("priority = 0.4", "priority = 0\nautonomy = \"autonomus\"")]),
    (
        "two_pools_that_claim_the_same_campaigns",
        &[(
            "[agents.scale]",
            "[pools.brand]\nmembers = { accounts = [\"meta-main\"], name = \"brand*\" }\ntime_zone = \"UTC\"\ndaily_cap = \"1 USD\"\nmonthly_cap = \"9 USD\"\n[agents.scale]",
        )],
    ),
    (
        "time_lapse_on_a_real_platform",
        &[
            (META_END, "credentials = { access_token = \"env:TOKEN\", app_secret = \"env:SECRET\" }\n\n[acc"),
            ("key_events = [\"purchase\"]\nbase_url = \"sandbox\"", "key_events = []\nbase_url = \"https://ga.example\""),
        ],
    ),
    ("http_off_this_machine", &[(CLOCK, ""), ("base_url = \"sandbox\"", "base_url = \"http://ads.example\"")]),
    (
        "ga4_for_an_account_that_is_not_there_or_has_it_already",
        &[(
            "[pools.core]",
            "[measurement.ga4.second]\nproperty = \"9\"\nkey_events = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\"]\naccounts = [\"meta-main\", \"meta-mian\"]\nbase_url = \"sandbox\"\ncredentials = \"sandbox\"\n\n[pools.core]",
        )],
    ),
    ("a_real_account_signed_in_as_the_sandbox", &[(CLOCK, ""), (META_END, "credentials = \"sandbox\"\n\n[acc")]),
    ("no_credentials", &[(META_END, "base_url = \"sandbox\"\n\n[acc")]),
    (
        "keys_of_another_platform",
        &[(
            META_END,
            "base_url = \"sandbox\"\ncredentials = { access_token = \"env:TOKEN\", developer_token = \"env:TOKEN\", app_secrt = \"env:SECRET\" }\n\n[acc",
        )],
    ),
    (
        "secrets_in_the_file",
        &[
            (META_END, "base_url = \"sandbox\"\ncredentials = { access_token = \"EAAB-hunter2\", app_secret = \"env:SECRET\" }\n\n[acc"),
            ("sqlite:adjutant.db", "postgres://ann:hunter2@db/adjutant"),
            ("credentials = \"sandbox\"\n\n[mea", "credentials = \"hunter2\"\n\n[mea"),
        ],
    ),
    (
        "secrets_that_are_not_there",
        &[
            (META_END, "base_url = \"sandbox\"\ncredentials = { access_token = \"env:NOT_SET\", app_secret = \"file:secrets/none\" }\n\n[acc"),
            ("[sandbox]", "[notify.ops]\nkind = \"webhook\"\nurl = \"http://hooks.example/x\"\nsecret = \"credential:../etc/passwd\"\n[sandbox]"),
        ],
    ),
    ("no_sandbox_to_reach", &[("[sandbox]\nseed = 7\n", "")]),
    ("days_that_are_none", &[("to = \"2026-11-30\"", "to = \"2026-11-31\""), ("2026-01-05T00:00:00Z", "2026-01-05")]),
    (
        "an_event_that_ends_before_it_begins",
        &[("to = \"2026-11-30\"", "to = \"2026-11-03\""), ("effect = \"volatile\"", "effect = \"freze\"\nseason = { demand = 0 }")],
    ),
    ("a_listener_open_to_the_world", &[("127.0.0.1:8787", "0.0.0.0:8787")]),
    (
        "tokens_that_collide",
        &[(
            "[accounts.meta-main]",
            "[[admin.tokens]]\nname = \"ci\"\nrole = \"operater\"\nsecret = \"env:TOKEN\"\n[[admin.tokens]]\nname = \"a\"\nrole = \"admin\"\nsecret = \"env:TOKEN\"\n[[admin.tokens]]\nname = \"a\"\nrole = \"viewer\"\nsecret = \"env:TOKEN\"\n[[admin.tokens]]\nname = \"local\"\nrole = \"viewer\"\nsecret = \"env:SECRET\"\n[accounts.meta-main]",
        )],
    ),
    (
        "schedules_that_never_come_or_never_stop",
        &[("[sandbox]", "[schedules]\nallocation = \"0 0 0 30 2 *\"\ndigest = \"0 8 * * *\"\nspend_pulse = \"5 minutes\"\nobservation = \"4w\"\n[sandbox]")],
    ),
    ("an_allocation_every_minute", &[("[sandbox]", "[schedules]\nallocation = \"0 * * * * *\"\n[sandbox]")]),
    (
        "a_sandbox_that_cannot_be",
        &[("seed = 7", "seed = -7\ncampaigns = 0\npeople = \"yes\"\nlisten = \"0.0.0.0:80\"\nfaults = { timout = \"5%\", slow = \"500%\" }")],
    ),
    ("an_agent_that_speaks_for_what_is_not_its_pools", &[("[agents.scale]", "[agents.scale]\nmembers = { accounts = [\"meta-mian\"], nmae = \"brand*\" }")]),
    ("an_agent_that_speaks_for_nothing", &[("[agents.scale]", "[agents.scale]\nmembers = { accounts = [] }")]),
    ("names_that_are_none", &[("[agents.scale]", "[agents.\"sc ale\\u001b[2J\"]"), ("name = \"acme\"", "name = \"ac/me\"")]),
];

#[test]
fn an_agent_speaks_for_all_of_its_pool_or_for_the_members_it_names() {
    let members = |written: &str| {
        let config = parse(&SOUND.replace("[agents.scale]", &format!("[agents.scale]\n{written}"))).expect("a valid file");
        let said = adjutant::config::effective(&config);
        (config.agents[&"scale".parse().expect("a name")].members.clone(), said)
    };
    assert_eq!(members("").0, None);
    let (some, said) = members("members = { name = \"brand*\" }");
    let some = some.expect("it is written");
    assert_eq!((some.accounts.len(), some.name.as_str()), (2, "brand*"));
    assert!(said.contains("campaigns `brand*` of meta-main, google-main"), "{said}");
    let one = members("members = { accounts = [\"google-main\"] }").0.expect("it is written");
    assert_eq!((one.accounts, one.name), (vec!["google-main".parse().expect("a name")], "*".to_owned()));
}

#[test]
fn the_sound_file_is_sound() {
    parse(SOUND).expect("it has no fault");
}

#[test]
fn every_broken_file_says_all_that_is_wrong_with_it() {
    let world = Given { vars: BTreeMap::from([("TOKEN", "hunter2"), ("SECRET", "hunter2")]), ..Given::default() };
    for (name, changes) in BROKEN {
        let mut text = SOUND.to_owned();
        for (old, new) in *changes {
            assert!(text.contains(old), "{name}: the sound file has `{old}`");
            text = text.replacen(old, new, 1);
        }
        let faults = Config::parse(&text, Path::new("agents.toml"), &world).expect_err(name);
        assert!(faults.list().iter().all(|fault| fault.line.is_some_and(|line| (1..=text.lines().count().max(1)).contains(&line))), "{name}");
        let said = faults.to_string();
        assert!(!said.contains("hunter2"), "{name}: a secret was repeated");
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("fault_{name}"), said);
        });
    }
}

#[test]
fn credentials_are_read_where_they_are_kept() {
    use secrecy::ExposeSecret;
    let kept = "credentials = { access_token = \"credential:meta_token\", app_secret = \"file:meta.secret\" }\n\n[acc";
    let text = SOUND.replace(CLOCK, "").replacen(META_END, kept, 1);
    let world = Given {
        vars: BTreeMap::from([("CREDENTIALS_DIRECTORY", "/run/credentials")]),
        files: BTreeMap::from([("/run/credentials/meta_token", "one\n"), ("/etc/adjutant/meta.secret", "two")]),
    };
    let config = Config::parse(&text, Path::new("/etc/adjutant/agents.toml"), &world).unwrap_or_else(|faults| panic!("{faults}"));
    let account = &config.accounts[&"meta-main".parse().expect("a name")];
    let Credentials::Meta { access_token, app_secret } = &account.credentials else { panic!("{:?}", account.credentials) };
    assert_eq!(access_token.resolve(&world).expect("it is there").expose_secret(), "one");
    assert_eq!(app_secret.resolve(&world).expect("it is there").expose_secret(), "two");
    assert_eq!(account.endpoint, Endpoint::Real);
    assert!(!account.accepted, "acceptance is never a default");
}

#[test]
fn a_file_beyond_a_mebibyte_or_not_there_is_refused_in_one_line() {
    let huge = format!("{SOUND}#{}", "x".repeat(adjutant::config::LARGEST));
    assert!(parse(&huge).expect_err("it is too large").contains("at most 1 MiB"));
    let checked = adjutant::config::check(Path::new("/nowhere/agents.toml"), &Given::default());
    assert_eq!(checked.exit_code, 1);
    assert!(checked.text.starts_with("/nowhere/agents.toml: cannot be read"), "{}", checked.text);
}

#[test]
fn a_hostile_file_is_refused_shortly() {
    let nested = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = (0..60_000).map(|number| format!("k{number} = 1\n")).collect::<String>();
    let dotted = format!("{}x = 1", "a.".repeat(200_000));
    for text in [nested, wide, dotted] {
        let said = parse(&text).expect_err("it is no configuration");
        assert!(said.len() < 60_000, "{} bytes", said.len());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn no_mutation_of_a_file_makes_the_reader_panic(cuts in proptest::collection::vec((0..2_000_usize, 0..40_usize, "[ -~\\n\"\\[\\]={}é\u{1b}]{0,12}"), 1..6)) {
        let mut text: Vec<char> = SOUND.chars().collect();
        for (at, length, put) in cuts {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(said) = parse(&text) {
            proptest::prop_assert!(said.lines().all(|line| line.starts_with("agents.toml:")), "{}", said);
        }
    }
}
