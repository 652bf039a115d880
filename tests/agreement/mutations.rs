//! Each rule is taken out in turn, and some seed shows that it is missing.

use crate::mutation::Mutation;
use crate::seeds::run;

/// Seeds that are tried before a mutation counts as unnoticed.
const SEEDS_MAX: u64 = 200;

/// Finds the first seed that shows `what` under a mutation, and that passes without it.
fn noticed(mutation: Mutation, what: &str) {
    let failed =
        (1..=SEEDS_MAX).find_map(|seed| Some((seed, run(seed, mutation).err()?)).filter(|(_, one)| one.contains(what)));
    let (seed, error) = failed.unwrap_or_else(|| panic!("{mutation:?} gives no {what:?} in {SEEDS_MAX} seeds"));
    println!("{mutation:?}: seed {seed}: {error}");
    run(seed, Mutation::None).unwrap();
}

#[test]
fn a_word_that_leaves_before_the_log_is_durable_is_noticed() {
    noticed(Mutation::NoFlush, "has said two things");
}

#[test]
fn a_log_that_is_not_read_is_noticed() {
    noticed(Mutation::NoReplay, "has said two things");
}

#[test]
fn votes_at_heights_that_the_log_is_past_are_noticed() {
    noticed(Mutation::OlderHeights, "has said two things");
}

#[test]
fn words_to_come_from_any_connection_are_noticed() {
    noticed(Mutation::AnyConnection, "heights are begun while nothing waits");
}

#[test]
fn what_is_not_said_again_is_noticed() {
    noticed(Mutation::NothingAgain, "not all that was posted is final");
}

#[test]
fn signatures_that_are_not_checked_are_noticed() {
    noticed(Mutation::TrustsAll, "");
}

#[test]
fn a_quorum_of_one_less_is_noticed() {
    noticed(Mutation::HastyQuorum, "a commit does not hold");
}

#[test]
fn a_block_that_is_not_rolled_back_is_noticed() {
    noticed(Mutation::NoRollBack, "");
}

#[test]
fn a_pool_that_knows_statements_by_their_id_is_noticed() {
    noticed(Mutation::PoolById, "a statement on the ledger does not verify");
}

#[test]
fn a_pool_that_keeps_what_may_not_stand_is_noticed() {
    noticed(Mutation::KeepsRefused, "");
}

#[test]
fn a_refusal_by_a_block_that_is_not_final_is_noticed() {
    noticed(Mutation::HastyRefusal, "was refused, and is on the ledger");
}

#[test]
fn a_log_without_the_block_that_was_voted_for_is_noticed() {
    noticed(Mutation::NoBlockInLog, "");
}

#[test]
fn a_set_of_members_that_votes_one_height_too_long_is_noticed() {
    noticed(Mutation::OldSetTooLong, "");
}

#[test]
fn a_quorum_of_those_who_come_one_height_too_early_is_noticed() {
    noticed(Mutation::NewSetTooEarly, "not all that was posted is final");
}

#[test]
fn a_key_that_signs_before_its_admission_or_after_its_removal_is_noticed() {
    noticed(Mutation::StrangersSign, "where its key is no member's");
}

#[test]
fn a_program_that_signs_by_rules_that_it_does_not_know_is_noticed() {
    noticed(Mutation::OldRulesSign, "by rules that it does not know");
}

#[test]
fn readiness_that_no_node_has_said_is_noticed() {
    noticed(Mutation::ReadyUnseen, "came into force that was never ready");
}
