//! The chains that others wrote down.

use super::chain::{self, Chain};
use super::ledger::{Landed, land};
use super::{compare, folder, others_agree};
use crate::set::Case;

#[test]
fn the_reasons_are_a_readers() {
    let Some(folder) = folder() else { return };
    let (chains, unread) = chain::read_all(&folder);
    unread.iter().for_each(|file| println!("no JSON: {file}"));
    assert!(!chains.is_empty(), "no chain with urn:gdst ids at {}", folder.display());
    let mended: Vec<Chain> = chains.iter().filter_map(Chain::mended).collect();
    let (mut cases, mut events, mut words) = (Vec::<Case>::new(), 0, std::collections::BTreeMap::<_, usize>::new());
    for (number, chain) in chains.into_iter().chain(mended).enumerate() {
        let landed = land(1_000 + number as u64, chain);
        tell(&landed);
        compare(&landed).iter().for_each(|line| println!("{line}"));
        events += landed.posted.len();
        for (_, verdict) in &landed.answers {
            *words.entry(verdict.word.as_str()).or_default() += 1;
        }
        cases.extend(landed.cases);
    }
    println!("{words:?}");
    assert!(events > 100 && cases.len() > 50, "{events} events, {} ids", cases.len());
    others_agree("seafood-theirs", &cases);
}

fn tell(landed: &Landed) {
    println!(
        "\n{}: {} events on record, {} of them by the owner",
        landed.chain.name,
        landed.posted.len(),
        landed.by_owner
    );
    for one in &landed.refused {
        println!("  refused: {} of {} by {}: {}", one.event["type"], one.event["eventTime"], one.by, one.why);
    }
    for one in &landed.posted {
        println!(
            "  leaf {}: {} {} {} by {}",
            one.leaf, one.event["eventTime"], one.event["type"], one.event["bizStep"], one.by
        );
    }
}
