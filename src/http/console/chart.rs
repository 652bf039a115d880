//! Small charts as SVG: one bar a minute, for the last hour. The page's style colours them.

use maud::{Markup, html};

use crate::http::console::history::MINUTES;

/// A bar's room and its own width, and the height of the highest one, in units of the drawing.
const STEP: f64 = 5.0;
const BAR: f64 = 4.0;
const HEIGHT: f64 = 60.0;

/// A bar that is there is seen, however small.
const LEAST: f64 = 1.5;

/// Draws one value a minute, the oldest first; nothing for a minute of which none is known. `told` is read out in its place.
pub fn bars(values: &[Option<f64>; MINUTES], told: &str) -> Markup {
    let most = most(values);
    let width = STEP * MINUTES as f64;
    html! {
        svg.bars role="img" aria-label=(told) viewBox=(format!("0 0 {width} {}", HEIGHT + 1.0)) preserveAspectRatio="none" focusable="false" {
            @for (at, value) in values.iter().enumerate() {
                @if let Some(height) = height(*value, most) {
                    rect x=(at as f64 * STEP) y=(format!("{:.1}", HEIGHT - height)) width=(BAR) height=(format!("{height:.1}")) {}
                }
            }
            line.base x1="0" x2=(width) y1=(HEIGHT + 0.5) y2=(HEIGHT + 0.5) {}
        }
    }
}

/// The highest value; 0 if none is known.
pub fn most(values: &[Option<f64>; MINUTES]) -> f64 {
    values.iter().flatten().copied().fold(0.0, f64::max)
}

fn height(value: Option<f64>, most: f64) -> Option<f64> {
    value.filter(|value| *value > 0.0 && most > 0.0).map(|value| (value / most * HEIGHT).max(LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_values() {
        let mut values = [None; MINUTES];
        (values[57], values[58], values[59]) = (Some(0.0), Some(5.0), Some(10.0));
        let drawn = bars(&values, "5 < 10").into_string();
        assert_eq!(drawn.matches("<rect").count(), 2, "{drawn}");
        assert!(drawn.contains(r#"<rect x="290" y="30.0" width="4" height="30.0">"#), "{drawn}");
        assert!(drawn.contains(r#"<rect x="295" y="0.0" width="4" height="60.0">"#), "{drawn}");
        assert!(drawn.contains("aria-label=\"5 &lt; 10\""), "{drawn}");
        assert_eq!(most(&values), 10.0);
    }

    #[test]
    fn nothing_and_little_are_drawn() {
        assert!(!bars(&[None; MINUTES], "").into_string().contains("<rect"));
        let mut values = [Some(0.0); MINUTES];
        assert!(!bars(&values, "").into_string().contains("<rect"));
        (values[0], values[1]) = (Some(1.0), Some(1e9));
        assert!(bars(&values, "").into_string().contains("height=\"1.5\""));
    }
}
