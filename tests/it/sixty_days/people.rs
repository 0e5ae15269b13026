//! People who have campaigns made while the daemon runs: one tree after the other, asked for, agreed to, and asked for anew when it failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use adjutant::domain::change::Change;
use adjutant::domain::draft::Shows;
use adjutant::domain::entity::EntityKey;
use adjutant::domain::money::Money;
use adjutant::supervisor::control::Control;
use adjutant::supervisor::daemon::Daemon;
use serde_json::Value;

use crate::making::{LANDS, Land, ad, bodies, campaign, created_by, reply};
use crate::running::wish;

/// Trees of each account.
const TREES: usize = 2;
/// Times a person asks for the same thing before they give the tree up.
const ASKED: usize = 6;
/// How long a person waits for an outcome.
const WAITS: Duration = Duration::from_secs(20);
/// How long people go on.
const LONGEST: Duration = Duration::from_secs(45);

/// One who has trees made in an account.
pub(super) struct Builder<'a> {
    daemon: &'a Daemon,
    land: &'static Land,
    budget: &'static str,
}

/// What came of people's wishes for one account.
#[derive(Debug, Default)]
pub(super) struct Trees {
    account: &'static str,
    /// Made whole.
    whole: usize,
    /// Why something had to be asked for again.
    again: Vec<String>,
}

/// All of them at once.
pub(super) async fn trees(builders: &[Builder<'_>; 3]) -> [Trees; 3] {
    let [one, two, three] = builders;
    tokio::join!(one.build(), two.build(), three.build()).into()
}

impl<'a> Builder<'a> {
    pub(super) fn new(daemon: &'a Daemon, account: &str, budget: &'static str) -> Self {
        Self { daemon, land: LANDS.iter().find(|land| land.account == account).expect("a shipped account"), budget }
    }

    async fn build(&self) -> Trees {
        let (mut trees, until) = (Trees { account: self.land.account, ..Trees::default() }, self.daemon.clock().instant() + LONGEST);
        while trees.whole < TREES && self.daemon.clock().instant() < until {
            // The first must have been read, and not all of it may happen on one day.
            tokio::time::sleep(Duration::from_secs(4)).await;
            trees.whole += usize::from(self.tree(&mut trees.again).await.is_some());
        }
        trees
    }

    async fn tree(&self, again: &mut Vec<String>) -> Option<()> {
        let made = self.make(campaign(self.land.account, self.budget), again).await?;
        let group = self.make(self.land.ad_group(&made), again).await?;
        let image = self.make(self.land.image().await, again).await?;
        let shows = match self.land.creative(&image) {
            Some(creative) => Shows::Creative { key: self.make(creative, again).await? },
            None => self.land.shows(image),
        };
        self.make(ad(&made, &group, shows), again).await.map(drop)
    }

    async fn make(&self, change: Change, again: &mut Vec<String>) -> Option<EntityKey> {
        for _ in 0..ASKED {
            match self.once(change.clone()).await {
                Ok(key) => return Some(key),
                Err(why) => again.push(why),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        None
    }

    /// Asked for, agreed to, waited for.
    async fn once(&self, change: Change) -> Result<EntityKey, String> {
        let currency = self.budget.parse::<Money>().expect("an amount").currency();
        let mut wish = wish(change);
        wish.cost_if_wrong = Money::zero(currency);
        let answers = self.daemon.propose("ann".to_owned(), vec![wish], None).await.map_err(|error| error.to_string())?;
        let answer = answers.first().expect("an answer");
        if let Some(ticket) = answer.ticket {
            self.daemon.approve(ticket, reply("bob")).await.map_err(|error| error.to_string())?;
        }
        let (id, until) = (answer.decision, self.daemon.clock().instant() + WAITS);
        let state = loop {
            let row = self.daemon.store().read(|mut tx| async move { tx.decision(&id).await }).await.expect("readable rows").expect("it was recorded");
            // Before it is sent it waits for an answer, too.
            match row.state.name() {
                "applied" | "scored" | "void" => return Ok(created_by(self.daemon, id).await.expect("what it made")),
                "escalated" if row.changed.is_none() => {}
                name @ ("failed" | "cancelled" | "denied" | "rejected" | "expired" | "superseded" | "withdrawn" | "escalated") => break name,
                _ => {}
            }
            if self.daemon.clock().instant() > until {
                break "without an outcome";
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        Err(format!("{state}: {:?}", bodies(self.daemon, id).await.last()))
    }
}

/// The mark that something made carries, wherever its platform keeps it.
fn mark(new: &str) -> Option<&str> {
    let at = new.find("adj-")?;
    new.get(at..at + 16)
}

/// Trees were made on every platform, and nothing was made twice: whatever is made carries the mark of its decision.
pub(super) fn proven(log: &[Value], trees: &[Trees]) {
    let mut made: BTreeMap<[&str; 3], Vec<&Value>> = BTreeMap::new();
    for row in log.iter().filter(|row| row["field"] == "create" && row["outcome"] == "applied") {
        let text = |name: &str| row[name].as_str().expect("a text");
        // What has none is part of what has one, and the request that made both is judged.
        if let Some(mark) = mark(text("new")) {
            made.entry([text("platform"), text("level"), mark]).or_default().push(row);
        }
    }
    for of in trees {
        println!("{}: {} trees; asked again {} times: {:?}", of.account, of.whole, of.again.len(), of.again);
    }
    let whole: usize = trees.iter().map(|of| of.whole).sum();
    assert!(whole >= 3, "{whole} trees were made whole");
    for ([platform, level, mark], rows) in &made {
        // Meta, and TikTok for ads, know no key by which they could tell a request that something on the way has sent twice: a person is asked about those.
        let keyless = *platform == "meta" || (*platform, *level) == ("tiktok", "ad");
        let ours = rows.iter().filter(|row| !(keyless && row["fault"] == "duplicate")).count();
        assert_eq!(ours, 1, "{platform} {level} {mark} was made {ours} times: {rows:#?}");
    }
    let platforms: BTreeSet<&str> = made.keys().map(|[platform, ..]| *platform).collect();
    assert!(platforms.len() == 3 && made.len() >= 12, "a tree is four things and more: {:?}", made.keys());
}
