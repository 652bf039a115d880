//! Terminal states: what is sold, dispensed, decommissioned or destroyed has no further life in the chain.

use crate::provenance::case::Case;
use crate::provenance::finding::{Findings, Severity};
use crate::provenance::reading::{self, Act, End};
use crate::provenance::wording::sentence_case;

/// Judges what was recorded after the product's end, and says how and by which entry it ended, if it did.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) -> Option<(End, usize)> {
    let mut ended: Option<(End, usize)> = None;
    for at in case.order.iter().copied() {
        if let Some((end, since)) = ended {
            // Whether it may come back to this one is for custody.
            if end.may_be_returned() && reading::returns(case, at, case.signer(since)) {
                ended = None;
            } else if contradicts(case, end, since, at) {
                report(case, end, since, at, findings);
            }
        }
        // What was sold may be destroyed at last, and nothing is sold that was destroyed.
        let further = reading::end(case, at).filter(|end| ended.is_none_or(|(former, _)| *end > former));
        ended = further.map(|end| (end, at)).or(ended);
    }
    ended
}

/// Tells whether an entry is later than the end and cannot follow it. Events of one moment are one occasion.
fn contradicts(case: &Case<'_>, end: End, since: usize, at: usize) -> bool {
    case.event(at).event_time > case.event(since).event_time
        && reading::act(case, at) != Act::FromAfar
        && !end.permits(case.step(at))
}

fn report(case: &Case<'_>, end: End, since: usize, at: usize, findings: &mut Findings) {
    let sentence = format!(
        "{} recorded it on {}, after it was {} on {} by {}.",
        sentence_case(&case.who(at)),
        case.day(at),
        end.word(),
        case.day(since),
        case.who(since)
    );
    findings.add("event-after-terminal", Severity::Fails, &[case.leaf(since), case.leaf(at)], sentence);
}
