//! Documents, coupons and relations of service: they have no custodian, and their issuer's word ends them.

use serde_json::{Value, json};

use crate::provenance::Word;
use crate::provenance::scenario::{Actor, Cast, Scenario, rules};

const COUPON: &str = "https://id.gs1.org/255/9506000000015123";

fn issued() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    say(&mut ledger, &cast.acme, "2026-03-02", json!({"action": "ADD", "bizStep": "commissioning"}));
    assert_eq!(ledger.verdict_of(COUPON).word, Word::Authentic, "{:#?}", ledger.verdict_of(COUPON));
    (ledger, cast)
}

fn say(ledger: &mut Scenario, by: &Actor, when: &str, mut members: Value) {
    members["epcList"] = json!([COUPON]);
    ledger.say(by, when, members);
}

#[test]
fn its_issuer_takes_a_paper_out_of_use_and_no_other() {
    for (step, rule) in [("decommissioning", "decommissioned"), ("destroying", "destroyed")] {
        let (mut ledger, cast) = issued();
        say(&mut ledger, &cast.lisbon, "2026-03-03", json!({"bizStep": step}));
        assert_eq!(ledger.verdict_of(COUPON).word, Word::Authentic, "{step} by a stranger");
        say(&mut ledger, &cast.acme, "2026-03-04", json!({"bizStep": step}));
        let verdict = ledger.verdict_of(COUPON);
        assert_eq!((verdict.word, rules(&verdict)[0], verdict.state.end), (Word::Ended, rule, Some(rule)));
    }
}

#[test]
fn a_paper_that_a_shop_took_is_genuine_still() {
    let (mut ledger, cast) = issued();
    say(&mut ledger, &cast.lisbon, "2026-03-03", json!({"bizStep": "retail_selling", "disposition": "retail_sold"}));
    say(&mut ledger, &cast.acme, "2026-03-04", json!({"bizStep": "retail_selling"}));
    assert_eq!(ledger.verdict_of(COUPON).word, Word::Authentic);
}

#[test]
fn its_issuer_reports_a_paper_stolen_and_found() {
    let (mut ledger, cast) = issued();
    say(&mut ledger, &cast.lisbon, "2026-03-03", json!({"disposition": "stolen"}));
    let verdict = ledger.verdict_of(COUPON);
    assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Authentic, "stolen-claimed"));
    say(&mut ledger, &cast.acme, "2026-03-04", json!({"disposition": "stolen"}));
    let verdict = ledger.verdict_of(COUPON);
    assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Suspect, "reported-stolen"));
    say(&mut ledger, &cast.acme, "2026-03-05", json!({"persistentDisposition": {"unset": ["stolen"]}}));
    assert_eq!(ledger.verdict_of(COUPON).word, Word::Authentic);
}
