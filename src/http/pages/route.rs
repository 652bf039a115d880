//! The route of a journey, drawn from the coordinates of its steps: a line through labelled points, and no map of
//! anybody's.

use crate::http::pages::Visitor;
use crate::http::pages::timeline::name;
use maud::{Markup, html};
use sealane_core::provenance::TimelineStep;

/// The drawing's size, in the units of its own coordinates, and the room around it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const MARGIN: f64 = 48.0;

/// Points that are drawn; a journey of more shows its first and last ones.
const POINTS_MAX: usize = 60;

/// A place of the journey, in degrees.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    latitude: f64,
    longitude: f64,
    /// Who was there.
    who: String,
}

/// Draws the route of a timeline; nothing where fewer than two of its places are known.
pub fn drawing(visitor: &Visitor, timeline: &[TimelineStep]) -> Markup {
    let steps = timeline.iter().map(|step| (step.latitude, step.longitude, name(visitor, &step.signer)));
    draw(visitor, &points(steps))
}

fn draw(visitor: &Visitor, points: &[Point]) -> Markup {
    if points.len() < 2 {
        return html! {};
    }
    let placed = project(points);
    let marks = marks(&placed);
    let line: Vec<String> = placed.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let count = points.len().to_string();
    let described = visitor.fill("route.described", &[("n", &count)]);
    html! {
        figure.route {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(described) {
                polyline points=(line.join(" ")) fill="none" stroke-linejoin="round" stroke-linecap="round" {}
                @for mark in &marks {
                    g.last[mark.numbers.contains(&placed.len())] {
                        rect x=(format!("{:.1}", mark.x - mark.width() / 2.0)) y=(format!("{:.1}", mark.y - 13.0))
                            width=(mark.width()) height="26" rx="13" {}
                        text x=(format!("{:.1}", mark.x)) y=(format!("{:.1}", mark.y + 5.0)) text-anchor="middle" {
                            (mark.text()) }
                    }
                }
            }
            figcaption {
                ol.places { @for point in points { li { (point.who) } } }
                (described)
            }
        }
    }
}

/// A mark on the drawing, with the numbers of all points that lie there.
struct Mark {
    x: f64,
    y: f64,
    numbers: Vec<usize>,
}

impl Mark {
    fn text(&self) -> String {
        match self.numbers.as_slice() {
            [first, _, .., last] => format!("{first}…{last}"),
            few => few.iter().map(usize::to_string).collect::<Vec<_>>().join(","),
        }
    }

    fn width(&self) -> f64 {
        let chars = self.text().chars().count();
        if chars < 3 { 26.0 } else { 10.0 + 9.0 * chars as f64 }
    }
}

/// One mark for each place, in the order of its last visit, so that the end of the journey is on top.
fn marks(placed: &[(f64, f64)]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for (at, (x, y)) in placed.iter().enumerate() {
        let same = marks.iter().position(|mark| (mark.x - x).abs() < 0.05 && (mark.y - y).abs() < 0.05);
        let mut mark = same.map_or(Mark { x: *x, y: *y, numbers: Vec::new() }, |same| marks.remove(same));
        mark.numbers.push(at + 1);
        marks.push(mark);
    }
    marks
}

/// The coordinates of the steps, without repeats of the place before.
fn points(steps: impl Iterator<Item = (Option<f64>, Option<f64>, String)>) -> Vec<Point> {
    let found = steps.filter_map(|(latitude, longitude, who)| {
        let within = |degrees: Option<f64>, most: f64| degrees.filter(|value| value.abs() <= most);
        Some(Point { latitude: within(latitude, 90.0)?, longitude: within(longitude, 180.0)?, who })
    });
    let mut points: Vec<Point> = found.collect();
    points.dedup_by(|next, one| (next.latitude, next.longitude) == (one.latitude, one.longitude));
    if points.len() > POINTS_MAX {
        let rest = points.split_off(points.len() - POINTS_MAX / 2);
        points.truncate(POINTS_MAX / 2);
        points.extend(rest);
    }
    points
}

/// Puts the points into the drawing, north up, with one scale for both directions.
fn project(points: &[Point]) -> Vec<(f64, f64)> {
    // From point to point the shorter way round: a journey over the date line does not cross the drawing.
    let mut unrolled: Vec<(f64, f64)> = Vec::with_capacity(points.len());
    for point in points {
        let before = unrolled.last().map_or(point.longitude, |(x, _)| *x);
        let turns = ((before - point.longitude) / 360.0).round();
        unrolled.push((point.longitude + 360.0 * turns, point.latitude));
    }
    let middle = unrolled.iter().map(|(_, y)| y).sum::<f64>() / unrolled.len() as f64;
    let narrowing = middle.to_radians().cos().max(0.1);
    let flat: Vec<(f64, f64)> = unrolled.iter().map(|(x, y)| (x * narrowing, -y)).collect();
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (left, right) = range(&mut flat.iter().map(|(x, _)| *x));
    let (top, bottom) = range(&mut flat.iter().map(|(_, y)| *y));
    let room = |size: f64, span: f64| (size - 2.0 * MARGIN) / span.max(1e-6);
    let scale = room(WIDTH, right - left).min(room(HEIGHT, bottom - top));
    let center = |size: f64, low: f64, high: f64, value: f64| size / 2.0 + (value - f64::midpoint(low, high)) * scale;
    flat.iter().map(|(x, y)| (center(WIDTH, left, right, *x), center(HEIGHT, top, bottom, *y))).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn at(latitude: f64, longitude: f64) -> (Option<f64>, Option<f64>, String) {
        (Some(latitude), Some(longitude), "Maker".to_owned())
    }

    #[test]
    fn keeps_north_up_and_everything_inside() {
        let journey =
            [at(60.4, 5.3), at(60.4, 5.3), (None, None, String::new()), at(51.9, 4.5), at(37.5, 126.9), at(91.0, 0.0)];
        let points = points(journey.into_iter());
        assert_eq!(points.len(), 3, "repeats, steps without a place and impossible ones are left out");
        let placed = project(&points);
        for (x, y) in &placed {
            assert!((MARGIN - 0.1..=WIDTH - MARGIN + 0.1).contains(x), "{x}");
            assert!((MARGIN - 0.1..=HEIGHT - MARGIN + 0.1).contains(y), "{y}");
        }
        assert!(placed[0].1 < placed[1].1 && placed[1].1 < placed[2].1, "{placed:?}");
        assert!(placed[2].0 > placed[0].0, "east is right: {placed:?}");
    }

    #[test]
    fn takes_the_short_way_over_the_date_line() {
        let placed = project(&points([at(35.0, 170.0), at(37.0, -170.0), at(36.0, -160.0)].into_iter()));
        assert!(placed[0].0 < placed[1].0 && placed[1].0 < placed[2].0, "{placed:?}");
    }

    #[test]
    fn a_place_that_is_visited_again_has_one_mark() {
        let journey: Vec<_> = [(1.0, 1.0), (2.0, 5.0), (3.0, 2.0), (2.0, 5.0)].map(|(x, y)| at(x, y)).into();
        let texts = |journey: &[(Option<f64>, Option<f64>, String)]| -> Vec<String> {
            marks(&project(&points(journey.iter().cloned()))).iter().map(Mark::text).collect()
        };
        assert_eq!(texts(&journey), ["1", "3", "2,4"]);
        assert_eq!(texts(&[&journey[..], &journey[1..]].concat()), ["1", "3,5", "2…6"]);
    }

    #[test]
    fn one_place_is_no_route() {
        let visitor = Visitor::of(&TestRequest::get().uri("/").to_http_request());
        let drawn = |journey: &[_]| draw(&visitor, &points(journey.iter().cloned())).into_string();
        assert_eq!(drawn(&[at(1.0, 1.0), at(1.0, 1.0)]), "");
        assert_eq!(drawn(&[]), "");
        assert!(drawn(&[at(1.0, 1.0), at(1.0, 2.0)]).contains("<svg"));
    }
}
