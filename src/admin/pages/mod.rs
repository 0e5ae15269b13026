//! The dashboard: server-rendered, complete without JavaScript and live with it. A page is a function of rows and views; text from outside is only ever a
//! text node.

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod decision;
pub(crate) mod decisions;
pub(crate) mod layout;
pub(crate) mod learned;
pub(crate) mod overview;
pub(crate) mod policy;
pub(crate) mod tickets;

mod chart;
mod words;

use maud::Markup;

use super::problem::Problem;

/// A page, or why there is none.
pub(crate) type Shown = Result<Markup, Problem>;
