//! The simulated market: what a campaign's money buys, hour by hour. Pure: a function of seed, campaign, day, hour and the money offered.
//! Floating point is at home here; amounts become exact money in [`super::world`].

pub(crate) mod curve;
pub(crate) mod day;
pub(crate) mod noise;

#[cfg(test)]
mod tests;
