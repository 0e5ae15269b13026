//! Small charts as SVG, each with its text.

use maud::{Markup, html};

/// A line of values, oldest first. `label` says the same in words.
pub(crate) fn sparkline(values: &[f64], label: &str) -> Markup {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 24.0;
    let top = values.iter().copied().filter(|value| value.is_finite()).fold(0.0_f64, f64::max);
    let step = if values.len() > 1 { WIDTH / (values.len() - 1) as f64 } else { 0.0 };
    let place = |(at, value): (usize, &f64)| {
        let share = if top > 0.0 && value.is_finite() { value / top } else { 0.0 };
        (at as f64 * step, HEIGHT - 2.0 - share.clamp(0.0, 1.0) * (HEIGHT - 4.0))
    };
    let points: Vec<String> = values.iter().enumerate().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let last = values.iter().enumerate().next_back().map(place);
    html! {
        svg.spark viewBox="-3 0 102 24" role="img" aria-label=(label) {
            polyline points=(points.join(" ")) {}
            @if let Some((x, y)) = last { circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="2" {} }
        }
    }
}

/// How much of a whole is used. Beyond the whole it is marked.
pub(crate) fn meter(share: f64, label: &str) -> Markup {
    let share = if share.is_finite() { share.max(0.0) } else { 0.0 };
    let class = if share > 1.0 { "meter over" } else { "meter" };
    html! {
        svg class=(class) viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect.whole x="0" y="0" width="100" height="6" {}
            rect.part x="0" y="0" width=(format!("{:.1}", share.min(1.0) * 100.0)) height="6" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_nothing_or_of_nonsense_is_still_a_line() {
        for values in [&[][..], &[1.0], &[0.0, 0.0], &[f64::NAN, 1.0, f64::INFINITY]] {
            let drawn = sparkline(values, "spend").into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}
