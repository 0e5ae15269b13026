//! Noise as a function: the same place in the market always draws the same number, whatever was asked before.

/// A place in the market, mixed from its coordinates; every draw is a function of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(u64);

impl Place {
    /// The place named by `parts`, such as seed, campaign, day, hour and what is drawn.
    pub(crate) fn of(parts: &[i64]) -> Self {
        Self(parts.iter().fold(0x9e37_79b9_7f4a_7c15, |mixed, part| mix(mixed ^ part.cast_unsigned())))
    }

    fn next(self) -> Self {
        Self(mix(self.0))
    }

    /// Uniform, strictly between 0 and 1.
    pub(crate) fn uniform(self) -> f64 {
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box-Muller).
    pub(crate) fn normal(self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.next().uniform()).cos()
    }

    /// Gamma with mean 1 and the given shape (Wilson and Hilferty's cube); variance 1 / shape.
    pub(crate) fn gamma(self, shape: f64) -> f64 {
        (1.0 - 1.0 / (9.0 * shape) + self.normal() / (3.0 * shape.sqrt())).max(0.0).powi(3)
    }

    /// Poisson by inversion: with a growing mean one place never draws less.
    pub(crate) fn poisson(self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        if mean > 60.0 {
            return (mean + self.normal() * mean.sqrt()).round().max(0.0);
        }
        let (target, mut term, mut count) = (self.uniform(), (-mean).exp(), 0.0_f64);
        let mut below = term;
        while below < target && count < 400.0 {
            count += 1.0;
            term *= mean / count;
            below += term;
        }
        count
    }

    /// A whole number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0 % bound).unwrap_or(0)
    }
}

fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
