//! What people see first: is it running, what is it doing and why, what does it spend, does it need me.

use axum::extract::{Extension, State};
use maud::{Markup, html};

use super::Shown;
use super::chart::{meter, sparkline};
use super::layout::Frame;
use super::words::{action, amount, away, due, figure, kind, moment, percent, plural, severity};
use crate::admin::Admin;
use crate::admin::api::Who;
use crate::admin::api::agents::state;
use crate::admin::reading::{Line, asked, grouped, sum};
use crate::domain::entity::{Campaign, RunStatus};
use crate::domain::measurement::{Measurement, Standing};
use crate::domain::metrics::Metrics;
use crate::domain::money::Money;
use crate::domain::ticket::Role;
use crate::domain::view::{AccountView, Tracking};
use crate::store::StoreError;
use crate::store::alert::{AlertRow, Which};
use crate::store::decision::DecisionFilter;
use crate::store::ticket::TicketRow;
use crate::supervisor::control::{AgentState, PoolStatus};

/// Lines of the parts that only give an impression.
const RECENT: u32 = 8;
const WAITING: usize = 4;
/// Days of the small charts.
const CHART_DAYS: usize = 14;
/// Campaigns listed.
const CAMPAIGNS: usize = 60;

/// `GET /`.
pub(crate) async fn page(State(admin): State<Admin>, Extension(who): Who) -> Shown {
    let frame = admin.frame(who, "/", "Overview").await?;
    let filter = &DecisionFilter::default();
    let rows = admin.store().read(|mut tx| async move {
        Ok::<_, StoreError>((tx.decisions(filter, None, RECENT).await?, tx.open_tickets().await?, tx.alerts(Which::Open, None, RECENT).await?))
    });
    let (decisions, tickets, mut alerts) = rows.await?;
    // What a listed question says is not said twice.
    alerts.retain(|alert| !tickets.iter().any(|ticket| alert.payload.contains(ticket.id.to_string().as_str())));
    let lines: Vec<Line> = decisions.into_iter().map(|row| admin.line(row)).collect();
    Ok(frame.page(&html! {
        (control(&frame))
        section #pools .cards data-live="rounds views" aria-label="Spend" { @for pool in &admin.control().pools() { (card(pool, frame.now)) } }
        div.columns {
            div {
                section #agents data-live="rounds scopes" aria-labelledby="agents-title" { h2 #agents-title { "Agents" } (agents(&admin, &frame)) }
                section #actions data-live="decisions rounds" aria-labelledby="actions-title" {
                    h2 #actions-title { "Recent actions" }
                    @if lines.is_empty() { p.quiet { "Nothing yet. The first round follows the first read of an account." } }
                    ol.actions { @for line in &lines { (action(line)) } }
                    p.more { a href="/decisions" { "All decisions" } }
                }
            }
            section #needs .needs data-live="tickets alerts" aria-labelledby="needs-title" { h2 #needs-title { "Needs you" } (needs(&admin, &tickets, &alerts, &frame)) }
        }
        section #campaigns data-live="views" aria-labelledby="campaigns-title" { h2 #campaigns-title { "Campaigns" } (campaigns(&admin)) }
        section #accounts data-live="views" aria-labelledby="accounts-title" { h2 #accounts-title { "Accounts" } (accounts(&admin, &frame)) }
    }))
}

fn control(frame: &Frame) -> Markup {
    let paused = frame.is_paused();
    html! {
        section #control .control data-live="scopes" aria-label="State" {
            div {
                h1 { @if paused { "Paused" } @else { "Running" } }
                p.lead {
                    @if paused { "Agents watch and propose nothing; no write leaves." } @else { "Agents act inside the guardrails." }
                }
            }
            @if frame.may(Role::Operator) {
                @if paused {
                    form method="post" action="/resume" { (frame.form_fields("/")) input type="hidden" name="note" value="from the overview"; button.big type="submit" { "Resume" } }
                } @else {
                    form method="post" action="/pause" { (frame.form_fields("/")) input type="hidden" name="note" value="from the overview"; button."big stop" type="submit" { "Pause everything" } }
                }
            }
        }
    }
}

fn card(pool: &PoolStatus, now: crate::clock::ProductTime) -> Markup {
    let share = |part: Option<Money>| part.map_or(0.0, |part| part.estimate() / pool.daily_cap.estimate().max(f64::MIN_POSITIVE));
    let said = |part: Option<Money>| part.map_or_else(|| "not known yet".to_owned(), grouped);
    html! {
        article.card {
            h2 { (pool.pool) }
            p.big-number { (said(pool.spent_today)) }
            p.quiet { "spent today of a cap of " (grouped(pool.daily_cap)) }
            (meter(share(pool.spent_today), &format!("{} of the cap spent", percent(share(pool.spent_today)))))
            dl.pairs {
                div { dt { "Budgets" } dd { (said(pool.budgeted)) } }
                div { dt { "Last round" } dd { @if let Some(at) = pool.last_round_at { (away(at, now)) } @else { "none yet" } } }
                div { dt { "Next round" } dd { @if let Some(at) = pool.next_round { (due(at, now)) } @else { "not set" } } }
            }
            @if let Some(error) = &pool.last_error { p.bad { (error) } }
        }
    }
}

/// An agent's state as a mark.
pub(crate) fn life(state: AgentState) -> Markup {
    let (tone, word) = match state {
        AgentState::Starting => ("quiet", "starting"),
        AgentState::Active => ("good", "active"),
        AgentState::Paused => ("warn", "paused"),
        AgentState::BackingOff => ("bad", "backing off after a fault"),
        AgentState::Terminated => ("quiet", "terminated"),
    };
    html! { span class=(format!("mark {tone}")) { (word) } }
}

fn agents(admin: &Admin, frame: &Frame) -> Markup {
    let agents = admin.control().agents();
    html! {
        @if agents.is_empty() { p.quiet { "No agents are configured." } }
        ul.agents {
            @for agent in &agents {
                li {
                    div.what { b { (agent.agent) } " " (life(state(agent, &frame.glance.scopes))) span.goal { (agent.goal) } }
                    p { @if agent.focus.is_empty() { "Has not looked yet." } @else { (agent.focus) } }
                    @if !agent.progress.is_empty() { p.why { (agent.progress) } }
                }
            }
        }
    }
}

fn needs(admin: &Admin, tickets: &[TicketRow], alerts: &[AlertRow], frame: &Frame) -> Markup {
    html! {
        @if tickets.is_empty() && alerts.is_empty() { p.quiet { "Nothing. Tickets and alerts show up here." } }
        ul.plain {
            @for ticket in tickets.iter().take(WAITING) {
                li {
                    a href=(format!("/tickets/{}", ticket.id)) { (asked(ticket).map_or_else(|| kind(ticket.kind).to_owned(), |content| admin.in_names(&content.title, &ticket.subject))) }
                    p.meta { (severity(ticket.severity)) " " (kind(ticket.kind)) " \u{b7} answer " (due(ticket.deadline, frame.now)) }
                }
            }
        }
        @if tickets.len() > WAITING { p.more { a href="/tickets" { "All " (plural(tickets.len(), "ticket")) } } }
        ul.plain {
            @for alert in alerts.iter().take(WAITING) {
                li { a href="/alerts" { (admin.in_names(&alert.title, &alert.subject)) } p.meta { (severity(alert.severity)) " " (moment(alert.last)) @if alert.times > 1 { " \u{b7} " (alert.times) " times" } } }
            }
        }
        @if alerts.len() > WAITING { p.more { a href="/alerts" { "All alerts" } } }
    }
}

struct Row<'a> {
    view: &'a AccountView,
    campaign: &'a Campaign,
    budget: Option<Money>,
    days: &'a [Metrics],
    week: Option<Metrics>,
}

fn campaigns(admin: &Admin) -> Markup {
    let views = admin.views();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for view in &views {
        for (at, campaign) in view.campaigns.iter().enumerate() {
            let series = view.series(at);
            // The running day is not comparable with closed ones.
            let closed = &series[..series.len().saturating_sub(1)];
            let days = &closed[closed.len().saturating_sub(CHART_DAYS)..];
            let week = sum(days.iter().rev().take(7));
            rows.push(Row { view, campaign, budget: view.budget(&campaign.budget.key).map(|budget| budget.amount), days, week });
        }
    }
    rows.sort_by(|a, b| {
        let spend = |row: &Row<'_>| row.week.as_ref().map_or(0, |week| week.spend.micros());
        spend(b).cmp(&spend(a)).then_with(|| a.campaign.key.cmp(&b.campaign.key))
    });
    let all = rows.len();
    html! {
        @if rows.is_empty() { p.quiet { "No account has been read yet." } }
        @else {
            div.scroll {
                table {
                    caption.hidden { "Campaigns by spend of the last seven closed days" }
                    thead { tr {
                        th scope="col" { "Campaign" } th scope="col" { "State" } th.num scope="col" { "Daily budget" } th scope="col" { "Spend, 14 days" }
                        th.num scope="col" { "7 days" } th scope="col" { "ROAS, 14 days" } th.num scope="col" { "7 days" }
                    } }
                    tbody { @for row in rows.iter().take(CAMPAIGNS) { (campaign(row)) } }
                }
            }
            @if all > CAMPAIGNS { p.quiet { (CAMPAIGNS) " of " (all) " campaigns; the API lists all." } }
        }
    }
}

fn campaign(row: &Row<'_>) -> Markup {
    let ratio = |metrics: &Metrics| metrics.roas().and_then(|roas| roas.to_string().parse::<f64>().ok());
    let spend: Vec<f64> = row.days.iter().map(|day| day.spend.estimate()).collect();
    let roas: Vec<f64> = row.days.iter().map(|day| ratio(day).unwrap_or(0.0)).collect();
    let week = row.week.as_ref();
    let spent = week.map_or_else(|| "\u{2013}".to_owned(), |week| grouped(week.spend));
    let earned = week.and_then(ratio).map_or_else(|| "\u{2013}".to_owned(), figure);
    let (tone, word) = match (row.campaign.status, row.campaign.disapproved) {
        (_, true) => ("bad", "disapproved"),
        (RunStatus::Active, false) => ("good", "active"),
        (RunStatus::Paused, false) => ("quiet", "paused"),
        (RunStatus::Ended, false) => ("quiet", "ended"),
    };
    html! {
        tr {
            th scope="row" { span.name { (row.campaign.name) } span.meta { (row.view.account) @if row.view.sandbox { " " span.badge { "SANDBOX" } } } }
            td { span class=(format!("mark {tone}")) { (word) } }
            td.num { @if let Some(budget) = row.budget { (amount(budget)) } @else { "\u{2013}" } }
            td { (sparkline(&spend, &format!("Spend of 14 days; the last seven add up to {spent}"))) }
            td.num { (spent) }
            td { (sparkline(&roas, &format!("ROAS of 14 days; over the last seven it is {earned}"))) }
            td.num { (earned) }
        }
    }
}

fn accounts(admin: &Admin, frame: &Frame) -> Markup {
    html! {
        div.scroll {
            table {
                caption.hidden { "Accounts and how they answer" }
                thead { tr { th scope="col" { "Account" } th scope="col" { "Platform" } th scope="col" { "State" } th scope="col" { "Last read" } th scope="col" { "Conversions" } th scope="col" { "Trouble" } } }
                tbody {
                    @for account in &admin.control().accounts() {
                        tr {
                            th scope="row" { (account.account) @if account.sandbox { " " span.badge { "SANDBOX" } } }
                            td { (account.platform) }
                            td { @if account.acting { span."mark good" { "acting" } } @else { span."mark quiet" { "watching" } } " " span.meta { "breaker " (account.breaker) } }
                            td { @if let Some(at) = account.last_ok { (away(at, frame.now)) } @else { "never" } }
                            td { (admin.control().view(&account.account).map_or_else(|| html! { span.quiet { "not read yet" } }, |view| counted(view.measurement.as_ref(), &view.tracking))) }
                            td {
                                @if let Some(frozen) = &account.frozen { span.bad { "Frozen: " (frozen) } }
                                @if let Some(error) = &account.last_error { span.bad { (error) } }
                                @if account.frozen.is_none() && account.last_error.is_none() { span.quiet { "none" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Who counts an account's conversions, and how much of its traffic another source finds.
fn counted(measurement: Option<&Measurement>, tracking: &Tracking) -> Markup {
    let broken = match tracking {
        Tracking::Broken { .. } => html! { " " span.bad { "tracking is broken" } },
        Tracking::Unknown | Tracking::Healthy => html! {},
    };
    let Some(measurement) = measurement else { return html! { "by the platform" (broken) } };
    let joined = measurement.joined_permille.map(|joined| format!("{}.{} % of the clicks joined", joined / 10, joined % 10));
    html! {
        @match measurement.standing {
            Standing::First => { "by " (measurement.source) }
            Standing::Second(why) => { "by the platform" " " span.meta { (measurement.source) ": " (why.words()) } }
        }
        @if let Some(joined) = joined { " " span.meta { (joined) } }
        @if let Some(gap) = measurement.gap_pct { " " span.bad { (gap.abs()) " % " @if gap < 0 { "fewer" } @else { "more" } " than the platform's" } }
        (broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::measurement::Second;

    #[test]
    fn who_counts_conversions_is_told_with_how_much_of_the_traffic_is_found_there() {
        let measured = |standing, gap_pct| Measurement { source: "ga4:1<2".to_owned(), standing, joined_permille: Some(874), gap_pct };
        let shown = |measurement: Option<&Measurement>, tracking| counted(measurement, tracking).into_string();
        assert_eq!(shown(None, &Tracking::Healthy), "by the platform");
        let first = shown(Some(&measured(Standing::First, None)), &Tracking::Unknown);
        assert!(first.starts_with("by ga4:1&lt;2") && first.contains("87.4 % of the clicks joined") && !first.contains("platform"), "{first}");
        let second = shown(Some(&measured(Standing::Second(Second::Unjoined), Some(-52))), &Tracking::Broken { reported: 1.0, expected: 9.0 });
        for words in ["by the platform", "too little of the account", "52 % fewer than the platform", "tracking is broken"] {
            assert!(second.contains(words), "{words}: {second}");
        }
    }
}
