//! What a study says: rows for a terminal, the product's criteria, and a page with plots.

mod criteria;
mod page;
mod plots;
mod table;

pub use criteria::{Criterion, criteria};
pub use page::page;
pub use table::{HEADINGS, rows};
