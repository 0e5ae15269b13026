//! Water-filling: the most valuable units of money first, over the concave envelope of each budget's value.

use crate::domain::curve::CampaignCurve;

/// Value differences below this are noise of the arithmetic.
const NOTHING: f64 = 1e-9;

/// Value over the amounts one budget may take: points with rising amounts and falling slopes between them.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    points: Vec<(f64, f64)>,
    now: f64,
}

impl Envelope {
    /// The envelope of `value` over the curve's grid, between `lo` and `hi`; `now` is where it stands.
    pub(super) fn new(curve: &CampaignCurve, (lo, hi): (f64, f64), now: f64, value: impl Fn(f64) -> f64) -> Self {
        let mut amounts: Vec<f64> = curve.amounts.iter().copied().filter(|amount| *amount > lo && *amount < hi).collect();
        amounts.extend([lo, hi, now.clamp(lo, hi)]);
        amounts.sort_by(f64::total_cmp);
        amounts.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(amounts.len());
        for next in amounts.into_iter().map(|amount| (amount, value(amount))) {
            while let [.., before, last] = points.as_slice() {
                // A point strictly under the line between its neighbours is never worth stopping at.
                let line = before.1 + (next.1 - before.1) * (last.0 - before.0) / (next.0 - before.0);
                if last.1 >= line - NOTHING {
                    break;
                }
                points.pop();
            }
            points.push(next);
        }
        Self { points, now }
    }

    fn lo(&self) -> f64 {
        self.points.first().map_or(self.now, |point| point.0)
    }
}

/// Where everything ends up when money goes to the most valuable units first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filled {
    /// Amounts in the order of the envelopes.
    pub amounts: Vec<f64>,
    /// What the first unit that was not bought for want of money would have brought; 0 while money is not short.
    pub price: f64,
}

/// The pieces of all envelopes, the most valuable first: sorted once, poured as often as needed.
pub(super) struct Pieces {
    lows: Vec<f64>,
    pieces: Vec<Piece>,
}

struct Piece {
    at: usize,
    slope: f64,
    length: f64,
    grows: bool,
}

impl Pieces {
    pub(super) fn of(envelopes: &[Envelope]) -> Self {
        let mut pieces: Vec<Piece> = envelopes
            .iter()
            .enumerate()
            .flat_map(|(at, envelope)| {
                envelope.points.windows(2).filter_map(move |pair| {
                    let [(x0, y0), (x1, y1)] = *pair else { return None };
                    Some(Piece { at, slope: (y1 - y0) / (x1 - x0), length: x1 - x0, grows: x1 > envelope.now + NOTHING })
                })
            })
            .collect();
        // Stable: among equals, the pieces of one budget stay in their order and budgets in the order of their keys.
        pieces.sort_by(|a, b| b.slope.total_cmp(&a.slope));
        Self { lows: envelopes.iter().map(Envelope::lo).collect(), pieces }
    }

    /// Pours `money` in all; `fixed` budgets take what they are fixed at. What stands now is kept among equals, growth has to bring something.
    pub(super) fn pour(&self, money: f64, fixed: &[Option<f64>]) -> Filled {
        let mut amounts: Vec<f64> = self.lows.iter().zip(fixed).map(|(low, fixed)| fixed.unwrap_or(*low)).collect();
        let mut left = money - amounts.iter().sum::<f64>();
        let mut price = 0.0;
        for piece in &self.pieces {
            let wanted = if piece.grows { piece.slope > NOTHING } else { piece.slope >= -NOTHING };
            if !wanted || fixed[piece.at].is_some() {
                continue;
            }
            let part = piece.length.min(left.max(0.0));
            amounts[piece.at] += part;
            left -= part;
            if part < piece.length {
                price = piece.slope.max(0.0);
                break;
            }
        }
        Filled { amounts, price }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::testing::curve;

    fn envelope(level: f64, price: f64) -> Envelope {
        let curve = curve("1", 100.0, 1.0, 1.0, 50.0);
        Envelope::new(&curve, (80.0, 120.0), 100.0, |amount| level * 100.0 * (amount / 100.0_f64).powf(0.7) - price * amount)
    }

    #[test]
    fn without_shortage_everyone_goes_to_their_own_optimum_and_money_has_no_price() {
        let filled = Pieces::of(&[envelope(2.0, 1.0), envelope(1.0, 1.0)]).pour(1_000.0, &[None, None]);
        assert_eq!(filled, Filled { amounts: vec![120.0, 80.0], price: 0.0 });
    }

    #[test]
    fn short_money_goes_to_the_most_valuable_units_and_adds_up() {
        let filled = Pieces::of(&[envelope(3.0, 0.0), envelope(2.0, 0.0)]).pour(200.0, &[None, None]);
        assert!((filled.amounts.iter().sum::<f64>() - 200.0).abs() < 1e-9 && filled.price > 0.0);
        assert!(filled.amounts[0] > 119.9 && filled.amounts[1] < 80.1, "{filled:?}");
    }

    #[test]
    fn what_nobody_values_stays_where_it_is() {
        let curve = curve("1", 100.0, 1.0, 1.0, 50.0);
        let flat = Envelope::new(&curve, (80.0, 120.0), 100.0, |_| 3.0);
        assert_eq!(Pieces::of(&[flat]).pour(1_000.0, &[None]).amounts, vec![100.0]);
    }

    #[test]
    fn a_dent_in_the_value_is_bridged() {
        let curve = curve("1", 100.0, 1.0, 1.0, 50.0);
        let dented = Envelope::new(&curve, (80.0, 120.0), 100.0, |amount| if amount > 119.0 { 10.0 } else { -0.1 * (amount - 80.0) });
        assert_eq!(Pieces::of(&[dented]).pour(1_000.0, &[None]).amounts, vec![120.0]);
    }
}
