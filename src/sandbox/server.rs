//! The listener: reads a request whole, lets its fault happen, hands it to the platform it belongs to, and answers only after the log row of
//! every write is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::faults::{FaultRule, Faults, Kind, Methods};
use super::state::Book;
use super::throttle::{self, Place, Throttle};
use super::wire::{Asked, Reply, hex};
use super::world::World;
use super::world::edits::{Effect, Moment, Outcome, Row, Source};
use super::{SandboxConfig, SandboxError, ga4, google, meta, steer, tiktok};
use crate::clock::{Clock, ClockMode, ProductTime};
use crate::domain::entity::Platform;

/// Most bytes of a request.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// How long a request that is never answered stays open.
const SILENCE: Duration = Duration::from_secs(10);

/// World, state file and faults: one request at a time changes them.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) book: Book,
    pub(crate) faults: Faults,
    pub(crate) throttle: Throttle,
    /// Set when the state file failed: world and file may differ, so nothing is answered any more.
    broken: bool,
}

impl Core {
    /// Opens the state and rebuilds the world from it.
    pub(crate) async fn open(config: &SandboxConfig, now: ProductTime) -> Result<Self, SandboxError> {
        let mut book = Book::open(config.state_file.as_deref()).await?;
        let start = book.settle(config, now).await?;
        let mut world = World::build(config, start);
        let mut after = 0;
        loop {
            let rows = book.log(after, 1_000).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in rows.iter().filter(|row| row.outcome == Outcome::Applied) {
                world.replay(row);
                world.told.push(row.clone());
                if row.source == Source::People {
                    world.people_have_done(row.at_ms);
                }
            }
        }
        let rules = book.faults().await?.unwrap_or_else(|| config.base_faults.clone());
        Ok(Self { faults: Faults::new(world.seed, rules), throttle: Throttle::new(config.quota), world, book, broken: false })
    }

    /// Commits what the world left to log; `rules` too when they changed.
    pub(crate) async fn commit(&mut self, rules: RulesChanged) -> Result<(), sqlx::Error> {
        let rows = std::mem::take(&mut self.world.pending);
        let rules = match rules {
            RulesChanged::Yes => Some(self.faults.rules.as_slice()),
            RulesChanged::No if rows.is_empty() => return Ok(()),
            RulesChanged::No => None,
        };
        self.book.commit(&rows, rules).await.inspect_err(|_| self.broken = true)?;
        self.world.told.extend(rows.into_iter().filter(|row| row.outcome == Outcome::Applied));
        Ok(())
    }
}

/// Whether fault rules are to be stored with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RulesChanged {
    /// They changed.
    Yes,
    /// They did not.
    No,
}

/// What every connection shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    core: Arc<Mutex<Option<Core>>>,
    clock: Clock,
}

impl Shared {
    pub(crate) fn new(core: Core, clock: Clock) -> Self {
        Self { core: Arc::new(Mutex::new(Some(core))), clock }
    }
}

/// Nothing more is said on this connection.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox broke the connection")]
struct Broken;

/// Accepts connections until `stop`; closes the state file at the end.
pub(crate) async fn listen(listener: TcpListener, shared: Shared, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tasks.spawn(connection(stream, shared.clone(), stop.clone()))),
                // Out of descriptors, or the peer left at once: the listener itself is sound.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    if let Some(core) = shared.core.lock().await.take() {
        let _ = core.book.close().await;
    }
}

async fn connection(stream: TcpStream, shared: Shared, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| serve(&shared, &stop, request));
    let mut http = hyper::server::conn::http1::Builder::new();
    let serving = http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30)).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        // A client that leaves, and a connection we broke on purpose, end here alike.
        _ = serving => {}
    }
}

async fn serve(shared: &Shared, stop: &CancellationToken, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_LIMIT).await.map_err(|_| Broken)?;
    let query: BTreeMap<String, String> =
        head.uri.query().map(|query| url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()).unwrap_or_default();
    let asked = Asked { method: head.method, path: head.uri.path().to_owned(), query, headers: head.headers, body: body.to_vec() };
    let reply = match asked.platform() {
        Some(platform) => platform_reply(shared, stop, platform, asked).await?,
        None => whole(own_reply(shared.clone(), asked)).await?,
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(reply.body)).map_err(|_| Broken)
}

/// Carries on to its end even when the client leaves: an effect whose row were not committed could not be judged.
async fn whole<T: Send + 'static>(work: impl Future<Output = Result<T, Broken>> + Send + 'static) -> Result<T, Broken> {
    tokio::spawn(work).await.map_err(|_| Broken)?
}

async fn own_reply(shared: Shared, asked: Asked) -> Result<Reply, Broken> {
    let mut core = shared.core.lock().await;
    let core = core.as_mut().filter(|core| !core.broken).ok_or(Broken)?;
    core.world.catch_up(shared.clock.now(), shared.clock.wall());
    core.commit(RulesChanged::No).await.map_err(|_| Broken)?;
    steer::answer(core, &asked, shared.clock.now(), shared.clock.wall()).await.map_err(|_| Broken)
}

async fn platform_reply(shared: &Shared, stop: &CancellationToken, platform: Platform, asked: Asked) -> Result<Reply, Broken> {
    let rule = {
        let mut core = shared.core.lock().await;
        core.as_mut().ok_or(Broken)?.faults.pick(platform, &asked.path, asked.method())
    };
    let fault = rule.as_ref().map(|rule| rule.kind);
    if let (Some(Kind::Slow), Some(rule)) = (fault, &rule) {
        quiet(stop, Duration::from_millis(u64::from(rule.delay_ms))).await;
    }
    // A request that is left hanging afterwards holds nobody else up.
    let reply = whole(take_effect(shared.clone(), platform, asked, rule)).await?;
    match fault {
        Some(Kind::ResetBefore | Kind::ResetAfter) => Err(Broken),
        Some(Kind::Timeout) => {
            quiet(stop, SILENCE).await;
            Err(Broken)
        }
        None | Some(Kind::Duplicate | Kind::StaleRead | Kind::Slow | Kind::Clip | Kind::Http429 | Kind::Http500 | Kind::RevokedToken) => Ok(reply),
    }
}

/// What a request does to the world, committed with its rows, and what the platform would answer.
async fn take_effect(shared: Shared, platform: Platform, asked: Asked, rule: Option<FaultRule>) -> Result<Reply, Broken> {
    let method = asked.method();
    let mut core = shared.core.lock().await;
    let core = core.as_mut().filter(|core| !core.broken).ok_or(Broken)?;
    let (now, wall) = (shared.clock.now(), shared.clock.wall());
    let toll = throttle::toll(&core.world, platform, &asked);
    core.throttle.arrived(platform, &toll, &format!("{} {}", asked.method, asked.path), wall);
    let over = core.throttle.over(&toll, now);
    let fault = if over.is_some() { Some(Kind::Http429) } else { rule.as_ref().map(|rule| rule.kind) };
    core.world.catch_up(now, shared.clock.wall());
    let lost = fault.is_some_and(|fault| !fault.takes_effect());
    let mut moment = Moment {
        now,
        seen: if fault == Some(Kind::StaleRead) { now - chrono::TimeDelta::hours(1) } else { now },
        wall: shared.clock.wall(),
        source: Source::Api,
        effect: if lost { Effect::Lose } else { Effect::Apply },
        fault: fault.filter(|fault| *fault != Kind::Duplicate),
        body_sha256: hex(&Sha256::digest(&asked.body)),
        host: asked.header("host").unwrap_or("localhost").to_owned(),
        wait_s: if shared.clock.mode() == ClockMode::Real { 30 } else { 1 },
    };
    let mut reply = answer(&mut core.world, platform, &asked, &moment);
    if fault == Some(Kind::Duplicate) && method == Methods::Write {
        moment.fault = fault;
        answer(&mut core.world, platform, &asked, &moment);
    }
    if lost && method == Methods::Write && core.world.pending.is_empty() {
        core.world.pending.push(Row { platform: platform.name().to_owned(), ..Row::stray(&moment) });
    }
    let changed = if rule.is_some_and(|rule| rule.count.is_some()) { RulesChanged::Yes } else { RulesChanged::No };
    core.commit(changed).await.map_err(|_| Broken)?;
    if let Some(kind @ (Kind::Http429 | Kind::Http500 | Kind::RevokedToken)) = fault {
        reply = match (&over, platform) {
            (Some(_), Platform::Google) => google::spent(&asked, &moment),
            _ => fault_reply(platform, kind, &asked, &moment),
        };
        // The narrowest place is the one a fault is about.
        if let (Kind::Http429, Some(place)) = (kind, over.or_else(|| toll.last().map(|(place, _)| place.clone()))) {
            core.throttle.announced(platform, place, shared.clock.wall(), Duration::from_secs(moment.wait_s.into()));
        }
    } else if let Some((place @ Place::Case(account, case), _)) = toll.first()
        && let Some(percent) = core.throttle.percent(place)
    {
        reply = meta::with_usage(reply, account, *case, percent);
    }
    Ok(reply)
}

async fn quiet(stop: &CancellationToken, span: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(span) => {}
    }
}

fn answer(world: &mut World, platform: Platform, asked: &Asked, moment: &Moment) -> Reply {
    match platform {
        Platform::Meta => meta::answer(world, asked, moment),
        Platform::Google if asked.is_ga4() => ga4::answer(world, asked, moment),
        Platform::Google => google::answer(world, asked, moment),
        Platform::Tiktok => tiktok::answer(world, asked, moment),
    }
}

fn fault_reply(platform: Platform, kind: Kind, asked: &Asked, moment: &Moment) -> Reply {
    match platform {
        Platform::Google if asked.is_ga4() => ga4::fault(kind),
        Platform::Google => google::fault(kind, asked, moment),
        Platform::Meta => meta::fault(kind, asked, moment),
        Platform::Tiktok => tiktok::fault(kind, moment),
    }
}
