//! Seeds that have failed once, and what they found.

use crate::mutation::Mutation;
use crate::seeds::run;

#[test]
fn the_votes_of_a_certificate_were_kept_and_not_counted() {
    run(1428, Mutation::None).unwrap();
}

#[test]
fn the_library_stopped_the_timer_that_says_all_again() {
    run(1415, Mutation::None).unwrap();
}

#[test]
fn a_member_without_statements_held_its_timers_while_others_waited_for_it() {
    for seed in [785, 1444] {
        run(seed, Mutation::None).unwrap();
    }
}

#[test]
fn a_liars_own_words_came_back_to_it() {
    // An honest member that hears its own key say what it has not said must stop.
    for seed in [210, 230] {
        run(seed, Mutation::None).unwrap();
    }
}

#[test]
fn a_client_gave_up_where_all_members_had_changed_at_once() {
    // Those that were replaced knew it, and those that replaced them did not yet: its client found no member's node.
    run(3647, Mutation::None).unwrap();
}

#[test]
fn a_word_was_judged_by_the_block_that_it_made_final() {
    // With its vote the block was final, and the rules that came into force with it were not known.
    run(1142, Mutation::None).unwrap();
}

#[test]
fn no_member_was_there_to_post_at_in_the_moment_in_which_all_had_changed() {
    run(8331, Mutation::None).unwrap();
}
