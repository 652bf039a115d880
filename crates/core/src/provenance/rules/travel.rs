//! Travel: nothing moves faster than the policy says between two places whose coordinates are known.

use crate::epcis::Coordinates;
use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::phrase::Phrase;
use crate::provenance::reading::{self, Act};
use crate::provenance::rule::Rule;

/// Two places so near are not told apart: coordinates are those of a town or a ship's last report as often as a door's.
const NEAR_KM: f64 = 100.0;

/// Clocks are wrong, and events are dated by the hour: so much more time is allowed for any way.
const SLACK_HOURS: f64 = 1.0;

/// Judges the way from each place to the next, by the events that need the goods in hand. What is recorded only after others have gone on
/// condemns nothing.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    let mut before: Option<(usize, Coordinates)> = None;
    let account = &case.account;
    let fitting = case.order().filter(|at| account.fitting.contains(at) && !account.overtaken.contains(at));
    for at in fitting.filter(|at| in_hand(case, *at)) {
        let Some(place) = case.event(at).coordinates else { continue };
        if let Some((former, former_place)) = before {
            way(case, former, at, former_place.distance_km(place), findings);
        }
        before = Some((at, place));
    }
}

fn in_hand(case: &Case<'_>, at: usize) -> bool {
    matches!(reading::act(case, at), Act::Ships | Act::Receives | Act::Handles)
}

fn way(case: &Case<'_>, from: usize, to: usize, km: f64, findings: &mut Findings) {
    let millis = case.event(to).event_time.millis_since(case.event(from).event_time);
    let hours = millis as f64 / 3_600_000.0;
    if km <= NEAR_KM || km <= f64::from(case.policy.max_speed_kmh) * (hours + SLACK_HOURS) {
        return;
    }
    let found = Rule::ImpossibleTravel {
        km: km.round().to_string().into(),
        minutes: (millis / 60_000).to_string().into(),
        speed: (millis > 0).then(|| Phrase::Speed { speed: (km / hours).round().to_string().into() }).into(),
        who: case.who(from),
        day: case.day(from),
        other: case.who(to),
        again: case.day(to),
    };
    findings.add(found, &[case.leaf(from), case.leaf(to)]);
}
