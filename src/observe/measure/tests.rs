use super::*;
use crate::clock::Clock;
use crate::domain::entity::{BudgetRef, Learning, Objective, RunStatus};
use crate::domain::metrics::Metrics;
use crate::domain::money::Currency;
use crate::platforms::ga4::{Counted, PropertySpec};
use crate::platforms::{Credentials, Limiters};

/// Noon in New York, 5 January 2026.
const NOW: ProductTime = ProductTime::from_ms(1_767_632_400_000);
const ZONE: Tz = Tz::America__New_York;

fn day(back: u64) -> NaiveDate {
    NOW.date_in(ZONE) - Days::new(back)
}

fn usd(units: i64) -> Money {
    Money::from_units(units, Currency::USD).expect("small")
}

fn campaign(id: &str, name: &str) -> Campaign {
    let key = EntityKey::campaign("a".parse().expect("a name"), id.to_owned());
    Campaign {
        key: key.clone(),
        name: name.to_owned(),
        status: RunStatus::Active,
        serving: true,
        disapproved: false,
        objective: Objective::Conversions,
        special_categories: Some(Vec::new()),
        learning: Learning::Done,
        budget: BudgetRef { members: vec![key.clone()], key },
        created: None,
    }
}

fn campaigns() -> Vec<Campaign> {
    vec![campaign("1", "Spring"), campaign("2", "Summer"), campaign("3", "Twice"), campaign("4", "twice ")]
}

/// Ten days of ten conversions and a hundred clicks for each campaign.
fn table() -> Table {
    let metrics = Metrics { clicks: 100, conversions_milli: 10_000, revenue: usd(500), spend: usd(100), impressions: 1_000 };
    campaigns().into_iter().map(|campaign| (campaign.key, (0..10).map(|back| (day(back), metrics.clone())).collect())).collect()
}

fn row(back: u64, id: Option<&str>, name: Option<&str>, source: &str, conversions: i64) -> Counted {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Counted {
        day: day(back),
        id: text(id),
        name: text(name),
        source: source.to_owned(),
        conversions_milli: conversions * 1_000,
        revenue: usd(conversions * 40),
    }
}

fn report(rows: Vec<Counted>) -> Report {
    Report { rows, zone: Some(ZONE), currency: Some(Currency::USD), unfit: BTreeSet::new(), thresholded: false, withheld: Vec::new() }
}

/// Every campaign, told by its id, with so many conversions a day.
fn all(conversions: i64) -> Vec<Counted> {
    campaigns().iter().flat_map(|campaign| (2..10).map(|back| row(back, Some(&campaign.key.id), None, "facebook", conversions)).collect::<Vec<_>>()).collect()
}

fn measuring(names: Names, value: Option<Money>) -> Measuring {
    let clock = Clock::manual(NOW);
    let spec = PropertySpec {
        name: "shop".to_owned(),
        property: "7".to_owned(),
        key_events: vec!["purchase".to_owned()],
        join: "sessionCampaignId".to_owned(),
        base_url: Some("http://127.0.0.1:9".parse().expect("a URL")),
        credentials: Credentials::Sandbox,
    };
    Measuring { property: Arc::new(Property::new(spec, clock.clone(), &Limiters::new(clock)).expect("a property")), names, value }
}

fn observed() -> Observed {
    Observed { account: "a".parse().expect("a name"), platform: Platform::Meta, currency: Currency::USD, time_zone: ZONE, sandbox: true, tracking_minimum: 0.6 }
}

fn beside() -> Beside {
    Beside::restored(Some(measuring(Names::Join, None)), None, Vec::new())
}

/// Judges a report and takes it over.
fn judge(beside: &mut Beside, report: Report, at: ProductTime) -> Measurement {
    let Judged { facts, state, .. } = beside.judge(Some(Ok(Arc::new(report))), &observed(), &campaigns(), &table(), at);
    beside.keep(facts, state);
    beside.state.clone().expect("it is measured")
}

fn fails(beside: &mut Beside, at: ProductTime) -> Measurement {
    let judged = beside.judge(Some(Err(PlatformError::Transient("down".to_owned()))), &observed(), &campaigns(), &table(), at);
    assert!(judged.trouble.is_some());
    beside.keep(judged.facts, judged.state);
    beside.state.clone().expect("it is measured")
}

fn counts(beside: &Beside, id: &str, back: u64) -> i64 {
    let key = campaigns().into_iter().find(|campaign| campaign.key.id == id).expect("known").key;
    beside.over(&table())[&key][&day(back)].conversions_milli / 1_000
}

#[test]
fn campaigns_are_found_by_id_first_and_by_a_plain_name_of_the_platforms_own_traffic_second() {
    let rows = vec![
        row(3, Some("1"), Some("Summer"), "facebook", 1),
        row(3, None, Some("summer"), "ig", 2),
        row(3, None, Some("Summer"), "google", 4),
        row(3, None, Some("Twice"), "facebook", 8),
        row(3, Some("999"), Some("Spring"), "facebook", 16),
    ];
    let found = |names| join(Platform::Meta, &campaigns(), &report(rows.clone()), &measuring(names, None));
    let counted = |joined: &Measured| joined.iter().map(|(key, days)| (key.id.clone(), days[&day(3)].0 / 1_000)).collect::<Vec<_>>();
    assert_eq!(counted(&found(Names::Join)), [("1".to_owned(), 1), ("2".to_owned(), 2)]);
    assert_eq!(counted(&found(Names::Ignore)), [("1".to_owned(), 1)]);
}

#[test]
fn what_a_conversion_is_worth_may_be_fixed() {
    let joined = join(Platform::Meta, &campaigns(), &report(vec![row(3, Some("1"), None, "x", 3)]), &measuring(Names::Join, Some(usd(30))));
    assert_eq!(joined.values().next().expect("one")[&day(3)], (3_000, usd(90)));
}

#[test]
fn what_is_joined_comes_first_on_settled_days_and_the_platform_elsewhere() {
    let mut beside = beside();
    let mut rows = all(9);
    rows.retain(|row| row.id.as_deref() != Some("4"));
    rows.push(row(1, Some("1"), None, "facebook", 77));
    let state = judge(&mut beside, report(rows), NOW);
    assert_eq!((state.standing, state.joined_permille, state.gap_pct), (Standing::First, Some(750), None));
    assert_eq!((counts(&beside, "1", 3), counts(&beside, "1", 1), counts(&beside, "4", 3)), (9, 10, 10));
    assert!(
        beside.judge(Some(Ok(Arc::new(report(all(9))))), &observed(), &campaigns(), &table(), NOW).facts.iter().all(|fact| fact.entity.id == "4"),
        "only news"
    );
}

#[test]
fn too_little_joined_other_zones_currencies_and_withheld_figures_leave_the_platform_first() {
    let reason = |change: &dyn Fn(&mut Report)| {
        let (mut beside, mut report) = (beside(), report(all(9)));
        change(&mut report);
        let state = judge(&mut beside, report, NOW);
        assert_eq!(counts(&beside, "1", 3), if state.standing == Standing::First { 9 } else { 10 });
        state.standing
    };
    assert_eq!(reason(&|_| {}), Standing::First);
    assert_eq!(reason(&|report| report.rows.retain(|row| row.id.as_deref() == Some("1"))), Standing::Second(Second::Unjoined));
    assert_eq!(reason(&|report| report.zone = Some(Tz::Europe__Berlin)), Standing::Second(Second::OtherZone));
    assert_eq!(reason(&|report| report.zone = Some(Tz::America__Toronto)), Standing::First);
    assert_eq!(reason(&|report| report.currency = Some(Currency::JPY)), Standing::Second(Second::OtherCurrency));
    assert_eq!(reason(&|report| report.withheld = vec!["purchaseRevenue".to_owned()]), Standing::Second(Second::Withheld));
    assert_eq!(reason(&|report| report.unfit = (0..35).map(day).collect()), Standing::Second(Second::Unfit));
}

#[test]
fn a_day_unfit_for_decisions_stays_as_it_was_known() {
    let mut beside = beside();
    judge(&mut beside, report(all(9)), NOW);
    let mut worse = report(all(1));
    worse.unfit = BTreeSet::from([day(3)]);
    judge(&mut beside, worse, NOW);
    assert_eq!((counts(&beside, "1", 3), counts(&beside, "1", 4)), (9, 1));
}

#[test]
fn a_gap_is_told_beyond_its_bound_in_either_direction_and_not_on_a_handful() {
    let gap = |conversions| judge(&mut beside(), report(all(conversions)), NOW).gap_pct;
    assert_eq!([6, 5, 14, 15].map(gap), [None, Some(-50), None, Some(50)]);
    let few = vec![row(3, Some("1"), None, "facebook", 1)];
    assert_eq!(judge(&mut beside(), report(few), NOW).gap_pct, None);
}

#[test]
fn what_was_counted_serves_for_some_hours_and_then_the_platform_does_until_it_answers_again() {
    let mut beside = beside();
    judge(&mut beside, report(all(9)), NOW);
    assert_eq!(fails(&mut beside, NOW + TimeDelta::hours(5)).standing, Standing::First);
    assert_eq!(counts(&beside, "1", 3), 9);
    assert_eq!(fails(&mut beside, NOW + TimeDelta::hours(6)).standing, Standing::Second(Second::Silent));
    assert_eq!(counts(&beside, "1", 3), 10);
    assert_eq!(judge(&mut beside, report(all(9)), NOW + TimeDelta::hours(7)).standing, Standing::First);
}

#[test]
fn one_that_never_answered_does_not_count_and_one_that_is_configured_no_more_is_forgotten() {
    assert_eq!(fails(&mut beside(), NOW).standing, Standing::Second(Second::Silent));
    let mut known = beside();
    judge(&mut known, report(all(9)), NOW);
    let mut gone = Beside::restored(None, known.state.clone(), Vec::new());
    let judged = gone.judge(None, &observed(), &campaigns(), &table(), NOW);
    gone.keep(judged.facts, judged.state);
    assert_eq!((gone.state.clone(), counts(&gone, "1", 3)), (None, 10));
}
