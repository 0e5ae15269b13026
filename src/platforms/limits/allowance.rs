//! The ledger of one thing that a platform counts: what was used in the span that slides, what ordinary work may use of the rest, and what the
//! platform itself says of it.

use std::collections::VecDeque;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::Lane;
use crate::clock::ProductTime;

/// Parts a span is counted in: what was used is forgotten a part later than the platform forgets it, never sooner.
const PARTS: i64 = 24;
/// Millionths of a unit: what the purse is counted in.
const MICRO: i64 = 1_000_000;
/// How long what the platform said of its own count holds, as a part of the span.
const TOLD_FOR: i32 = 12;

/// How ordinary work may use what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platforms) enum Pace {
    /// As it likes.
    Free,
    /// A quarter at once, the rest spread evenly over the span.
    Spread,
}

/// What a platform takes of one thing in a span of product time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::platforms) struct Allowance {
    /// What is counted, for people: `operations a day`.
    pub counts: &'static str,
    /// In how long.
    pub span: TimeDelta,
    /// How many; at least 10.
    pub most: u32,
    /// How ordinary work may use them.
    pub pace: Pace,
}

/// A ledger as it is kept over a restart; times in milliseconds of product time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    span_ms: i64,
    used: VecDeque<(i64, u32)>,
    purse: i64,
    filled_ms: i64,
    most: u32,
    learned_ms: i64,
}

/// What was used of an allowance.
pub(super) struct Ledger {
    of: Allowance,
    /// What was configured.
    configured: u32,
    /// What the platform gives as far as its refusals show; at most what is documented.
    most: u32,
    /// Since when that holds.
    learned: ProductTime,
    used: VecDeque<(i64, u32)>,
    /// What ordinary work may use now, in millionths.
    purse: i64,
    filled: ProductTime,
    /// When the platform told which share was used, and what we used since.
    told: Option<(ProductTime, f64, u32)>,
}

impl Ledger {
    pub(super) fn new(of: Allowance, now: ProductTime) -> Self {
        let mut ledger = Self { of, configured: of.most, most: of.most, learned: now, used: VecDeque::new(), purse: 0, filled: now, told: None };
        ledger.purse = ledger.burst();
        ledger
    }

    /// What a restart must not forget. What the platform told lasts minutes and is told again.
    pub(super) fn keep(&self) -> Kept {
        Kept {
            span_ms: self.of.span.num_milliseconds(),
            used: self.used.clone(),
            purse: self.purse,
            filled_ms: self.filled.ms(),
            most: self.most,
            learned_ms: self.learned.ms(),
        }
    }

    /// Goes on where `kept` ended; one of another span, or of a time that has not come yet, says nothing.
    pub(super) fn recall(&mut self, kept: &Kept, now: ProductTime) {
        let (filled, learned) = (ProductTime::from_ms(kept.filled_ms), ProductTime::from_ms(kept.learned_ms));
        if kept.span_ms != self.of.span.num_milliseconds() || filled > now || learned > now {
            return;
        }
        self.used.clone_from(&kept.used);
        self.purse = kept.purse.min(self.burst());
        (self.filled, self.most, self.learned) = (filled, kept.most.clamp(1, self.of.most), learned);
        self.turn(now);
    }

    pub(super) const fn of(&self) -> Allowance {
        self.of
    }

    /// What ordinary work leaves for pauses and undos: a tenth.
    fn reserve(&self) -> u32 {
        (self.most / 10).max(1)
    }

    /// What ordinary work may use in any span.
    fn ordinary(&self) -> u32 {
        self.most.saturating_sub(self.reserve())
    }

    fn burst(&self) -> i64 {
        let part = match self.of.pace {
            Pace::Free => 1,
            Pace::Spread => 4,
        };
        i64::from((self.ordinary() / part).max(1)) * MICRO
    }

    /// What flows into the purse in `gone`.
    fn inflow(&self, gone: TimeDelta) -> i64 {
        let rest = i64::from(self.ordinary()) * MICRO - self.burst();
        let flow = i128::from(rest) * i128::from(gone.num_milliseconds()) / i128::from(self.of.span.num_milliseconds().max(1));
        i64::try_from(flow).unwrap_or(i64::MAX)
    }

    fn part(&self) -> i64 {
        (self.of.span.num_milliseconds() / PARTS).max(1)
    }

    /// Brings everything up to `now`.
    fn turn(&mut self, now: ProductTime) {
        let (part, span) = (self.part(), self.of.span.num_milliseconds());
        while self.used.front().is_some_and(|(number, _)| (number + 1) * part <= now.ms() - span) {
            self.used.pop_front();
        }
        if now > self.filled {
            self.purse = match self.of.pace {
                Pace::Free => self.burst(),
                Pace::Spread => self.purse.saturating_add(self.inflow(now - self.filled)).min(self.burst()),
            };
            self.filled = now;
        }
        // What a refusal taught is doubted a little more with every span that passes without another.
        while self.most < self.of.most && now - self.learned >= self.of.span {
            self.most = (self.most + self.most / 2).min(self.of.most);
            self.learned = self.learned + self.of.span;
        }
        if self.told.is_some_and(|(at, ..)| now - at >= self.of.span / TOLD_FOR) {
            self.told = None;
        }
    }

    fn counted(&self) -> u32 {
        self.used.iter().fold(0_u32, |sum, (_, used)| sum.saturating_add(*used))
    }

    /// What is used up: as the platform tells, where it does, else as counted here.
    fn used_up(&self) -> f64 {
        self.told.map_or_else(|| f64::from(self.counted()), |(_, share, since)| share * f64::from(self.most) + f64::from(since))
    }

    /// Whether `units` may be used now, or how long not. Only ordinary work is ever kept back: of a pause the platform itself is to say so.
    pub(super) fn ask(&mut self, lane: Lane, units: u32, now: ProductTime) -> Result<(), TimeDelta> {
        self.turn(now);
        match lane {
            Lane::Urgent => return Ok(()),
            Lane::Ordinary if units == 0 => return Ok(()),
            Lane::Ordinary => {}
        }
        if self.used_up() + f64::from(units) > f64::from(self.ordinary()) {
            let told_until = self.told.map(|(at, ..)| at + self.of.span / TOLD_FOR);
            let freed = self.used.front().map(|(number, _)| ProductTime::from_ms((number + 1) * self.part()) + self.of.span);
            let until = told_until.or(freed).unwrap_or(now + self.of.span);
            return Err((until - now).max(TimeDelta::milliseconds(1)));
        }
        // What is larger than a full purse goes when it is full, and leaves a debt.
        let lacking = (i64::from(units) * MICRO).min(self.burst()) - self.purse;
        if lacking <= 0 || self.of.pace == Pace::Free {
            return Ok(());
        }
        let flow = self.inflow(self.of.span).max(1);
        let wait = i128::from(lacking) * i128::from(self.of.span.num_milliseconds()) / i128::from(flow);
        Err(TimeDelta::milliseconds(i64::try_from(wait).unwrap_or(i64::MAX / 2).saturating_add(1)))
    }

    /// Books `units`.
    pub(super) fn book(&mut self, lane: Lane, units: u32, now: ProductTime) {
        self.turn(now);
        let number = now.ms().div_euclid(self.part());
        match self.used.back_mut() {
            Some((last, used)) if *last == number => *used = used.saturating_add(units),
            Some(_) | None => self.used.push_back((number, units)),
        }
        if let Some((.., since)) = &mut self.told {
            *since = since.saturating_add(units);
        }
        if lane == Lane::Ordinary {
            self.purse = self.purse.saturating_sub(i64::from(units) * MICRO);
        }
    }

    /// The platform says which share of it is used: 1 is all.
    pub(super) fn tell(&mut self, share: f64, now: ProductTime) {
        self.told = Some((now, share.clamp(0.0, 10.0), 0));
    }

    /// The platform has refused and said when it will not any more: that goes before the share it told.
    pub(super) fn refused(&mut self) {
        self.told = None;
    }

    /// What the platform gives to those of this access level.
    pub(super) fn resize(&mut self, most: u32, now: ProductTime) {
        if self.of.most != most {
            (self.of.most, self.most, self.learned) = (most, most, now);
            self.purse = self.purse.min(self.burst());
        }
    }

    /// What this program is told to reckon with, where that is new.
    pub(super) fn configure(&mut self, most: u32, now: ProductTime) {
        if self.configured != most {
            self.configured = most;
            self.resize(most, now);
        }
    }

    /// The platform refused because all of it is used: what was counted until now is what it gives, others' use of the same count included.
    pub(super) fn spent(&mut self, now: ProductTime) {
        self.turn(now);
        self.most = self.counted().clamp((self.of.most / 20).max(10), self.most.max(10));
        (self.learned, self.purse) = (now, 0);
    }

    /// Which share is left, from 0 to 1.
    pub(super) fn left(&mut self, now: ProductTime) -> f64 {
        self.turn(now);
        (1.0 - self.used_up() / f64::from(self.most.max(1))).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: ProductTime = ProductTime::from_ms(1_767_639_600_000);

    fn ledger(most: u32, pace: Pace) -> Ledger {
        Ledger::new(Allowance { counts: "operations a day", span: TimeDelta::days(1), most, pace }, START)
    }

    /// Takes one at a time, as many as ordinary work gets.
    fn drain(ledger: &mut Ledger, now: ProductTime) -> u32 {
        let mut got = 0;
        while ledger.ask(Lane::Ordinary, 1, now).is_ok() {
            ledger.book(Lane::Ordinary, 1, now);
            got += 1;
        }
        got
    }

    #[test]
    fn a_days_quota_is_spread_over_the_day_and_a_tenth_of_it_is_never_ordinary_works() {
        let mut ledger = ledger(1_000, Pace::Spread);
        assert_eq!(drain(&mut ledger, START), 225, "a quarter of nine tenths at once");
        let wait = ledger.ask(Lane::Ordinary, 1, START).expect_err("used up");
        assert!(wait <= TimeDelta::minutes(3), "{wait}: the next is a matter of minutes, not of tomorrow");
        let mut day = 225;
        for hour in 1..=23 {
            let got = drain(&mut ledger, START + TimeDelta::hours(hour));
            assert!((28..=29).contains(&got), "{got} in hour {hour}");
            day += got;
        }
        assert!(day <= 900, "{day}");
        for _ in 0..100 {
            assert_eq!(ledger.ask(Lane::Urgent, 1, START + TimeDelta::hours(23)), Ok(()));
            ledger.book(Lane::Urgent, 1, START + TimeDelta::hours(23));
        }
    }

    #[test]
    fn what_pauses_used_is_ordinary_works_loss_only_beyond_the_reserve() {
        let mut ledger = ledger(100, Pace::Free);
        ledger.book(Lane::Urgent, 30, START);
        assert_eq!(drain(&mut ledger, START), 60);
    }

    #[test]
    fn an_operation_counts_as_many_as_it_is() {
        let mut ledger = ledger(100, Pace::Free);
        assert!(ledger.ask(Lane::Ordinary, 91, START).is_err());
        assert_eq!(ledger.ask(Lane::Ordinary, 90, START), Ok(()));
        ledger.book(Lane::Ordinary, 90, START);
        assert_eq!(ledger.ask(Lane::Ordinary, 0, START), Ok(()), "a following page is free");
        assert!(ledger.ask(Lane::Ordinary, 1, START).is_err());
        assert!(ledger.ask(Lane::Ordinary, 1, START + TimeDelta::hours(24)).is_err(), "forgotten no sooner than there");
        assert_eq!(ledger.ask(Lane::Ordinary, 1, START + TimeDelta::hours(25)), Ok(()));
    }

    #[test]
    fn what_the_platform_says_of_its_count_goes_before_our_own() {
        let mut ledger = ledger(100, Pace::Free);
        ledger.book(Lane::Ordinary, 20, START);
        ledger.tell(0.88, START);
        assert_eq!(drain(&mut ledger, START), 2);
        assert!((ledger.left(START) - 0.10).abs() < 0.001);
        ledger.tell(0.0, START);
        assert_eq!(drain(&mut ledger, START), 90);
        ledger.tell(1.2, START);
        assert!(ledger.left(START) == 0.0 && ledger.ask(Lane::Urgent, 1, START).is_ok(), "of a pause the platform is to say so itself");
    }

    #[test]
    fn a_refusal_teaches_how_much_there_is_and_is_doubted_with_time() {
        let mut ledger = ledger(1_000, Pace::Free);
        ledger.book(Lane::Ordinary, 250, START);
        ledger.spent(START);
        assert!(ledger.left(START) == 0.0 && ledger.ask(Lane::Ordinary, 1, START).is_err());
        let tomorrow = START + TimeDelta::hours(23);
        assert!(ledger.ask(Lane::Ordinary, 1, tomorrow).is_err());
        let after = START + TimeDelta::hours(25);
        assert_eq!(drain(&mut ledger, after), 338, "nine tenths of one and a half times what there was");
        assert_eq!(drain(&mut ledger, after + TimeDelta::days(5)), 900);
    }
}
