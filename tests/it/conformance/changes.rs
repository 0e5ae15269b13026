//! One change of every variant, at every level where an account has it, with what each platform wants said along with it.

use adjutant::domain::change::{Bid, BidStrategy, Bidding, Change, Part};
use adjutant::domain::draft::{
    AdDraft, AdGroupDraft, Branch, CallToAction, CampaignDraft, Content, CreativeDraft, Disclosure, MediaDraft, Medium, Optimisation, Shows,
};
use adjutant::domain::entity::{Budget, EntityKey, Level, Objective, Platform, RunStatus};
use adjutant::domain::money::{Money, Rounding};
use adjutant::domain::structure::AdGroup;
use adjutant::domain::targeting::{Ages, Gender, Targeting};
use adjutant::platforms::Inventory;

use super::drive::Standing;

/// Variants of a change there are.
pub(super) const VARIANTS: usize = 11;

/// A variant's place: a new one does not compile until it stands here, and fails until it is among those driven.
pub(super) fn place(change: &Change) -> usize {
    match change {
        Change::Budget { .. } => 0,
        Change::Status { .. } => 1,
        Change::PartStatus { .. } => 2,
        Change::Bid { .. } => 3,
        Change::BidStrategy { .. } => 4,
        Change::Targeting { .. } => 5,
        Change::CreateCampaign(_) => 6,
        Change::CreateAdGroup(_) => 7,
        Change::CreateCreative(_) => 8,
        Change::CreateAd(_) => 9,
        Change::UploadMedia(_) => 10,
    }
}

/// The budget a change is about, as read.
pub(super) fn budget_of<'a>(found: &'a Inventory, change: &Change) -> Option<&'a Budget> {
    let Change::Budget { budget, .. } = change else { return None };
    found.budgets.iter().find(|read| read.budget == *budget)
}

/// Changes of what stands there.
pub(super) fn updates(found: &Inventory, standing: &Standing) -> Vec<Change> {
    let mut changes = raises(found);
    for (from, to) in [(RunStatus::Active, RunStatus::Paused), (RunStatus::Paused, RunStatus::Active)] {
        changes.push(Change::Status { entity: standing.campaign.clone(), from, to });
        changes.push(Change::Status { entity: standing.ad_group.key.clone(), from, to });
        changes.extend([&standing.ad_group].into_iter().chain(&standing.ad).map(|part| Change::PartStatus { part: part.clone(), from, to }));
    }
    let campaign = Part { key: standing.campaign.clone(), campaign: standing.campaign.clone() };
    for part in [&campaign, &standing.ad_group] {
        for to in biddings(found) {
            changes.push(Change::BidStrategy { part: part.clone(), from: None, to });
            changes.extend(to.bid.map(|to| Change::Bid { part: part.clone(), from: None, to }));
        }
        let to = Box::new(targeting(found.account.platform, part.key.level));
        changes.push(Change::Targeting { part: part.clone(), from: Box::default(), to });
    }
    changes
}

/// Every way to bid, with its amount where it has one.
fn biddings(found: &Inventory) -> [Bidding; 6] {
    let amount = Money::from_micros(20_000_000, found.account.currency);
    [
        (BidStrategy::LowestCost, None),
        (BidStrategy::HighestValue, None),
        (BidStrategy::CostCap, Some(Bid::Cap(amount))),
        (BidStrategy::BidCap, Some(Bid::Cap(amount))),
        (BidStrategy::TargetCpa, Some(Bid::TargetCpa(amount))),
        (BidStrategy::TargetRoas, Some(Bid::TargetRoasMilli(2_500))),
    ]
    .map(|(strategy, bid)| Bidding { strategy, bid })
}

/// The same change, expecting in turn each of what may stand there: as read, as set by one of these trials, or nothing.
pub(super) fn expecting(found: &Inventory, change: &Change, read: Option<&AdGroup>) -> Vec<Change> {
    match change {
        Change::Bid { part, to, .. } => {
            let set = biddings(found).into_iter().map(|bidding| bidding.bid);
            let from = [read.and_then(|group| group.bid), None].into_iter().chain(set);
            from.map(|from| Change::Bid { part: part.clone(), from, to: *to }).collect()
        }
        Change::BidStrategy { part, to, .. } => {
            let read = read.and_then(|group| Some(Bidding { strategy: group.strategy?, bid: group.bid }));
            let plain = biddings(found).map(|bidding| Some(Bidding { bid: None, ..bidding }));
            let from = [read, None].into_iter().chain(biddings(found).map(Some)).chain(plain);
            from.map(|from| Change::BidStrategy { part: part.clone(), from, to: *to }).collect()
        }
        Change::Targeting { part, to, .. } => {
            let start = Targeting { countries: ["US".to_owned()].into(), languages: ["en".to_owned()].into(), ..Targeting::default() };
            let from = read.map(|group| group.targeting.clone()).into_iter().chain([Targeting::default(), start, Targeting::clone(to)]);
            from.map(|from| Change::Targeting { part: part.clone(), from: Box::new(from), to: to.clone() }).collect()
        }
        Change::PartStatus { part, from, to } => [*from, *to].map(|from| Change::PartStatus { part: part.clone(), from, to: *to }).to_vec(),
        other => vec![other.clone()],
    }
}

/// A raise of one budget at every level that has one.
pub(super) fn raises(found: &Inventory) -> Vec<Change> {
    let at = |level| found.budgets.iter().find(|budget| budget.budget.key.level == level && budget.read_only.is_none());
    [Level::Campaign, Level::AdGroup, Level::Shared].into_iter().filter_map(at).map(raise).collect()
}

fn raise(budget: &Budget) -> Change {
    let to = budget.amount.scale("1.07".parse().expect("a literal"), Rounding::Up).and_then(|to| to.round_to(budget.unit, Rounding::Up));
    Change::Budget { budget: budget.budget.clone(), from: budget.amount, to: to.expect("small amounts") }
}

/// Whom to reach, in what a platform can say at a level.
fn targeting(platform: Platform, level: Level) -> Targeting {
    let places = Targeting { countries: ["US".to_owned()].into(), languages: ["en".to_owned()].into(), ..Targeting::default() };
    let people = Targeting { ages: Ages::new(25, 44).ok(), genders: [Gender::Female].into(), ..Targeting::default() };
    match (platform, level) {
        (Platform::Google, Level::Campaign) => Targeting { countries: ["US", "CA"].map(str::to_owned).into(), ..places },
        (Platform::Google, _) => people,
        (Platform::Meta | Platform::Tiktok, _) => Targeting { ages: people.ages, genders: people.genders, ..places },
    }
}

/// A campaign to be created; on Google with all that belongs below it.
pub(super) fn campaign(found: &Inventory, objective: Objective) -> Change {
    let google = found.account.platform == Platform::Google;
    let ads = vec![content(found.account.platform, Vec::new())];
    let branch = Branch { name: "Conformance".to_owned(), targeting: targeting(Platform::Google, Level::AdGroup), bid: None, ads };
    Change::CreateCampaign(Box::new(CampaignDraft {
        account: found.account.account.clone(),
        name: "Conformance".to_owned(),
        objective,
        daily_budget: Money::from_micros(100_000_000, found.account.currency),
        bidding: None,
        special_categories: Vec::new(),
        eu_political: false,
        flight: None,
        countries: google.then(|| "US".to_owned()).into_iter().collect(),
        languages: google.then(|| "en".to_owned()).into_iter().collect(),
        ad_groups: google.then_some(branch).into_iter().collect(),
    }))
}

/// An ad group to be created in `campaign`.
pub(super) fn ad_group(found: &Inventory, campaign: &EntityKey) -> Change {
    let platform = found.account.platform;
    let counts = |source: &str, event: &str| Optimisation { source: source.to_owned(), event: Some(event.to_owned()) };
    Change::CreateAdGroup(Box::new(AdGroupDraft {
        campaign: campaign.clone(),
        objective: Objective::Conversions,
        name: "Conformance".to_owned(),
        targeting: targeting(platform, Level::AdGroup),
        // Elsewhere such a bid belongs to the campaign.
        bidding: (platform == Platform::Tiktok).then(|| biddings(found)[2]),
        daily_budget: None,
        optimisation: match platform {
            Platform::Google => None,
            Platform::Meta => Some(counts("900100", "PURCHASE")),
            Platform::Tiktok => Some(counts("7100000000000000009", "SHOPPING")),
        },
        flight: None,
        disclosure: (platform == Platform::Meta).then(|| Disclosure { beneficiary: "Shoes Ltd".to_owned(), payor: "Shoes Ltd".to_owned() }),
    }))
}

/// The media a platform takes by address or id; `picture` stands on this machine.
pub(super) fn media(found: &Inventory, picture: String) -> Vec<Change> {
    let url = |file: &str| format!("https://example.com/{file}");
    let media = match found.account.platform {
        Platform::Google => vec![Medium::Image { url: picture }, Medium::Youtube { id: "dQw4w9WgXcQ".to_owned() }],
        Platform::Meta => vec![Medium::Image { url: picture }, Medium::Video { url: url("a.mp4") }],
        Platform::Tiktok => vec![Medium::Image { url: url("a.png") }, Medium::Video { url: url("a.mp4") }],
    };
    let draft = |medium| MediaDraft { account: found.account.account.clone(), name: "Conformance".to_owned(), medium };
    media.into_iter().map(|medium| Change::UploadMedia(Box::new(draft(medium)))).collect()
}

fn content(platform: Platform, media: Vec<EntityKey>) -> Content {
    // A Meta creative shows one headline and one text, and no video that is still being transcoded.
    let (most, media) = if platform == Platform::Meta { (1, Vec::new()) } else { (3, media) };
    let words = |kind: &str| (1..=most).map(|number| format!("{kind} {number}")).collect();
    Content {
        name: "Conformance".to_owned(),
        headlines: if platform == Platform::Tiktok { Vec::new() } else { words("Headline") },
        texts: if platform == Platform::Tiktok { vec!["Text".to_owned()] } else { words("Text") },
        landing_url: "https://example.com/shop".to_owned(),
        call_to_action: (platform != Platform::Google).then_some(CallToAction::ShopNow),
        media,
        identity: match platform {
            Platform::Google => None,
            Platform::Meta => Some("100200300".to_owned()),
            Platform::Tiktok => Some("7200000000000000001".to_owned()),
        },
    }
}

/// A creative to be created of the media at hand.
pub(super) fn creative(found: &Inventory, media: &[EntityKey]) -> Change {
    let content = content(found.account.platform, media.to_vec());
    Change::CreateCreative(Box::new(CreativeDraft { account: found.account.account.clone(), content }))
}

/// Ads to be created in an ad group: one with its content, and one of a creative that stands.
pub(super) fn ads(found: &Inventory, ad_group: &Part, media: &[EntityKey], creative: Option<EntityKey>) -> Vec<Change> {
    // Google's responsive search ads show images and no videos, or nothing but words.
    let media = if found.account.platform == Platform::Google { vec![media[..1].to_vec(), Vec::new()] } else { vec![media.to_vec()] };
    let contents = media.into_iter().map(|media| Shows::Content { content: Box::new(content(found.account.platform, media)) });
    let shown = contents.chain(creative.map(|key| Shows::Creative { key }));
    let draft = |shows| AdDraft { ad_group: ad_group.key.clone(), campaign: ad_group.campaign.clone(), name: "Conformance".to_owned(), shows };
    shown.map(|shows| Change::CreateAd(Box::new(draft(shows)))).collect()
}
