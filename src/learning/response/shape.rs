//! The shapes a response may have: Hill curves relative to a reference amount, log-spaced in half-saturation, with four exponents.

/// Half-saturations, in multiples of the reference amount.
pub const HALVES: usize = 9;
/// Exponents.
pub const EXPONENTS: usize = 4;

/// One number for each shape.
pub type PerShape = [[f64; EXPONENTS]; HALVES];

/// Below 1 a curve falls off at once, above 1 it is S-shaped.
const EXPONENT: [f64; EXPONENTS] = [0.7, 0.9, 1.2, 1.7];
/// The lowest half-saturation: this much of the reference amount brings half of all there is.
const LOWEST: f64 = 0.25;
/// From one half-saturation to the next: 0.25 to 6.7 in eight steps.
pub const RATIO: f64 = 1.508;

/// A curve without limit bends so little that the grid's last shapes stand for it.
fn half(at: usize) -> f64 {
    LOWEST * RATIO.powi(i32::try_from(at).unwrap_or(0))
}

/// All half-saturations raised to all exponents: what the curves are made of.
pub struct Shapes {
    power: PerShape,
}

impl Default for Shapes {
    fn default() -> Self {
        let mut power = [[0.0; EXPONENTS]; HALVES];
        for (at, row) in power.iter_mut().enumerate() {
            for (value, exponent) in row.iter_mut().zip(EXPONENT) {
                *value = half(at).powf(exponent);
            }
        }
        Self { power }
    }
}

impl Shapes {
    /// Response at `spend`, in multiples of the reference amount, over the response at the reference: one value a shape, 1 at 1.
    #[must_use]
    pub fn relative(&self, spend: f64) -> PerShape {
        let raised = EXPONENT.map(|exponent| spend.max(0.0).powf(exponent));
        let mut relative = self.power;
        for row in &mut relative {
            for (value, raised) in row.iter_mut().zip(raised) {
                *value = raised * (*value + 1.0) / (*value + raised);
            }
        }
        relative
    }
}

/// What people who plan budgets would guess before any figures: neither linear nor capped is likely, S-shapes are rare.
#[must_use]
pub fn prior() -> PerShape {
    let mut weights = [[0.0; EXPONENTS]; HALVES];
    for row in &mut weights {
        row.copy_from_slice(&[0.25, 0.35, 0.27, 0.13].map(|weight| weight / HALVES as f64));
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_brings_one_at_the_reference_nothing_at_nothing_and_rises() {
        let shapes = Shapes::default();
        let at = |spend: f64| shapes.relative(spend).concat();
        assert!(at(1.0).iter().all(|value| (value - 1.0).abs() < 1e-12));
        assert!(at(0.0).iter().all(|value| *value == 0.0));
        assert!(at(0.5).iter().zip(at(2.0)).all(|(half, double)| *half < 1.0 && double > 1.0 && double < 3.3));
    }

    #[test]
    fn the_guess_before_any_figures_adds_up_to_one() {
        assert!((prior().concat().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
