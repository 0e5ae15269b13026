//! What a change of something that stands finds there, judged alike on every platform that is read object by object.

use std::fmt::Debug;

use super::Sight;
use crate::domain::draft::CallToAction;

/// What a change of a part finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What it wants.
    Wanted,
    /// What it expects.
    Expected,
    /// Neither, in words.
    Neither(String),
}

impl Found {
    /// Judges what stands there `now` against what a change expects and wants.
    pub(super) fn of<T: PartialEq + Debug>(now: &T, from: &T, to: &T) -> Self {
        if now == to {
            Self::Wanted
        } else if now == from {
            Self::Expected
        } else {
            Self::Neither(format!("found {now:?}, expected {from:?}"))
        }
    }
}

impl From<Found> for Sight {
    fn from(found: Found) -> Self {
        match found {
            Found::Wanted => Self::Done { created: None },
            Found::Expected => Self::Before,
            Found::Neither(what) => Self::Other(what),
        }
    }
}

/// The button's name, which Meta and TikTok spell alike. Sources: Meta Marketing API and TikTok API for Business, `call_to_action`.
pub(super) const fn button(call: CallToAction) -> &'static str {
    match call {
        CallToAction::ShopNow => "SHOP_NOW",
        CallToAction::LearnMore => "LEARN_MORE",
        CallToAction::SignUp => "SIGN_UP",
        CallToAction::Subscribe => "SUBSCRIBE",
        CallToAction::ContactUs => "CONTACT_US",
        CallToAction::ApplyNow => "APPLY_NOW",
        CallToAction::GetQuote => "GET_QUOTE",
        CallToAction::OrderNow => "ORDER_NOW",
    }
}
