//! Positive quantities that are not known exactly, and the few distribution functions this needs.

/// Standard normal quantile of 75 %.
const Z75: f64 = 0.674_49;

/// Standard normal quantile of 90 %: an 80 % interval lies within plus and minus this.
pub(crate) const Z90: f64 = 1.281_55;

/// Probability that a standard normal lies below `z`. Error below 2e-7. Source: Abramowitz and Stegun, formula 7.1.26.
#[must_use]
pub fn normal_below(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * poly * (-x * x).exp();
    if z >= 0.0 { 1.0 - tail } else { tail }
}

/// A positive quantity with a mean and a relative standard deviation, of gamma shape: never negative, skewed to the right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uncertain {
    /// Expected value, at least 0.
    pub mean: f64,
    /// Standard deviation over mean, at least 0.
    pub cv: f64,
}

impl Uncertain {
    /// A quantity of which the mean and the lower quartile are known.
    #[must_use]
    pub fn from_quartile(mean: f64, q25: f64) -> Self {
        let cv = if mean > 0.0 { ((mean - q25) / (mean * Z75)).clamp(0.0, 3.0) } else { 0.0 };
        Self { mean, cv }
    }

    /// The same with further independent relative uncertainty.
    #[must_use]
    pub fn and(self, cv: f64) -> Self {
        Self { cv: self.cv.hypot(cv), ..self }
    }

    /// The same, `factor` times as uncertain.
    #[must_use]
    pub fn wider(self, factor: f64) -> Self {
        Self { cv: self.cv * factor, ..self }
    }

    /// The quantile that belongs to the standard normal quantile `z`. Wilson and Hilferty: the cube root of a gamma is nearly normal.
    #[must_use]
    pub fn quantile(self, z: f64) -> f64 {
        let root = 1.0 - self.cv * self.cv / 9.0 + z * self.cv / 3.0;
        self.mean * root.max(0.0).powi(3)
    }

    /// The lower quartile.
    #[must_use]
    pub fn q25(self) -> f64 {
        self.quantile(-Z75)
    }

    /// Probability that the quantity lies below `x`.
    #[must_use]
    pub fn below(self, x: f64) -> f64 {
        if self.mean <= 0.0 || self.cv <= 1e-9 {
            return if self.mean < x { 1.0 } else { 0.0 };
        }
        normal_below(((x.max(0.0) / self.mean).cbrt() - 1.0 + self.cv * self.cv / 9.0) * 3.0 / self.cv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_exact_gamma() {
        // Exact quantiles of a gamma with shape 4 and mean 1: 10 % 0.4362, 25 % 0.6338, 90 % 1.6702.
        let gamma = Uncertain { mean: 1.0, cv: 0.5 };
        for (z, exact) in [(-Z90, 0.4362), (-Z75, 0.6338), (Z90, 1.6702)] {
            assert!((gamma.quantile(z) - exact).abs() < 0.01, "{z}: {}", gamma.quantile(z));
        }
        assert!((gamma.below(0.4362) - 0.10).abs() < 0.005);
        assert!((gamma.below(1.6702) - 0.90).abs() < 0.005);
    }

    #[test]
    fn the_lower_quartile_gives_back_the_spread_it_came_from() {
        let known = Uncertain { mean: 3.0, cv: 0.2 };
        let again = Uncertain::from_quartile(3.0, known.q25());
        assert!((again.cv - 0.2).abs() < 0.03, "{}", again.cv);
    }

    #[test]
    fn what_is_certain_is_below_or_not() {
        let sure = Uncertain { mean: 2.0, cv: 0.0 };
        assert_eq!((sure.below(2.5), sure.below(1.5)), (1.0, 0.0));
        assert_eq!(Uncertain { mean: 0.0, cv: 1.0 }.below(0.1), 1.0);
    }
}
