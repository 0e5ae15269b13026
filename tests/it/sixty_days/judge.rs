//! The judge: what the sandbox's log and state say of the limits, joined with the ledger by the hash of each request's body.

use std::collections::{BTreeMap, BTreeSet};

use adjutant::clock::ProductTime;
use adjutant::domain::entity::Platform;
use adjutant::domain::ids::DecisionId;
use adjutant::domain::policy::{CalendarEffect, Policy};
use adjutant::store::StoreError;
use adjutant::store::decision::DecisionRow;
use adjutant::store::dispatch::DispatchRow;
use adjutant::supervisor::control::Control;
use adjutant::supervisor::daemon::Daemon;
use serde_json::Value;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const UNIT: i64 = 1_000_000;
/// The shipped pool's cap, in micros.
const CAP: i64 = 6_000 * UNIT;
/// How long a person's edit is left alone when nobody answers.
const HOLD: i64 = 72 * HOUR;
/// Oldest read a write may rest on when it arrives, on the wall: thirty seconds, and two for the request itself.
const FRESH: i64 = 32_000;
/// A request and its answer take less wall time than this.
const IN_FLIGHT_MS: i64 = 5_000;
/// What people set in a place, and when: product time, wall time.
type Edits = BTreeMap<Place, Vec<(i64, i64)>>;

/// A row of the sandbox's log.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub seq: i64,
    pub at: i64,
    pub wall: i64,
    pub effective: i64,
    pub by_api: bool,
    pub applied: bool,
    pub platform: Platform,
    pub account: String,
    pub level: String,
    pub id: String,
    pub field: String,
    pub old: String,
    pub new: String,
    pub body: String,
    pub code: String,
}

impl Row {
    fn of(row: &Value) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| row[name].as_i64().expect("a number");
        Self {
            seq: number("seq"),
            at: number("at_ms"),
            wall: number("wall_ms"),
            effective: number("effective_at_ms"),
            by_api: row["source"] == "api",
            applied: row["outcome"] == "applied",
            platform: text("platform").parse().expect("a platform"),
            account: text("account"),
            level: text("level"),
            id: text("id"),
            field: text("field"),
            old: text("old"),
            new: text("new"),
            body: text("body_sha256"),
            code: text("code"),
        }
    }

    fn micros(&self) -> i64 {
        self.new.parse().expect("micros")
    }

    fn place(&self) -> Place {
        (self.account.clone(), self.level.clone(), self.id.clone())
    }
}

type Place = (String, String, String);

/// Values and when each took effect; what was to take effect later than a newer one is forgotten, as on the platforms.
#[derive(Clone, Debug)]
struct History<T>(Vec<(i64, T)>);

impl<T: Clone> History<T> {
    fn new(value: T) -> Self {
        Self(vec![(i64::MIN, value)])
    }

    fn set(&mut self, from: i64, value: T) {
        self.0.retain(|(earlier, _)| *earlier < from);
        self.0.push((from, value));
    }

    fn at(&self, at: i64) -> T {
        self.0.iter().rev().find(|(from, _)| *from <= at).expect("one from the beginning").1.clone()
    }

    fn last(&self) -> T {
        self.0.last().expect("never empty").1.clone()
    }
}

/// One budget of the sandbox.
#[derive(Clone, Debug)]
pub(super) struct Purse {
    amount: History<i64>,
    members: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Campaign {
    status: History<String>,
    group: (String, History<String>),
    passed: bool,
}

/// The sandbox's world at a place in its log.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub purses: BTreeMap<Place, Purse>,
    campaigns: BTreeMap<(String, String), Campaign>,
}

impl World {
    /// As it was before the first row.
    fn initial(state: &Value, rows: &[Row]) -> Self {
        let first = |place: &Place, field: &str| rows.iter().find(|row| row.applied && row.field == field && row.place() == *place).map(|row| row.old.clone());
        let (mut purses, mut campaigns) = (BTreeMap::new(), BTreeMap::new());
        for one in state["campaigns"].as_array().expect("campaigns") {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let (account, id, group) = (text(&one["account"]), text(&one["id"]), text(&one["ad_group"]));
            let status = |level: &str, id: &String, now: &Value| {
                History::new(first(&(account.clone(), level.to_owned(), id.clone()), "status").unwrap_or_else(|| text(now)))
            };
            let campaign = Campaign {
                status: status("campaign", &id, &one["status"]),
                group: (group.clone(), status("ad_group", &group, &one["ad_group_status"])),
                passed: one["review"] == "passed",
            };
            let budget = &one["budget"];
            let place = (account.clone(), text(&budget["level"]), text(&budget["id"]));
            let amount = first(&place, "budget").map_or_else(|| budget["micros"].as_i64().expect("micros"), |old| old.parse().expect("micros"));
            let purse = purses.entry(place).or_insert_with(|| Purse { amount: History::new(amount), members: Vec::new() });
            purse.members.push((account.clone(), id.clone()));
            campaigns.insert((account, id), campaign);
        }
        Self { purses, campaigns }
    }

    fn apply(&mut self, row: &Row) {
        if row.field == "budget" {
            self.purses.get_mut(&row.place()).expect("a budget of the state").amount.set(row.effective, row.micros());
        } else if row.level == "campaign" {
            self.campaigns.get_mut(&(row.account.clone(), row.id.clone())).expect("a campaign of the state").status.set(row.effective, row.new.clone());
        } else {
            let group = self.campaigns.values_mut().find(|campaign| campaign.group.0 == row.id).expect("an ad group of the state");
            group.group.1.set(row.effective, row.new.clone());
        }
    }

    fn delivers(&self, purse: &Purse, at: i64) -> bool {
        purse.members.iter().any(|member| {
            let campaign = &self.campaigns[member];
            campaign.passed && campaign.status.at(at) == "active" && campaign.group.1.at(at) == "active"
        })
    }

    /// What an account's delivering budgets cost at `at`, and with what is to take effect later.
    fn cost(&self, at: i64, account: Option<&str>) -> (i64, i64) {
        let counted = self.purses.iter().filter(|(place, purse)| account.is_none_or(|account| account == place.0) && self.delivers(purse, at));
        counted.fold((0, 0), |(now, open), (_, purse)| {
            let amount = purse.amount.at(at);
            (now + amount, open + amount.max(purse.amount.last()))
        })
    }

    /// Each budget that delivers, with its amount and members.
    pub fn spending(&self, at: i64) -> Vec<(i64, Vec<String>)> {
        let running = self.purses.values().filter(|purse| self.delivers(purse, at));
        running.map(|purse| (purse.amount.at(at), purse.members.iter().map(|(_, id)| id.clone()).collect())).collect()
    }
}

/// Everything a verdict rests on.
pub(super) struct Judge {
    pub rows: Vec<Row>,
    pub truth: Value,
    pub start: i64,
    state: Value,
    policy: Policy,
    /// Platform ids of the configured accounts.
    accounts: BTreeSet<String>,
    decisions: BTreeMap<DecisionId, DecisionRow>,
    dispatches: Vec<(DispatchRow, Vec<DecisionId>)>,
    reads: BTreeMap<adjutant::domain::ids::DispatchId, i64>,
    /// Wall time before which nothing was on its way any more when the log was read.
    settled: i64,
}

async fn door(daemon: &Daemon, path: &str) -> Value {
    adjutant::platforms::install_tls();
    #[expect(clippy::disallowed_methods, reason = "the judge's own door, not a platform's")]
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = daemon.sandbox_url().expect("the embedded sandbox").join(&format!("/_sandbox/{path}")).expect("an address");
    client.get(url).send().await.expect("the sandbox answers").json().await.expect("JSON")
}

impl Judge {
    pub async fn of(daemon: &Daemon) -> Self {
        // What is on its way while the log is read may be in one of the two and not yet in the other.
        let settled = daemon.clock().wall().ms() - IN_FLIGHT_MS;
        let (mut rows, mut after) = (Vec::new(), 0);
        loop {
            let page = door(daemon, &format!("log?after={after}&limit=500")).await;
            let found = page["rows"].as_array().expect("rows");
            if found.is_empty() {
                break;
            }
            rows.extend(found.iter().map(Row::of));
            after = page["next"].as_i64().expect("where to go on");
        }
        let state = door(daemon, "state").await;
        let truth = door(daemon, "truth").await;
        let start = state["start_ms"].as_i64().expect("a start");
        let policy = daemon.policy().policy.clone();
        let accounts: Vec<_> = policy.accounts.keys().cloned().collect();
        let (decisions, dispatches, reads) = daemon
            .store()
            .read(|mut tx| async move {
                let (mut decisions, mut dispatches, mut reads) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
                for account in &accounts {
                    for row in tx.account_dispatches_since(account, ProductTime::from_ms(0)).await? {
                        let of = tx.decisions_of_dispatch(&row.id).await?;
                        for id in &of {
                            let decision = tx.decision(id).await?.expect("a request's decision is on record");
                            decisions.insert(*id, decision);
                        }
                        if let Some(poll) = &row.poll
                            && let Some(poll) = tx.poll(poll).await?
                        {
                            reads.insert(row.id, poll.started_wall.ms());
                        }
                        dispatches.push((row, of));
                    }
                }
                Ok::<_, StoreError>((decisions, dispatches, reads))
            })
            .await
            .expect("readable rows");
        let known = state["accounts"].as_array().expect("accounts").iter();
        let accounts = known.filter_map(|account| account["id"].as_str().map(str::to_owned)).collect();
        Self { rows, truth, start, state, policy, accounts, decisions, dispatches, reads, settled }
    }

    /// The world before the first row.
    pub fn world(&self) -> World {
        World::initial(&self.state, &self.rows)
    }

    /// The world after all rows up to `at`.
    pub fn world_at(&self, at: i64) -> World {
        let mut world = self.world();
        self.rows.iter().filter(|row| row.applied && row.at <= at).for_each(|row| world.apply(row));
        world
    }

    /// Everything that should not have happened, a line each.
    pub fn breaches(&self) -> Vec<String> {
        let mut found = self.unmatched();
        let mut world = self.world();
        let mut last_set: BTreeMap<Place, i64> = BTreeMap::new();
        let mut edited = Edits::new();
        let mut set: BTreeMap<Place, Vec<(i64, i64)>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.applied) {
            let before = (row.field == "budget").then(|| last_set.get(&row.place()).copied().unwrap_or_else(|| row.old.parse().expect("micros")));
            // No platform compares before it sets: an edit made while a write was on its way is seen by the read after it, not by the one before. Such a
            // write is measured from what that read could show.
            let read = self.read_before(row).filter(|_| row.by_api);
            let crossed = read.is_some_and(|read| edited.get(&row.place()).is_some_and(|edits| edits.iter().any(|(_, wall)| *wall >= read)));
            let shown = before.filter(|_| crossed).map(|before| {
                let known = set.get(&row.place()).and_then(|all| all.iter().rev().find(|(wall, _)| Some(*wall) < read)).map(|(_, micros)| *micros);
                known.unwrap_or_else(|| self.first_amount(&row.place()).unwrap_or(before))
            });
            world.apply(row);
            if row.field == "budget" {
                last_set.insert(row.place(), row.micros());
                set.entry(row.place()).or_default().push((row.wall, row.micros()));
            }
            if row.by_api {
                found.extend(self.wrong_target(row).map(|why| self.tell(row, &why)));
                found.extend(self.against_a_person(row, &world, &edited).map(|why| self.tell(row, &why)));
                found.extend(shown.or(before).and_then(|base| self.wrong_step(row, base)).map(|why| self.tell(row, &why)));
                if read.is_none_or(|read| row.wall - read > FRESH) {
                    found.push(self.tell(row, "it rests on no read of the half minute before"));
                }
                found.extend(self.sums(row, before, &world).into_iter().map(|why| self.tell(row, &why)));
            } else {
                edited.entry(row.place()).or_default().push((row.at, row.wall));
            }
        }
        found
    }

    fn tell(&self, row: &Row, why: &str) -> String {
        let who = self.decision_of(row).map_or("nobody", |decision| decision.actor.as_str());
        let at = ProductTime::from_ms(row.at);
        format!("row {} at {at} ({} {} {} {} {} -> {} by {who}): {why}", row.seq, row.platform.name(), row.level, row.id, row.field, row.old, row.new)
    }

    fn decision_of(&self, row: &Row) -> Option<&DecisionRow> {
        let sent = self.dispatches.iter().filter(|(dispatch, _)| Self::same(row, dispatch) && dispatch.sent_wall.ms() <= row.wall);
        let (_, of) = sent.max_by_key(|(dispatch, _)| dispatch.sent_wall.ms())?;
        self.decisions.get(of.first()?)
    }

    /// Whether a request is the one that left this row. A body alone does not name its object on every platform.
    fn same(row: &Row, dispatch: &DispatchRow) -> bool {
        row.body == dispatch.body_hash && (row.platform != Platform::Meta || dispatch.url.ends_with(&format!("/{}", row.id)))
    }

    /// Every write that was taken has exactly one request and one decision, both on record before it, and every request that was accepted one write.
    fn unmatched(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut taken = vec![false; self.dispatches.len()];
        for row in self.rows.iter().filter(|row| row.by_api) {
            let mut fits = (0..self.dispatches.len()).filter(|at| !taken[*at] && Self::same(row, &self.dispatches[*at].0));
            let Some(at) = fits.next() else {
                found.push(format!("row {} has no request of ours: {row:?}", row.seq));
                continue;
            };
            taken[at] = true;
            let (dispatch, of) = &self.dispatches[at];
            if let [decision] = of.as_slice() {
                let decision = &self.decisions[decision];
                if decision.wall.ms() > dispatch.sent_wall.ms() || dispatch.sent_wall.ms() > row.wall {
                    found.push(format!("row {} came before its decision {} or its request {}", row.seq, decision.id, dispatch.id));
                }
            } else {
                found.push(format!("request {} of row {} carries {} decisions", dispatch.id, row.seq, of.len()));
            }
            // Nobody knows at once what became of a request without an answer; the audit and the read-back settle those.
            let as_answered = match dispatch.result.as_deref() {
                Some("accepted") => row.applied,
                Some("refused") => !row.applied,
                Some(_) | None => true,
            };
            if !as_answered {
                found.push(format!("row {} was {} and its request {:?}", row.seq, if row.applied { "taken" } else { "refused" }, dispatch.result));
            }
        }
        let missing = self
            .dispatches
            .iter()
            .zip(&taken)
            .filter(|((dispatch, _), taken)| !**taken && dispatch.result.as_deref() == Some("accepted") && dispatch.sent_wall.ms() < self.settled);
        found.extend(missing.map(|((dispatch, _), _)| format!("request {} was accepted and the platform knows nothing of it", dispatch.id)));
        found
    }

    /// Allow-list, currency, unit, minimum, freeze.
    fn wrong_target(&self, row: &Row) -> Option<String> {
        let listed = self.accounts.contains(&row.account);
        let known = match row.field.as_str() {
            "budget" => self.world().purses.contains_key(&row.place()),
            _ => self.world().campaigns.contains_key(&(row.account.clone(), row.id.clone())),
        };
        if !listed || !known {
            return Some("nothing of the pool".to_owned());
        }
        let billed = self.state["accounts"].as_array()?.iter().find(|account| account["id"] == row.account.as_str())?;
        let decided = self.decision_of(row)?.moves.map(|(_, to)| to);
        if billed["currency"] != "USD" || decided.is_some_and(|to| to.currency().code() != "USD") {
            return Some(format!(
                "in {} for an account billed in {}",
                decided.map_or_else(|| "?".to_owned(), |to| to.currency().code().to_owned()),
                billed["currency"]
            ));
        }
        if row.field == "budget" {
            // Source: each platform's documented least daily budget in US dollars.
            let least = match (row.platform, row.level.as_str()) {
                (Platform::Google, _) => 10_000,
                (Platform::Meta, _) => UNIT,
                (Platform::Tiktok, "campaign") => 50 * UNIT,
                (Platform::Tiktok, _) => 20 * UNIT,
            };
            if row.micros() < least || row.micros() % 10_000 != 0 {
                return Some(format!("below {least} micros, or not whole cents"));
            }
            if decided.is_some_and(|to| to.micros() != row.micros()) {
                return Some("not the amount that was decided".to_owned());
            }
        }
        let zone = billed["time_zone"].as_str()?.parse().ok()?;
        let day = ProductTime::from_ms(row.at).date_in(zone);
        let frozen = self.policy.effects_on(day).any(|(_, effect)| effect == CalendarEffect::Freeze);
        let grows = if row.field == "budget" { row.micros() > row.old.parse::<i64>().expect("micros") } else { row.new == "active" };
        (frozen && grows).then(|| "growth in a freeze".to_owned())
    }

    /// A person's value is left alone while the hold stands: on the object itself, and on the budget of a campaign whose status a person set.
    fn against_a_person(&self, row: &Row, world: &World, edited: &Edits) -> Option<String> {
        let own = [row.place()];
        let members: Vec<Place> = world
            .purses
            .get(&row.place())
            .filter(|purse| row.field == "budget" && purse.members.len() == 1)
            .map_or(Vec::new(), |purse| purse.members.iter().map(|(account, id)| (account.clone(), "campaign".to_owned(), id.clone())).collect());
        // An edit that the read before this write could not show excuses itself alone, never an earlier one.
        let read = self.read_before(row);
        let edits = own.iter().chain(&members).filter_map(|place| edited.get(place)).flatten();
        let (at, _) = *edits.filter(|(_, wall)| read.is_none_or(|read| *wall < read)).max()?;
        (row.at - at < HOLD).then(|| format!("a person edited it {} h before", (row.at - at) / HOUR))
    }

    /// What a budget stood at before the first row about it.
    fn first_amount(&self, place: &Place) -> Option<i64> {
        self.rows.iter().find(|row| row.applied && row.field == "budget" && row.place() == *place)?.old.parse().ok()
    }

    /// When the read began, in UTC milliseconds, that the write behind `row` rests on.
    fn read_before(&self, row: &Row) -> Option<i64> {
        let sent = self.dispatches.iter().filter(|(dispatch, _)| Self::same(row, dispatch) && dispatch.sent_wall.ms() <= row.wall);
        let (dispatch, _) = sent.max_by_key(|(dispatch, _)| dispatch.sent_wall.ms())?;
        self.reads.get(&dispatch.id).copied()
    }

    fn wrong_step(&self, row: &Row, before: i64) -> Option<String> {
        let decision = self.decision_of(row)?;
        let most = if decision.actor == "scale" { 15 } else { 20 };
        let moved = (row.micros() - before).abs();
        (i128::from(moved) * 100 > i128::from(before) * most).then(|| format!("a step of more than {most} % of {before}"))
    }

    /// The pool's cap at every row, and rolling 24 h where a row adds to what is committed.
    fn sums(&self, row: &Row, before: Option<i64>, world: &World) -> Vec<String> {
        let mut found = Vec::new();
        let (now, open) = world.cost(row.at, None);
        if open > CAP {
            found.push(format!("{open} micros committed of {CAP}, {now} of them live"));
        }
        let grows = match before {
            Some(before) => row.micros() > before,
            None => row.new == "active",
        };
        if !grows {
            return found;
        }
        let more = |base: i64, now: i64, pct: i128| i128::from(now - base) * 100 > i128::from(base) * pct;
        if before.is_some() {
            let purse = &world.purses[&row.place()];
            let day_ago = purse.amount.at(row.at - DAY);
            if more(day_ago, row.micros(), 20) {
                found.push(format!("more than 20 % over {day_ago} of 24 h ago"));
            }
        }
        for (scope, account) in [("account", Some(row.account.as_str())), ("workspace", None)] {
            let (day_ago, _) = world.cost(row.at - DAY, account);
            let (_, open) = world.cost(row.at, account);
            if more(day_ago, open, 30) {
                found.push(format!("the {scope} rose from {day_ago} to {open} within 24 h, more than 30 %"));
            }
        }
        found
    }
}
